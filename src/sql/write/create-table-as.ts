/**
 * CREATE TABLE AS: a table with the columns and the rows of a query. Layer: sql.
 */
import type {CreateTable, Select} from '../ast.js';
import {foldName} from '../catalog/names.js';
import {defineTable} from '../catalog/table-definition.js';
import {parseStatement} from '../parser/parser.js';
import {bindSelect} from '../plan/bind-select.js';
import {affinityOfBound} from '../plan/expression.js';
import {Scope} from '../plan/scope.js';
import type {Affinity} from '../values/value.js';
import type {Compiler, Place} from './compiler.js';
import {quotedName} from './quoted-name.js';
import type {Run} from './session.js';
import type {WorkingState} from './working-state.js';

/** The types that SQLite declares for affinities. */
const TYPES: Readonly<Record<Affinity, string>> = {
  none: '',
  blob: '',
  text: ' TEXT',
  numeric: ' NUM',
  integer: ' INT',
  real: ' REAL',
};

/** Makes the table; `name` is free. */
export function createTableAs(
  compiler: Compiler,
  place: Place,
  run: Run,
  state: WorkingState,
  name: string,
  select: Select,
): void {
  const query = bindSelect(place.binder, new Scope(undefined), select);
  const rows = compiler.rows(place, query);
  const seen = new Set<string>();
  const columns = query.outputs.map(({name: column, expr}) => {
    let unique = column;
    for (let n = 1; seen.has(foldName(unique)); n++) unique = `${column}:${n}`;
    seen.add(foldName(unique));
    return `${quotedName(unique)}${TYPES[affinityOfBound(expr)]}`;
  });
  const sql = `CREATE TABLE ${quotedName(name)}(${columns.join(',')})`;
  // the rows are those of before there was the table
  const batches = rows(run, []);
  const first = batches.next();
  const table = state.createTable(defineTable(parseStatement(sql) as CreateTable, sql));
  const program = compiler.program(table);
  const rowid = table.definition.rowid.kind === 'hidden';
  const {lastInsertRowid} = run.session;
  for (let next = first; !next.done; next = batches.next()) {
    for (const row of next.value) program.insert(run, rowid ? [...row, null] : [...row], undefined, []);
  }
  run.session.lastInsertRowid = lastInsertRowid;
}
