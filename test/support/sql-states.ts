/** States made by statements, in memory, and what is in them. */
import type {ObjectId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {statements} from '../../src/sql/parser/parser.js';
import type {Value} from '../../src/sql/values/value.js';
import {checkSql} from '../../src/sql/write/sql-check.js';
import {WorkingState} from '../../src/sql/write/working-state.js';
import {WritableDatabase} from '../../src/sql/write/writable-database.js';
import {readState} from '../../src/state/state.js';
import {memoryCatalog} from './sqlcatalog.js';

/** States of one store in memory. */
export class SqlStates {
  readonly objects = new MemoryObjects();

  /** Returns the state that statements make of one. */
  run(base: ObjectId | undefined, sql: string): ObjectId {
    const {state, database} = this.open(base);
    for (const {from, to} of statements(sql)) database.prepare(sql.slice(from, to)).all();
    return state.write();
  }

  /** Returns the rows of a query. */
  rows(base: ObjectId, sql: string): (readonly Value[])[] {
    return this.open(base).database.prepare(sql).all();
  }

  /** Returns what fsck says of the tables of a state. */
  problems(id: ObjectId): string[] {
    const problems: string[] = [];
    for (const [name, table] of readState(this.objects, id)) {
      for (const {problem} of checkSql(this.objects, name, table, undefined)) problems.push(`${name}: ${problem}`);
    }
    return problems;
  }

  private open(base: ObjectId | undefined): {state: WorkingState; database: WritableDatabase} {
    const state = new WorkingState(this.objects, base);
    return {state, database: new WritableDatabase(state, memoryCatalog(new Map()))};
  }
}
