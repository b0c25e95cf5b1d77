/**
 * The engine of this project as the one that the differential tests put to the test.
 */
import {DbosError, isDbosError} from '../../../src/errors.js';
import type {Parameters} from '../../../src/sql/query.js';
import type {Value} from '../../../src/sql/values/value.js';
import {Session} from '../slt/session.js';
import type {Engine, Outcome, Parameter, Question} from './engine.js';
import {readLiteral} from './literal.js';

/** A query that takes longer is stopped. */
const TIMEOUT = 10_000;

function bind(parameters: readonly Parameter[]): Parameters {
  if (parameters[0]?.name.startsWith('?')) {
    const values: Value[] = [];
    for (const {name, literal} of parameters) values[Number(name.slice(1)) - 1] = readLiteral(literal);
    return Array.from(values, value => value ?? null);
  }
  return Object.fromEntries(parameters.map(({name, literal}) => [name.slice(1), readLiteral(literal)]));
}

function answer(session: Session, {sql, parameters}: Question): Outcome {
  let running = false;
  try {
    const statement = session.database.prepare(sql);
    running = true;
    const rows: (readonly Value[])[] = [];
    const bound = parameters === undefined ? undefined : bind(parameters);
    for (const batch of statement.batches(bound, {timeout: TIMEOUT})) rows.push(...batch);
    return {kind: 'rows', names: rows.length > 0 ? statement.columns.map(({name}) => name) : undefined, rows};
  } catch (error) {
    if (isDbosError(error, 'SQL_TIMEOUT')) return {kind: 'stopped'};
    if (error instanceof DbosError) return {kind: 'error', message: error.message, running};
    return {kind: 'crash', message: error instanceof Error ? (error.stack ?? error.message) : String(error)};
  }
}

export const DATABASE: Engine = {
  ask(batches) {
    return batches.map(({setup, questions}) => {
      const session = new Session();
      for (const statement of setup) session.execute(statement);
      return questions.map(question => answer(session, question));
    });
  },
};
