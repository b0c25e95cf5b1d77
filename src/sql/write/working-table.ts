/**
 * A table of SQL that is written: rows are cells in the order in which queries see the columns, a hidden rowid last. Checks
 * nothing that the storage itself does not need. Layer: sql.
 */
import {randomBytes} from 'node:crypto';
import {asBuffer, encodeText} from '../../bytes.js';
import {DbosError} from '../../errors.js';
import {type Cell, INLINE_LIMIT, integerCell, MAX_INTEGER, type Row} from '../../tree/cell.js';
import {afterPrefix, encodeKey, keyRange} from '../../tree/key.js';
import type {ColumnSource, Vector} from '../../tree/vector.js';
import {readCell} from '../catalog/cell-value.js';
import type {TableDefinition} from '../catalog/table-definition.js';
import type {TableShape} from '../catalog/table-source.js';
import type {IndexSource, SourceColumn, TreeColumn, TreeSource} from '../source.js';
import type {Value} from '../values/value.js';
import {AppendedRows} from './appended-rows.js';
import type {StoredTable, TableHost} from './stored-table.js';
import type {WorkingIndex} from './working-index.js';

/** A CREATE TRIGGER statement. */
export interface Trigger {
  readonly name: string;
  readonly sql: string;
}

/** Random rowids that are tried before a table counts as full, as in SQLite. */
const TRIES = 100;

export class WorkingTable {
  readonly kind = 'table';
  readonly definition: TableDefinition;
  /** The number of cells of a row. */
  readonly width: number;
  /** For each column of the tree its place in a row. */
  private readonly places: readonly number[];
  /** Whether rows of the tree are rows as they are. */
  private readonly direct: boolean;
  private readonly live: LiveSource;

  constructor(
    private readonly host: TableHost,
    readonly stored: StoredTable,
    shape: TableShape,
  ) {
    this.definition = shape.definition as TableDefinition;
    this.width = shape.columns.length;
    const places: number[] = [];
    for (const [column, origin] of shape.origins.entries())
      if (origin.kind === 'stored') places[origin.column] = column;
    this.places = places;
    this.direct = places.every((place, i) => place === i);
    this.live = new LiveSource(stored, host);
  }

  get name(): string {
    return this.definition.name;
  }

  get rows(): number {
    return this.stored.rows;
  }

  /** The indexes: those of UNIQUE constraints first, as they were written, then the others by name. */
  get indexes(): readonly WorkingIndex[] {
    return this.stored.indexes;
  }

  /** Returns the values of the key of a row. */
  keyOf(row: readonly Cell[]): Value[] {
    const {places, stored} = this;
    const values: Value[] = [];
    for (let i = 0; i < stored.spec.keys.length; i++) values.push(row[places[i] as number] as Value);
    return values;
  }

  /** Returns whether there is a row with this key. */
  has(key: readonly Value[]): boolean {
    return this.stored.has(this.stored.keyOf(key));
  }

  /** Returns the row with this key, a new array; values may stand outside it. */
  get(key: readonly Value[]): Cell[] | undefined {
    const row = this.stored.get(this.stored.keyOf(key));
    return row && this.fromTree(row);
  }

  /** Returns the value of a cell, read from outside the row if it stands there. Throws SQL_VALUE if it is too large. */
  value(cell: Cell): Value {
    return readCell(this.host.sink, cell);
  }

  /** Adds a row, and returns whether it did: not where its key is there already. */
  insert(row: readonly Cell[]): boolean {
    const {stored} = this;
    const made = this.toTree(row);
    const key = stored.keyOf(made);
    if (stored.has(key)) return false;
    stored.insert(key, made);
    return true;
  }

  /**
   * Adds a row behind all others, and returns whether it did: not where it does not belong there. See `StoredTable.append`. The
   * row is not changed or used later, but its long values are.
   */
  append(row: readonly Cell[]): boolean {
    return this.stored.append(this.needsWork(row) ? this.toTree(row) : row);
  }

  /**
   * Adds rows `from` to `to` − 1 of columns behind all others, as long as they belong there; returns the first one that does not, or
   * `to`. Their values stand in their rows.
   */
  appendColumns(columns: readonly (Vector | readonly Value[])[], from: number, to: number): number {
    return this.stored.appendRange(new GivenColumns(this.places.map(place => columns[place] as Vector)), from, to);
  }

  /** Whether a row of the tree is another one than this row. */
  private needsWork(row: readonly Cell[]): boolean {
    if (!this.direct) return true;
    for (let i = 0; i < row.length; i++) {
      const cell = row[i] as Cell;
      if (typeof cell === 'string' ? cell.length * 3 > INLINE_LIMIT : cell instanceof Uint8Array) return true;
    }
    return false;
  }

  /** Returns whether a row sorts behind all others. */
  follows(row: readonly Cell[]): boolean {
    return this.stored.follows(this.inTreeOrder(row));
  }

  /** Begins to note the rows that are appended. */
  appending(): AppendedRows {
    return new AppendedRows(this.host, this.stored);
  }

  /** Puts a row in the place of the one with `oldKey`, which there must be. Throws a `TypeError` if the row has the key of another one. */
  replace(oldKey: readonly Value[], row: readonly Cell[]): void {
    const {stored} = this;
    const made = this.toTree(row);
    const key = stored.keyOf(made);
    const old = stored.keyOf(oldKey);
    if (key === old) {
      // that there is such a row shows when its edits are counted
      stored.update(key, made);
      return;
    }
    if (!stored.has(old)) throw new TypeError(`no row of ${this.name} has the key that is to be replaced`);
    if (stored.has(key)) throw new TypeError(`another row of ${this.name} has the new key`);
    stored.remove(old);
    stored.insert(key, made);
  }

  /** Removes the row with this key, and returns whether there was one. */
  delete(key: readonly Value[]): boolean {
    const {stored} = this;
    const at = stored.keyOf(key);
    if (!stored.has(at)) return false;
    stored.remove(at);
    return true;
  }

  /** Removes all rows. */
  clear(): void {
    this.stored.clear();
  }

  /**
   * Returns the key of a row that has the same values as this one in a unique index; the row with the key `own` is none. NULL
   * is like no value, and a row outside a partial index like no row.
   */
  conflict(index: WorkingIndex, row: readonly Cell[], own?: readonly Value[]): Value[] | undefined {
    const {entries} = index;
    const made = this.inTreeOrder(row);
    if (!entries.includes(made)) return undefined;
    const {stored} = this;
    const ownKey = own && stored.keyOf(own);
    for (const found of stored.find(index, entries.terms(made))) {
      if (ownKey === undefined || stored.keyOf(found) !== ownKey)
        return found.slice(0, stored.spec.keys.length) as Value[];
    }
    return undefined;
  }

  /** Returns the keys of the rows that have these values in the first terms of an index; none if one is NULL. */
  findByIndex(index: WorkingIndex, values: readonly Value[]): Value[][] {
    const keys: Value[][] = [];
    for (const row of this.stored.find(index, values)) keys.push(row.slice(0, this.stored.spec.keys.length) as Value[]);
    return keys;
  }

  /** Returns the rowid of a new row: one more than the greatest, or where there is none, one at random. Throws SQL_VALUE if the table is full. */
  nextRowid(): number | bigint {
    const greatest = this.stored.greatestRowid();
    if (greatest === undefined) return 1;
    if (greatest < MAX_INTEGER)
      return typeof greatest === 'number' && greatest < Number.MAX_SAFE_INTEGER
        ? greatest + 1
        : integerCell(BigInt(greatest) + 1n);
    for (let i = 0; i < TRIES; i++) {
      const rowid = integerCell((randomBytes(8).readBigUInt64LE() >> 2n) + 1n);
      if (!this.has([rowid])) return rowid;
    }
    throw new DbosError('SQL_VALUE', `database or disk is full: the table ${this.name} has no more rowids.`, {
      hint: 'Its greatest one is the greatest integer: give the row a number of your own.',
      data: {table: this.name},
    });
  }

  // -------------------------------------------------------------------------------------------------- what is read

  /** Notes that all rows matter to what is done. */
  noteAll(): void {
    this.host.reads?.noteRows(this.name);
  }

  /** Notes that it matters whether there is a row with this key. */
  noteKey(key: readonly Value[]): void {
    this.host.reads?.noteRows(this.name, [keyRange(encodeKey(this.stored.spec, key))]);
  }

  /** Notes that a row was given its rowid: it matters which is the greatest that there was. */
  noteRowidGiven(rowid: number | bigint): void {
    const {reads} = this.host;
    if (reads === undefined) return;
    // the first one there is depends on all others
    const from = rowid === 1 ? {} : {gte: encodeKey(this.stored.spec, [integerCell(BigInt(rowid) - 1n)])};
    reads.noteRows(this.name, [from]);
  }

  /** Notes that it matters which rows have these values in the first terms of an index. */
  noteEntries(index: WorkingIndex, values: readonly Value[]): void {
    const {reads} = this.host;
    if (reads === undefined || values.includes(null)) return;
    const gte = index.entries.prefix(values).copy();
    reads.noteEntries(this.name, index.name, [{gte, lt: afterPrefix(gte)}]);
  }

  /** Notes that it matters which rows have the same values as a row in an index. */
  noteAlike(index: WorkingIndex, row: readonly Cell[]): void {
    if (this.host.reads) this.noteEntries(index, index.entries.terms(this.inTreeOrder(row)));
  }

  /** Returns the table as queries read it: always the rows as they are. What is being read stays what it was when it was begun. */
  source(): TreeSource {
    return this.live;
  }

  // -------------------------------------------------------------------------------------------------- rows of the tree

  private inTreeOrder(row: readonly Cell[]): Cell[] {
    if (row.length !== this.width)
      throw new TypeError(`a row of ${this.name} has ${this.width} cells, not ${row.length}`);
    const {places} = this;
    if (this.direct) return row.slice();
    const made = new Array<Cell>(places.length);
    for (let i = 0; i < places.length; i++) made[i] = row[places[i] as number] as Cell;
    return made;
  }

  /** Returns a row of the tree, with long values outside. */
  private toTree(row: readonly Cell[]): Cell[] {
    const made = this.inTreeOrder(row);
    for (let i = this.stored.spec.keys.length; i < made.length; i++) {
      const cell = made[i] as Cell;
      if (typeof cell === 'string') {
        // a character of a string takes one to three bytes
        if (cell.length * 3 <= INLINE_LIMIT) continue;
        const bytes = encodeText(cell);
        if (bytes.length > INLINE_LIMIT) made[i] = this.host.bodies.write(bytes, true);
      } else if (cell instanceof Uint8Array && cell.length > INLINE_LIMIT) {
        // the writer keeps the bytes until they are written
        made[i] = this.host.bodies.write(Buffer.from(asBuffer(cell)), false);
      }
    }
    return made;
  }

  /** Returns a row for one of the tree. */
  fromTree(row: Row): Cell[] {
    if (this.direct) return row.slice();
    const {places} = this;
    const cells = new Array<Cell>(this.width).fill(null);
    for (let i = 0; i < places.length; i++) cells[places[i] as number] = row[i] as Cell;
    return cells;
  }
}

/** Columns at hand. */
class GivenColumns implements ColumnSource {
  private readonly decoded: (readonly Cell[] | undefined)[] = [];

  constructor(private readonly columns: readonly (Vector | readonly Value[])[]) {}

  vector(column: number): Vector | undefined {
    const given = this.columns[column] as Vector | readonly Value[];
    return Array.isArray(given) ? undefined : (given as Vector);
  }

  cells(column: number): readonly Cell[] {
    let cells = this.decoded[column];
    if (cells === undefined) {
      const given = this.columns[column] as Vector | readonly Value[];
      cells = Array.isArray(given) ? given : (given as Vector).cells();
      this.decoded[column] = cells;
    }
    return cells;
  }
}

/** A table that is written, as queries use it: its root is asked for when a scan begins. */
class LiveSource implements TreeSource {
  readonly kind = 'tree';
  readonly name: string;
  readonly columns: readonly SourceColumn[];
  readonly origins: readonly TreeColumn[];
  readonly rowid: number | undefined;
  readonly key: readonly number[];
  readonly spec: TreeSource['spec'];
  readonly reader: TreeSource['reader'];
  readonly onRead: TreeSource['onRead'];

  constructor(
    private readonly stored: StoredTable,
    {sink, reads}: TableHost,
  ) {
    const {name, columns, origins, rowid, key, spec} = stored.shape;
    this.reader = sink;
    this.onRead = reads?.noting(name);
    this.name = name;
    this.columns = columns;
    this.origins = origins;
    this.rowid = rowid;
    this.key = key;
    this.spec = spec;
  }

  get root(): TreeSource['root'] {
    return this.stored.readable();
  }

  get rows(): number {
    return this.stored.rows;
  }

  get indexes(): readonly IndexSource[] {
    return this.stored.sources();
  }
}
