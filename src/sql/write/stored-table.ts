/**
 * A table that is written, as rows of its tree: edits are kept by key until they are many or somebody scans, then go into the
 * tree at once; the indexes follow. What happened since a mark can be taken back. Layer: sql.
 */
import {fromBinary, toBinary} from '../../bytes.js';
import {DbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import type {ObjectSink} from '../../objects/store.js';
import type {NamedDefinition, Table} from '../../state/table.js';
import {TreeAppender} from '../../tree/append.js';
import type {BodyWriter} from '../../tree/bodies.js';
import {type Cell, ContentRef, type Row} from '../../tree/cell.js';
import {rememberEdits} from '../../tree/diff.js';
import {editTree} from '../../tree/edit.js';
import {KeyWriter} from '../../tree/key.js';
import {findRow} from '../../tree/locate.js';
import {countRows, getRow, greatestKey, lastLeaf} from '../../tree/read.js';
import {putSorted} from '../../tree/sorted.js';
import type {KeyColumn, TreeRoot, TreeSpec} from '../../tree/spec.js';
import type {ColumnSource} from '../../tree/vector.js';
import type {IndexDefinition, IndexedTable} from '../catalog/index-definition.js';
import type {IndexSource} from '../source.js';
import type {Value} from '../values/value.js';
import {IndexEntries} from './index-entries.js';
import {entriesOf} from './index-sync.js';
import type {Provisional} from './provisional.js';
import type {ReadTracker} from './read-tracker.js';
import {WorkingIndex} from './working-index.js';

/** What a table needs of the state that it is part of. */
export interface TableHost {
  readonly sink: ObjectSink;
  /** Where trees are kept that are only read; they go into the sink without it. */
  readonly provisional: Provisional | undefined;
  readonly bodies: BodyWriter;
  /** Changes with each mark: what is edited for the first time after one notes how to take it back. */
  readonly epoch: number;
  /** What takes note of what is read; undefined where that does not matter. */
  readonly reads?: ReadTracker | undefined;
  /** Takes note of a way back; `before` is the epoch of the last note that this owner has, if it has one. */
  noteUndo(undo: () => void, before?: number): void;
}

/** Edits that are kept where keys ascend, and where they do not: those fall into all parts of the tree, so fewer runs are better. */
const ASCENDING_EDITS = 1 << 15;
const SCATTERED_EDITS = 1 << 19;
const REMEMBERED_EDITS = 64;
/** More edits go into the tree before somebody reads it. */
const PROVISIONAL_EDITS = 4096;

/** Edits that are not in the tree yet, by key. */
class Pending {
  /** The rows, null for those that are gone. */
  readonly rows = new Map<string, Row | null>();
  /** For each edit its key and what the map had before. */
  readonly journal: (string | Row | null | undefined)[] = [];
  /** Whether the keys came in ascending order. */
  ascending = true;
  /** Whether a row was removed, even if it was put back. */
  removes = false;
  private last = '';

  set(key: string, row: Row | null): void {
    const {rows, journal} = this;
    const before = rows.get(key);
    journal.push(key, before);
    rows.set(key, row);
    if (row === null) this.removes = true;
    if (before !== undefined) return;
    if (key < this.last) this.ascending = false;
    this.last = key;
  }

  /** Takes back the edits after the first `length / 2`. */
  unwind(length: number): void {
    const {rows, journal} = this;
    while (journal.length > length) {
      const before = journal.pop() as Row | null | undefined;
      const key = journal.pop() as string;
      if (before === undefined) rows.delete(key);
      else rows.set(key, before);
    }
  }

  get full(): boolean {
    return this.rows.size >= (this.ascending ? ASCENDING_EDITS : SCATTERED_EDITS);
  }

  *edits(): Generator<{readonly key: Buffer; readonly row: Row | null}> {
    if (this.ascending) {
      for (const [key, row] of this.rows) yield {key: fromBinary(key), row};
      return;
    }
    const keys = [...this.rows.keys()].sort();
    for (const key of keys) yield {key: fromBinary(key), row: this.rows.get(key) as Row | null};
  }
}

export class StoredTable {
  readonly spec: TreeSpec;
  private readonly schema: ObjectId;
  private root: TreeRoot;
  private count: number;
  private pending = new Pending();
  /** The tree with the first edits of the journal, for readers; as long as its generation is that of what is provisional. */
  private read: {readonly root: TreeRoot; readonly edits: number; readonly generation: number} | undefined;
  /** Takes the rows behind all others since the last look at the tree, which has none of them yet. */
  private appender: TreeAppender | undefined;
  private epoch = -1;
  private ownIndexes: readonly WorkingIndex[];
  private ownTriggers: readonly NamedDefinition[];
  /** The greatest key of the tree; undefined where it is not known. */
  private greatest: string | undefined;
  /** The greatest rowid, edits included; undefined where it is not known. */
  private rowid: number | bigint | undefined;
  private readonly writer = new KeyWriter();

  constructor(
    private readonly host: TableHost,
    /** What its columns are to queries. */
    readonly shape: IndexedTable,
    table: Table,
    indexes: readonly WorkingIndex[],
  ) {
    this.spec = shape.spec;
    this.schema = table.schema;
    this.root = table.root;
    this.count = table.rows;
    this.ownTriggers = table.triggers ?? [];
    this.ownIndexes = indexes;
  }

  get rows(): number {
    return this.count;
  }

  get indexes(): readonly WorkingIndex[] {
    return this.ownIndexes;
  }

  get triggers(): readonly NamedDefinition[] {
    return this.ownTriggers;
  }

  set triggers(triggers: readonly NamedDefinition[]) {
    this.touch();
    this.ownTriggers = triggers;
  }

  // -------------------------------------------------------------------------------------------------- rows

  /** Returns the key of the first cells of a row, as a binary string. Throws VALUE_TOO_LARGE, and ROW_INVALID for what cannot be a key. */
  keyOf(cells: readonly Cell[]): string {
    const {writer, spec} = this;
    const {keys} = spec;
    writer.reset();
    for (let i = 0; i < keys.length; i++) writer.cell(keys[i] as KeyColumn, cells[i] as Cell);
    return writer.bytes.toString('latin1', 0, writer.length);
  }

  has(key: string): boolean {
    if (this.appender) this.flush();
    const pending = this.pending.rows.get(key);
    if (pending !== undefined) return pending !== null;
    return !this.isAfterAll(key) && findRow(this.host.sink, this.spec, this.root, fromBinary(key)) !== undefined;
  }

  /** Returns the row with this key. */
  get(key: string): Row | undefined {
    if (this.appender) this.flush();
    const pending = this.pending.rows.get(key);
    if (pending === undefined) {
      return this.isAfterAll(key) ? undefined : getRow(this.host.sink, this.spec, this.root, fromBinary(key));
    }
    if (pending !== null) this.flushBodies(pending);
    return pending ?? undefined;
  }

  /** What stands outside a row can be read only when it has been handed over. */
  private flushBodies(row: Row): void {
    if (row.some(cell => cell instanceof ContentRef)) this.host.bodies.flush();
  }

  /** Puts a row where there is none; `key` is its key. */
  insert(key: string, row: Row): void {
    this.touch();
    this.note(key, row);
    this.pending.set(key, row);
    this.noteRowid(row[0] as Cell);
    this.count++;
    if (this.pending.full) this.flush();
  }

  /**
   * Puts a row behind all others and returns true, or returns false for one that does not belong there. Rows that are appended
   * one after the other go into the tree as they come; unique indexes are not asked, see `AppendedRows`.
   */
  append(row: Row): boolean {
    if (!this.appending().append(row)) return false;
    this.noteRowid(row[0] as Cell);
    this.count++;
    return true;
  }

  /** As `append`, for rows `from` to `to` − 1 of a source; returns the first one that does not belong there, or `to`. */
  appendRange(source: ColumnSource, from: number, to: number): number {
    const end = this.appending().appendRange(source, from, to);
    if (end > from) this.noteRowid(source.cells(0)[end - 1] as Cell);
    this.count += end - from;
    return end;
  }

  /** Returns whether a row could be appended. */
  follows(row: Row): boolean {
    return this.appending().follows(row);
  }

  private appending(): TreeAppender {
    const {host} = this;
    if (this.appender === undefined || this.epoch !== host.epoch) {
      this.touch();
      this.appender = new TreeAppender(host.sink, this.spec, this.flush());
    }
    return this.appender;
  }

  private noteRowid(first: Cell): void {
    if (typeof first !== 'number' && typeof first !== 'bigint') return;
    if (this.rowid === undefined ? this.count === 0 : first > this.rowid) this.rowid = first;
  }

  /** Puts a row at a key that has one. */
  update(key: string, row: Row): void {
    this.touch();
    this.note(key, row);
    this.pending.set(key, row);
    if (this.pending.full) this.flush();
  }

  /** Removes the row of a key that has one. */
  remove(key: string): void {
    this.touch();
    this.pending.set(key, null);
    this.count--;
    if (this.rowid !== undefined && this.spec.keys.length === 1 && key === this.keyOf([this.rowid]))
      this.rowid = undefined;
    if (this.pending.full) this.flush();
  }

  /** Removes all rows. */
  clear(): void {
    this.touch();
    this.pending = new Pending();
    this.read = undefined;
    this.appender = undefined;
    this.root = null;
    this.count = 0;
    this.greatest = undefined;
    this.rowid = undefined;
  }

  private note(key: string, row: Row): void {
    const {ownIndexes} = this;
    if (ownIndexes.some(index => index.unique)) this.flushBodies(row);
    for (let i = 0; i < ownIndexes.length; i++) {
      const index = ownIndexes[i] as WorkingIndex;
      if (!index.unique || !index.entries.includes(row)) continue;
      const terms = index.entries.terms(row);
      if (terms.includes(null)) continue;
      const {bytes, length} = index.entries.prefix(terms);
      index.note(bytes.toString('latin1', 0, length), key);
      if (index.recentCount > SCATTERED_EDITS) {
        this.flush();
        index.rootAt(this.root);
        // the row itself is about to come
        this.note(key, row);
      }
    }
  }

  private isAfterAll(key: string): boolean {
    if (this.root === null) return true;
    this.greatest ??= toBinary(greatestKey(this.host.sink, this.spec, this.root) as Buffer);
    return key > this.greatest;
  }

  /** Returns the greatest key of a table whose only key column is its rowid. */
  greatestRowid(): number | bigint | undefined {
    if (this.count === 0) return undefined;
    if (this.rowid === undefined) {
      const root = this.readable() as ObjectId;
      const leaf = lastLeaf(this.host.sink, this.spec, root);
      this.rowid = leaf.cell(0, leaf.count - 1) as number | bigint;
    }
    return this.rowid;
  }

  // -------------------------------------------------------------------------------------------------- tree

  /** Puts all edits into the tree and returns its root. */
  flush(): TreeRoot {
    const {pending, appender, host} = this;
    if (pending.rows.size === 0 && appender === undefined) return this.root;
    host.bodies.flush();
    if (appender) this.root = appender.finish();
    else if (pending.rows.size > REMEMBERED_EDITS)
      this.root = this.appended() ?? editTree(host.sink, this.spec, this.root, pending.edits());
    else {
      const edits = [...pending.edits()];
      const from = this.root;
      this.root = editTree(host.sink, this.spec, from, edits);
      // the indexes, and who counts what the unit has changed, need not compare the trees
      rememberEdits(host.sink, this.spec, from, this.root, edits);
    }
    this.appender = undefined;
    this.pending = new Pending();
    this.read = undefined;
    this.greatest = undefined;
    if (countRows(host.sink, this.spec, this.root) !== this.count)
      throw new TypeError('an edit was not what it said it was');
    return this.root;
  }

  /** Returns the root of a tree with all edits, to be read. Of a few edits it is made beside the store. */
  readable(): TreeRoot {
    const {pending, appender, host, spec, read} = this;
    const {provisional, sink} = host;
    const {rows, journal} = pending;
    if (rows.size === 0 && appender === undefined) return this.root;
    if (appender || provisional === undefined || provisional.isFull || rows.size > PROVISIONAL_EDITS)
      return this.flush();
    host.bodies.flush();
    const usable = read?.generation === provisional.generation ? read : undefined;
    const {root: from, edits: done} = usable ?? {root: this.root, edits: 0};
    if (done === journal.length) return from;
    const keys = new Set<string>();
    for (let i = done; i < journal.length; i += 2) keys.add(journal[i] as string);
    const edits = [...keys].sort().map(key => ({key: fromBinary(key), row: rows.get(key) as Row | null}));
    const root = provisional.make(() => editTree(sink, spec, from, edits));
    if (edits.length <= REMEMBERED_EDITS) rememberEdits(sink, spec, from, root, edits);
    this.read = {root, edits: journal.length, generation: provisional.generation};
    return root;
  }

  /** Returns the root of the tree of an index for the rows as they are, to be read. */
  readableIndex(index: WorkingIndex): TreeRoot {
    const table = this.readable();
    const {provisional} = this.host;
    return table === this.root || provisional === undefined
      ? index.rootAt(table)
      : index.readableAt(table, provisional);
  }

  /** Returns the root of the tree with all edits, if they are rows that came in order behind all others. */
  private appended(): TreeRoot | undefined {
    const {ascending, removes, rows} = this.pending;
    const [first] = rows.keys();
    if (!ascending || removes || !this.isAfterAll(first as string)) return undefined;
    const appender = new TreeAppender(this.host.sink, this.spec, this.root);
    for (const row of rows.values()) if (!appender.append(row as Row)) throw new TypeError('rows that do not ascend');
    return appender.finish();
  }

  /** Returns the table as it is now. Everything is in the sink then. */
  write(): Table {
    const root = this.flush();
    const indexes = this.ownIndexes.map(index => index.stored(root));
    const triggers = this.ownTriggers;
    return {
      schema: this.schema,
      root,
      rows: this.count,
      ...(indexes.length > 0 && {indexes}),
      ...(triggers.length > 0 && {triggers}),
    };
  }

  private touch(): void {
    const {host} = this;
    if (this.appender) this.flush();
    const {epoch: before} = this;
    if (before === host.epoch) return;
    this.epoch = host.epoch;
    const {root, count, pending, ownIndexes, ownTriggers, greatest, rowid} = this;
    const {length} = pending.journal;
    const indexes = ownIndexes.map(index => index.snapshot());
    host.noteUndo(() => {
      this.epoch = before;
      this.root = root;
      this.count = count;
      this.greatest = greatest;
      this.rowid = rowid;
      this.ownIndexes = ownIndexes;
      this.ownTriggers = ownTriggers;
      this.appender = undefined;
      this.pending = pending;
      this.read = undefined;
      pending.unwind(length);
      for (const restore of indexes) restore();
    }, before);
  }

  // -------------------------------------------------------------------------------------------------- indexes

  /** Returns the index of this name. */
  index(name: string): WorkingIndex | undefined {
    return this.ownIndexes.find(index => index.name === name);
  }

  /** Makes an index and fills it. Throws CONSTRAINT_FAILED if it is unique and two rows have the same values. */
  createIndex(definition: IndexDefinition): WorkingIndex {
    const {host, spec} = this;
    const entries = new IndexEntries(definition, this.shape, host.sink);
    const table = this.flush();
    const sort = entriesOf(host.sink, spec, table, entries);
    if (definition.unique && sort.hasSameTerms()) throw duplicate(definition, this.shape);
    const root = putSorted(host.sink, entries.spec, null, sort);
    const index = new WorkingIndex(entries, host.sink, spec, root, table);
    this.touch();
    this.ownIndexes = [...this.ownIndexes, index];
    return index;
  }

  dropIndex(name: string): void {
    this.touch();
    this.ownIndexes = this.ownIndexes.filter(index => index.name !== name);
  }

  /** Makes an index anew from the rows. */
  reindex(name: string): void {
    const {definition} = this.index(name) as WorkingIndex;
    const before = this.ownIndexes.map(index => index.name);
    this.dropIndex(name);
    this.createIndex(definition);
    this.ownIndexes = before.map(each => this.index(each) as WorkingIndex);
  }

  /**
   * Yields the rows that have these values in the first terms of an index; none if one is NULL. With all the terms of a
   * unique index nothing has to be put into trees first.
   */
  *find(index: WorkingIndex, values: readonly Value[]): Generator<Row, void, undefined> {
    if (values.includes(null)) return;
    const {entries, unique, definition} = index;
    const direct = unique && values.length === definition.terms.length;
    const root = direct ? index.ownRoot : this.readableIndex(index);
    const {bytes, length} = entries.prefix(values);
    const wanted = bytes.toString('latin1', 0, length);
    const seen = new Set<string>();
    const matches = (key: string): Row | undefined => {
      if (seen.has(key)) return undefined;
      seen.add(key);
      const row = this.get(key);
      if (row === undefined || !entries.includes(row)) return undefined;
      const own = entries.prefix(entries.terms(row).slice(0, values.length));
      return own.bytes.toString('latin1', 0, own.length) === wanted ? row : undefined;
    };
    if (direct) {
      for (const key of index.noted(wanted)) {
        const row = matches(key);
        if (row) yield row;
      }
    }
    for (const cells of index.find(values, root)) {
      const row = matches(this.keyOf(cells));
      if (row) yield row;
    }
  }

  /** Returns the indexes as queries use them: always those of the rows as they are. */
  sources(): readonly IndexSource[] {
    return this.ownIndexes.map(index => new LiveIndex(this, index));
  }
}

/** An index of a table that is written, as queries use it. */
class LiveIndex implements IndexSource {
  readonly name: string;
  readonly unique: boolean;
  readonly spec: TreeSpec;
  readonly terms: IndexSource['terms'];
  readonly columns: IndexSource['columns'];
  readonly key: IndexSource['key'];
  readonly where: IndexSource['where'];

  constructor(
    private readonly table: StoredTable,
    private readonly index: WorkingIndex,
  ) {
    const {definition, entries} = index;
    this.name = definition.name;
    this.unique = definition.unique;
    this.spec = entries.spec;
    this.terms = definition.terms.map(term => term.expr);
    this.columns = entries.layout.columns;
    this.key = entries.layout.key;
    this.where = definition.where;
  }

  get root(): TreeRoot {
    return this.table.readableIndex(this.index);
  }

  get rows(): number {
    return this.where === undefined ? this.table.rows : countRows(this.index.sink, this.spec, this.root);
  }
}

/** Returns the error for two rows with the same values in a unique index. */
export function duplicate(definition: IndexDefinition, {name, columns}: IndexedTable): DbosError {
  const names = definition.terms.map(term => (term.column === undefined ? undefined : columns[term.column]?.name));
  const what = names.includes(undefined)
    ? `index '${definition.name}'`
    : names.map(each => `${name}.${each}`).join(', ');
  return new DbosError('CONSTRAINT_FAILED', `UNIQUE constraint failed: ${what}.`, {
    hint: 'Another row has these values already.',
    data: {table: name, index: definition.name},
  });
}
