/**
 * A database in memory for tests that come as SQL: whatever statement comes goes through the engine.
 */
import {SERIES_FUNCTION} from '../../../src/sql/catalog/series-function.js';
import {JSON_TABLE_FUNCTIONS} from '../../../src/sql/functions/json.js';
import {statements} from '../../../src/sql/parser/parser.js';
import type {Catalog} from '../../../src/sql/source.js';
import type {Value} from '../../../src/sql/values/value.js';
import {WorkingState} from '../../../src/sql/write/working-state.js';
import {WritableDatabase} from '../../../src/sql/write/writable-database.js';
import {ProvisionalObjects} from '../../support/provisional-objects.js';

type Rows = readonly (readonly Value[])[];

const FUNCTIONS = new Map([...JSON_TABLE_FUNCTIONS, SERIES_FUNCTION].map(each => [each.name, each]));

/** What there is besides the tables of a state. */
const BASE: Catalog = {
  findTable: () => undefined,
  findFunction: name => FUNCTIONS.get(name.toLowerCase()),
  names: () => [],
};

export class Session {
  readonly database = new WritableDatabase(new WorkingState(new ProvisionalObjects(), undefined), BASE, {
    now: () => 0,
    zone: () => 0,
  });

  /** Carries out one or more statements and returns the rows of the last. */
  execute(sql: string): Rows {
    let rows: Rows = [];
    for (const {from, to} of statements(sql)) rows = this.database.prepare(sql.slice(from, to)).all();
    return rows;
  }
}
