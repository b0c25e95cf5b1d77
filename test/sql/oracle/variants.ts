/**
 * Ways to ask SQLite the same thing that may change only what is left open: rows visited from the other end, no
 * optimisations, rows inserted in other orders, indexes. An answer that depends on them is nobody's to give.
 */
import type {Batch, Engine, Outcome, Question} from './engine.js';
import type {Schema} from './schema.js';
import {setupOf} from './schema.js';

const REVERSE = 'PRAGMA reverse_unordered_selects = 1';

/** Parts of a table whose rows come first in one way each. */
const TURNS = 6;

/** Returns the schema with a later part of the rows of each table before the others, in tables that keep that order. */
function turnedBy(part: number, {tables, views}: Schema): Schema {
  return {
    views,
    tables: tables.map(table => {
      const {rows, create, key} = table;
      const from = Math.ceil((rows.length * part) / TURNS);
      return {
        ...table,
        // a key of one column could be the rowid then
        create: key.length > 1 ? create.replace(/ WITHOUT ROWID$/, '') : create,
        rows: [...rows.slice(from), ...rows.slice(0, from)],
      };
    }),
  };
}

/** Returns the statements that make a schema in each way; the first is the plain one. */
export function variantsOf(schema: Schema): string[][] {
  const plain = setupOf(schema);
  const turned: Schema = {
    ...schema,
    tables: schema.tables.map(table => ({...table, rows: [...table.rows].reverse()})),
  };
  const indexes = schema.tables.flatMap(({name, columns}) =>
    columns.map((column, i) => `CREATE INDEX ${name}_${i} ON ${name} (${column.name})`),
  );
  return [
    plain,
    [...plain, REVERSE],
    setupOf(turned),
    [...plain, ...indexes, 'ANALYZE'],
    ['.testctrl optimizations 0xffffffff', ...setupOf(turned), REVERSE],
    ...Array.from({length: TURNS - 1}, (_, i) => setupOf(turnedBy(i + 1, schema))),
  ];
}

/** Asks in every way and returns the outcomes: for each question those of all variants, the plain one first. */
export function askVariants(
  engine: Engine,
  requests: readonly {schema: Schema; questions: readonly Question[]}[],
): Outcome[][][] {
  const ways = requests.map(({schema}) => variantsOf(schema));
  const batches = requests.flatMap(({questions}, i) =>
    (ways[i] as string[][]).map((setup): Batch => ({setup, questions})),
  );
  const outcomes = engine.ask(batches);
  let at = 0;
  return requests.map(({questions}, i) => {
    const variants = outcomes.slice(at, at + (ways[i] as string[][]).length);
    at += variants.length;
    return questions.map((_, question) => variants.map(variant => variant[question] as Outcome));
  });
}
