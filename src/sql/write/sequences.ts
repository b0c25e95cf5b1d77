/**
 * The counters of AUTOINCREMENT: rows of the table `sqlite_sequence`, read when a statement first needs one and written
 * when it ends. Layer: sql.
 */

import {DbosError} from '../../errors.js';
import {type Cell, integerCell, MAX_INTEGER} from '../../tree/cell.js';
import {scanRows} from '../../tree/read.js';
import type {CreateTable} from '../ast.js';
import {foldName} from '../catalog/names.js';
import {defineTable, type TableDefinition} from '../catalog/table-definition.js';
import {parseStatement} from '../parser/parser.js';
import type {WorkingState} from './working-state.js';
import type {WorkingTable} from './working-table.js';

export const SEQUENCE_TABLE = 'sqlite_sequence';

/** Returns the definition of the table that holds the counters. */
export function sequenceDefinition(): TableDefinition {
  const sql = 'CREATE TABLE sqlite_sequence(name,seq)';
  return defineTable(parseStatement(sql) as CreateTable, sql);
}

interface Counter {
  /** The rowid of its row; undefined while there is none. */
  rowid: number | bigint | undefined;
  value: number | bigint;
  written: number | bigint | undefined;
}

/** The counters that one run of a statement uses. */
export class Sequences {
  private readonly counters = new Map<WorkingTable, Counter>();

  constructor(private readonly state: WorkingState) {}

  /** Returns the next rowid of a table. Throws SQL_VALUE if there is none. */
  next(table: WorkingTable): number | bigint {
    const counter = this.counter(table);
    if (counter.value === MAX_INTEGER) throw full(table);
    const own = table.nextRowid();
    const after = integerCell(BigInt(counter.value) + 1n);
    // biome-ignore lint/complexity/useMathMinMax: one of them may be a bigint
    return own < after ? after : own;
  }

  /** Notes that a row has been given a rowid. */
  note(table: WorkingTable, rowid: number | bigint): void {
    const counter = this.counter(table);
    if (rowid > counter.value) counter.value = rowid;
  }

  /** Writes the counters that have changed. */
  write(): void {
    for (const [table, counter] of this.counters) {
      const sequence = this.table();
      if (counter.value === counter.written || sequence === undefined) continue;
      const rowid = counter.rowid ?? sequence.nextRowid();
      const row: Cell[] = [table.name, counter.value, rowid];
      if (counter.rowid === undefined) sequence.insert(row);
      else sequence.replace([rowid], row);
      places.set(table, rowid);
    }
    this.counters.clear();
  }

  private table(): WorkingTable | undefined {
    const found = this.state.find(SEQUENCE_TABLE);
    return found?.kind === 'table' ? found : undefined;
  }

  private counter(table: WorkingTable): Counter {
    let counter = this.counters.get(table);
    if (counter === undefined) {
      counter = this.read(table);
      this.counters.set(table, counter);
    }
    return counter;
  }

  private read(table: WorkingTable): Counter {
    const sequence = this.table();
    const known = places.get(table);
    const row = known === undefined ? undefined : sequence?.get([known]);
    if (row && isOf(row, table)) return counterOf(row);
    if (sequence) {
      const {reader, spec, root} = sequence.source();
      for (const [rowid = null, name = null, value = null] of scanRows(reader, spec, root)) {
        if (!isOf([name], table)) continue;
        places.set(table, rowid as number | bigint);
        return counterOf([name, value, rowid]);
      }
    }
    return {rowid: undefined, value: 0, written: undefined};
  }
}

/** Where the rows of counters were found last. */
const places = new WeakMap<WorkingTable, number | bigint>();

function isOf(row: readonly Cell[], table: WorkingTable): boolean {
  return typeof row[0] === 'string' && foldName(row[0]) === foldName(table.name);
}

function counterOf([, value, rowid]: readonly Cell[]): Counter {
  const counted = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value)) ? value : 0;
  return {rowid: rowid as number | bigint, value: counted, written: counted};
}

function full(table: WorkingTable): DbosError {
  return new DbosError('SQL_VALUE', `database or disk is full: the table ${table.name} has no more rowids.`, {
    hint: 'AUTOINCREMENT gives no rowid twice, and the greatest has been used.',
    data: {table: table.name},
  });
}
