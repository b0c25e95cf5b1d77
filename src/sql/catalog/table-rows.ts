/**
 * Writes rows as tables: affinities and the constraints of the columns applied, rowids given, large values put outside
 * their rows, rows sorted by the key. Layer: sql.
 */
import {encodeText, toBinary} from '../../bytes.js';
import {DbosError} from '../../errors.js';
import type {ObjectSink} from '../../objects/store.js';
import {treeSpec, writeSchema} from '../../state/schema.js';
import type {Table} from '../../state/table.js';
import {BodyWriter} from '../../tree/bodies.js';
import {buildTree} from '../../tree/builder.js';
import {type Cell, INLINE_LIMIT, integerCell, MAX_INTEGER, Real, type Row} from '../../tree/cell.js';
import {editTree} from '../../tree/edit.js';
import {encodeKey, KeyWriter} from '../../tree/key.js';
import {compareKeys} from '../../tree/node.js';
import {countRows} from '../../tree/read.js';
import type {KeyColumn, TreeSpec} from '../../tree/spec.js';
import {applyAffinity} from '../values/affinity.js';
import type {Value} from '../values/value.js';
import {schemaOf, type TableColumn, type TableDefinition} from './table-definition.js';

/** Rows out of order that are sorted together. */
const BATCH_ROWS = 1_000_000;

/**
 * Writes a table of rows, each a value for every declared column, in any order, and returns it. Rows in the order of the key
 * take no memory. Throws ROW_INVALID for a value that a column does not take, and for two rows with one key;
 * VALUE_TOO_LARGE for a key that is too long.
 */
export function writeTableRows(sink: ObjectSink, definition: TableDefinition, rows: Iterable<readonly Value[]>): Table {
  const schema = schemaOf(definition);
  const spec = treeSpec(schema);
  const bodies = new BodyWriter(sink);
  const stored = storedRows(definition, bodies, spec, rows);
  const late: Row[] = [];
  let root = buildTree(sink, spec, untilOutOfOrder(spec, stored, late));
  let count = countRows(sink, spec, root);
  while (late.length > 0) {
    for (let next = stored.next(); !next.done; next = stored.next()) {
      late.push(next.value);
      if (late.length === BATCH_ROWS) break;
    }
    const edits = late.splice(0).map(row => ({key: encodeKey(spec, row), row, order: ''}));
    // one string compares faster than two buffers
    for (const edit of edits) edit.order = toBinary(edit.key);
    edits.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
    for (let i = 1; i < edits.length; i++) {
      if (edits[i]?.order === edits[i - 1]?.order) throw duplicateKey(definition);
    }
    root = editTree(sink, spec, root, edits);
    count += edits.length;
    if (countRows(sink, spec, root) !== count) throw duplicateKey(definition);
    const next = stored.next();
    if (!next.done) late.push(next.value);
  }
  bodies.flush();
  return {schema: writeSchema(sink, schema), root, rows: count};
}

function* storedRows(
  definition: TableDefinition,
  bodies: BodyWriter,
  spec: TreeSpec,
  rows: Iterable<readonly Value[]>,
): Generator<Row, void, undefined> {
  const intake = new RowIntake(definition);
  for (const row of rows) yield withBodies(bodies, intake.take(row), spec.keys.length);
}

/** Yields rows as long as their keys ascend, and puts the first that does not into `late`. */
function* untilOutOfOrder(
  spec: TreeSpec,
  rows: Iterator<Row, void, undefined>,
  late: Row[],
): Generator<Row, void, undefined> {
  let key = new KeyWriter();
  let previous = new KeyWriter();
  for (let next = rows.next(); !next.done; next = rows.next()) {
    const row = next.value;
    const last = previous;
    previous = key;
    key = last;
    key.reset();
    for (let i = 0; i < spec.keys.length; i++) key.cell(spec.keys[i] as KeyColumn, row[i] as Cell);
    if (previous.length > 0 && compareKeys(key.bytes, key.length, previous.bytes, previous.length) <= 0) {
      late.push(row);
      return;
    }
    yield row;
  }
}

/** Turns rows of values into rows as a table stores them, in the order of its tree's columns. */
export class RowIntake {
  private lastRowid: number | bigint = 0;

  constructor(private readonly definition: TableDefinition) {}

  /** Returns the row to store, a new array. Throws ROW_INVALID for a value that a column does not take. */
  take(values: readonly Value[]): Value[] {
    const {columns, storage, rowid, strict} = this.definition;
    if (values.length !== columns.length) {
      throw new TypeError(`a row of ${this.definition.name} has ${columns.length} values, not ${values.length}`);
    }
    const row = new Array<Value>(storage.length);
    for (let i = 0; i < storage.length; i++) {
      const declared = storage[i] as number;
      if (declared < 0) {
        row[i] = this.nextRowid();
        continue;
      }
      const column = columns[declared] as TableColumn;
      const value = withAffinity(values[declared] as Value, column);
      if (rowid.kind === 'alias' && declared === rowid.column) {
        row[i] = this.rowidOf(value, column);
        continue;
      }
      if (value === null && (column.notNull || i < this.definition.key.length)) throw this.isNull(column);
      if (strict && value !== null) this.checkStrict(value, column);
      row[i] = value;
    }
    return row;
  }

  private rowidOf(value: Value, column: TableColumn): number | bigint {
    if (value === null) return this.nextRowid();
    if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) {
      if (value > this.lastRowid) this.lastRowid = value;
      return value;
    }
    const full = `${this.definition.name}.${column.name}`;
    throw new DbosError('ROW_INVALID', `datatype mismatch: ${full} is an INTEGER PRIMARY KEY.`, {
      hint: 'Give it an integer, or NULL for the next number.',
      data: {table: this.definition.name, column: column.name},
    });
  }

  private nextRowid(): number | bigint {
    const next = BigInt(this.lastRowid) + 1n;
    if (next > MAX_INTEGER) {
      throw new DbosError('ROW_INVALID', `The table ${this.definition.name} has no more rowids.`, {
        hint: 'Its greatest one is the greatest integer: give the row a number of your own.',
        data: {table: this.definition.name},
      });
    }
    this.lastRowid = typeof this.lastRowid === 'number' && next < 2n ** 53n ? this.lastRowid + 1 : integerCell(next);
    return this.lastRowid;
  }

  private isNull(column: TableColumn): DbosError {
    const full = `${this.definition.name}.${column.name}`;
    return new DbosError('ROW_INVALID', `NOT NULL constraint failed: ${full}.`, {
      hint: 'Give the column a value.',
      data: {table: this.definition.name, column: column.name},
    });
  }

  private checkStrict(value: Value, column: TableColumn): void {
    const {affinity, type} = column;
    const is = typeNameOf(value);
    if (affinity === 'blob' ? type.toLowerCase() === 'any' || is === 'BLOB' : is === affinity.toUpperCase()) return;
    const full = `${this.definition.name}.${column.name}`;
    throw new DbosError('ROW_INVALID', `cannot store ${is} value in ${type} column ${full}.`, {
      hint: 'The table is STRICT: convert the value with CAST.',
      data: {table: this.definition.name, column: column.name},
    });
  }
}

function typeNameOf(value: Value): string {
  if (typeof value === 'string') return 'TEXT';
  if (value instanceof Uint8Array) return 'BLOB';
  if (value instanceof Real) return 'REAL';
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? 'INTEGER' : 'REAL';
}

/** Returns the value as the column stores it; NaN is NULL, as in SQLite. */
function withAffinity(value: Value, {affinity}: TableColumn): Value {
  if (typeof value === 'string')
    return affinity === 'text' || affinity === 'blob' ? value : applyAffinity(value, affinity);
  if (value === null || value instanceof Uint8Array) return value;
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return null;
    if (Number.isSafeInteger(value) && affinity !== 'text' && affinity !== 'real') return value;
  }
  return applyAffinity(value, affinity);
}

/** Puts long texts and blobs of a row, but for those of its key, outside it. */
export function withBodies(bodies: BodyWriter, row: Cell[], from: number): Row {
  for (let i = from; i < row.length; i++) {
    const cell = row[i] as Cell;
    if (typeof cell === 'string') {
      // a character of a string takes one to three bytes
      if (cell.length * 3 <= INLINE_LIMIT) continue;
      const bytes = encodeText(cell);
      if (bytes.length > INLINE_LIMIT) row[i] = bodies.write(bytes, true);
    } else if (cell instanceof Uint8Array && cell.length > INLINE_LIMIT) {
      // the writer keeps the bytes until they are written
      row[i] = bodies.write(Buffer.from(cell), false);
    }
  }
  return row;
}

/** Returns the error for a row whose key another row has. */
export function duplicateKey({name, columns, key}: TableDefinition): DbosError {
  const names = key.map(part => `${name}.${columns[part.column]?.name}`).join(', ');
  return new DbosError('ROW_INVALID', `UNIQUE constraint failed: ${names}.`, {
    hint: 'Another row has this key already.',
    data: {table: name, columns: key.map(part => columns[part.column]?.name)},
  });
}
