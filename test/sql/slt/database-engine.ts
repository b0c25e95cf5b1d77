/**
 * The engine of this project behind the runner of sqllogictest.
 */
import {DbosError, isDbosError} from '../../../src/errors.js';
import type {RecordOutcome, ScriptEngine} from './runner.js';
import type {ScriptRecord} from './script.js';
import {Session} from './session.js';

function runRecord(session: Session, record: ScriptRecord): RecordOutcome {
  try {
    return {kind: 'rows', rows: session.execute(record.sql)};
  } catch (error) {
    if (error instanceof DbosError)
      return {kind: 'error', message: error.message, running: isDbosError(error, 'SQL_VALUE')};
    return {kind: 'crash', message: error instanceof Error ? (error.stack ?? error.message) : String(error)};
  }
}

export const DATABASE_SCRIPTS: ScriptEngine = {
  *run(records) {
    const session = new Session();
    for (const record of records) yield runRecord(session, record);
  },
};
