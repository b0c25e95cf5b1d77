/**
 * Merges two states that come from one: table by table, row by row, cell by cell. Where one side changed something, that is
 * taken; where both changed one row in different columns, both are; what else both changed is a conflict unless it is equal.
 * Indexes come as definitions with the version of the table that theirs is the tree of: the SQL layer brings them along.
 * Layer: state.
 */
import {compareText} from '../bytes.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectSink} from '../objects/store.js';
import type {Edit} from '../tree/builder.js';
import {type Cell, type Row, sameCell} from '../tree/cell.js';
import {diffTrees} from '../tree/diff.js';
import {editTree} from '../tree/edit.js';
import {encodeKey} from '../tree/key.js';
import {mergeTrees, type RowVersions, type SettleRow, type Side, sameRow, type Versions} from '../tree/merge.js';
import {countRows, getRow} from '../tree/read.js';
import type {TreeRoot} from '../tree/spec.js';
import type {MergeConflict} from './conflict.js';
import {type Definition, isView, readDefinition, writeDefinition} from './definition.js';
import {FILES_SCHEMA, FILES_TABLE, filesTable} from './files.js';
import {mendFiles} from './mend-files.js';
import {nameOf, parentOf} from './path.js';
import {readSchema, type Schema, treeSpec} from './schema.js';
import {readState, type State, writeState} from './state.js';
import {type NamedDefinition, readTable, type Table, type TableIndex, writeTable} from './table.js';

/** An index of a merged table, and the version whose rows its tree has entries for. */
export interface MergedIndex {
  readonly index: TableIndex;
  readonly of: Table;
}

/** How rows with one schema become rows with another one: of the same key. */
export interface RowChanger {
  /** For each column of the new rows the column of the old ones, or undefined for a new one. */
  readonly from: readonly (number | undefined)[];
  /** The cells of new columns. */
  readonly fill: (row: Row) => Row;
}

/** What only the SQL layer knows. */
export interface MergeRules {
  /**
   * Whether a cell that both changed is in conflict also where both made the same of it. So it is between transactions: two that
   * add one to a counter make the same of it, and one of them would be lost.
   */
  readonly exclusive: boolean;
  /** Returns the side that is right where both contradict each other: in a row, or in what the table is; undefined if neither is. */
  readonly prefer?: ((table: string, key?: readonly Cell[]) => Side | undefined) | undefined;
  /** Returns the value of a cell that both sides changed, or undefined if none is right. */
  readonly settle: (
    table: string,
    schema: ObjectId,
    column: string,
    cells: Versions<Cell | undefined>,
  ) => Cell | undefined;
  /** Returns the value of a cell where a side is preferred. */
  readonly take: (table: string, column: string, cells: Versions<Cell | undefined>, side: Side) => Cell;
  /** Returns how rows come from one schema to another one, or undefined if their keys are not the same. */
  readonly convert: (name: string, from: ObjectId, to: ObjectId) => RowChanger | undefined;
  /** Returns a row of cells of both sides with the cells that are computed from others. */
  readonly complete: (name: string, schema: ObjectId, row: Row) => Row;
  /** Returns the rows of ours with keys that are not in the way of those of theirs, where both added some. */
  readonly renumber: (schema: ObjectId, roots: Versions<TreeRoot>) => TreeRoot;
  /** Returns a table whose rows are no rows of the user, merged as a whole; undefined for all others. */
  readonly special: (name: string, tables: Versions<Table>) => Table | undefined;
  /** Returns the indexes of a merged table with their trees. */
  readonly indexes: (name: string, table: Table, indexes: readonly MergedIndex[]) => readonly TableIndex[];
}

/** The tables that both sides changed, by name, as they are in each version. */
export interface MergedTable extends Versions<Table | undefined> {
  readonly merged: Table;
  /** The keys of rows that neither side had as they are now. */
  readonly combined: readonly Buffer[];
}

export interface StateMerge {
  readonly state: ObjectId;
  readonly conflicts: readonly MergeConflict[];
  /** What would be in conflict if no side were preferred. */
  readonly settled: readonly MergeConflict[];
  /** The tables that are neither those of one side nor of the other. */
  readonly tables: ReadonlyMap<string, MergedTable>;
}

/** Returns the state with the changes of both; where there are conflicts it is of no use. Undefined is the state without tables. */
export function mergeStates(sink: ObjectSink, ids: Versions<ObjectId | undefined>, rules: MergeRules): StateMerge {
  const read = (id: ObjectId | undefined): State => (id === undefined ? new Map() : readState(sink, id));
  return new Merge(sink, rules).states({base: read(ids.base), ours: read(ids.ours), theirs: read(ids.theirs)});
}

/** The place of the type in a row of `files`. */
const TYPE = FILES_SCHEMA.columns.findIndex(({name}) => name === 'type');

/** The rows of a merged table, and the keys of those that neither side had as they are now. */
interface MergedRows {
  readonly root: TreeRoot;
  readonly combined: readonly Buffer[];
}

/** Returns what comes of three versions where at most one side changed something; undefined if both did, each in its way. */
function oneSided<T>({base, ours, theirs}: Versions<T>): {readonly value: T} | undefined {
  if (ours === theirs || theirs === base) return {value: ours};
  return ours === base ? {value: theirs} : undefined;
}

class Merge {
  private readonly conflicts: MergeConflict[] = [];
  private readonly settled: MergeConflict[] = [];
  private readonly tables = new Map<string, MergedTable>();

  constructor(
    private readonly sink: ObjectSink,
    private readonly rules: MergeRules,
  ) {}

  states({base, ours, theirs}: Versions<State>): StateMerge {
    const merged = new Map<string, ObjectId>();
    const names = new Set([...ours.keys(), ...theirs.keys(), ...base.keys()]);
    for (const name of [...names].sort(compareText)) {
      const id = this.entry(name, {base: base.get(name), ours: ours.get(name), theirs: theirs.get(name)});
      if (id !== undefined) merged.set(name, id);
    }
    const {conflicts, settled, tables} = this;
    return {state: writeState(this.sink, merged), conflicts, settled, tables};
  }

  private entry(name: string, ids: Versions<ObjectId | undefined>): ObjectId | undefined {
    const {base, ours, theirs} = ids;
    const simple = oneSided(ids);
    const alike = ours !== undefined && ours === theirs && ours !== base;
    if (simple && !(this.rules.exclusive && alike && !isView(this.sink, ours))) return simple.value;
    if (name === FILES_TABLE) return this.files(ids);
    if (ours === undefined || theirs === undefined) {
      return this.define(name, 'one side dropped it and the other one changed it') === 'ours' ? ours : theirs;
    }
    const [left, right] = [isView(this.sink, ours), isView(this.sink, theirs)];
    if (left !== right) return this.define(name, 'both made something of this name') === 'ours' ? ours : theirs;
    if (left) return this.view(name, {base, ours, theirs});
    // what was a view, or was not there, has no rows that both could come from
    const known = base !== undefined && !isView(this.sink, base) ? base : undefined;
    const read = (id: ObjectId) => readTable(this.sink, id);
    const versions = {base: known === undefined ? undefined : read(known), ours: read(ours), theirs: read(theirs)};
    const table = this.table(name, versions);
    return table === undefined ? theirs : writeTable(this.sink, table);
  }

  /** Merges the files: there are none where a state has no such table. */
  private files(ids: Versions<ObjectId | undefined>): ObjectId | undefined {
    const read = (id: ObjectId | undefined) =>
      id === undefined ? filesTable(this.sink, null) : readTable(this.sink, id);
    const {base, ours, theirs} = ids;
    const table = this.table(FILES_TABLE, {base: read(base), ours: read(ours), theirs: read(theirs)});
    const isMissing = ours === undefined || theirs === undefined;
    if (table === undefined || (isMissing && table.root === null && !table.indexes && !table.triggers))
      return undefined;
    return writeTable(this.sink, table);
  }

  /** Takes note of a conflict in what a table is, and returns the side that settles it. */
  private define(table: string, rule: string): Side | undefined {
    return this.note({kind: 'definition', table, rule}, this.rules.prefer?.(table));
  }

  /** Takes note of a conflict that `side` settles. */
  private note(conflict: MergeConflict, side: Side | undefined): Side | undefined {
    (side === undefined ? this.conflicts : this.settled).push(conflict);
    return side;
  }

  private view(
    name: string,
    {base, ours, theirs}: {readonly base: ObjectId | undefined; readonly ours: ObjectId; readonly theirs: ObjectId},
  ): ObjectId {
    const none: Definition = {sql: ''};
    const versions = {
      base: base !== undefined && isView(this.sink, base) ? readDefinition(this.sink, base) : none,
      ours: readDefinition(this.sink, ours),
      theirs: readDefinition(this.sink, theirs),
    };
    const sql = oneSided({base: versions.base.sql, ours: versions.ours.sql, theirs: versions.theirs.sql});
    const side = sql ? undefined : this.define(name, 'both sides defined the view anew');
    const triggers = this.triggers(name, versions);
    return writeDefinition(this.sink, {
      sql: sql?.value ?? versions[side ?? 'theirs'].sql,
      ...(triggers.length > 0 && {triggers}),
    });
  }

  private triggers(
    table: string,
    {base, ours, theirs}: Versions<{readonly triggers?: readonly NamedDefinition[]}>,
  ): readonly NamedDefinition[] {
    return this.named(table, 'trigger', {
      base: base.triggers ?? [],
      ours: ours.triggers ?? [],
      theirs: theirs.triggers ?? [],
    });
  }

  /** Merges what a table has by name. */
  private named(
    table: string,
    what: string,
    {base, ours, theirs}: Versions<readonly NamedDefinition[]>,
  ): readonly NamedDefinition[] {
    const merged: NamedDefinition[] = [];
    const names = new Set([...ours, ...theirs, ...base].map(each => each.name));
    const find = (list: readonly NamedDefinition[], name: string) => list.find(each => each.name === name)?.id;
    for (const name of [...names].sort(compareText)) {
      const ids = {base: find(base, name), ours: find(ours, name), theirs: find(theirs, name)};
      const found = oneSided(ids);
      const side = found ? undefined : this.define(table, `both sides changed the ${what} ${name}`);
      const id = found ? found.value : side && ids[side];
      if (id !== undefined) merged.push({name, id});
    }
    return merged;
  }

  // -------------------------------------------------------------------------------------------------- tables

  private table(
    name: string,
    versions: {readonly base: Table | undefined; readonly ours: Table; readonly theirs: Table},
  ): Table | undefined {
    const {ours, theirs} = versions;
    const base = versions.base ?? {schema: ours.schema, root: null, rows: 0};
    const special = this.rules.special(name, {base, ours, theirs});
    if (special) return special;
    const schema = oneSided({base: base.schema, ours: ours.schema, theirs: theirs.schema})?.value;
    if (schema === undefined || (versions.base === undefined && ours.schema !== theirs.schema)) {
      const side = this.define(name, 'both sides changed what the table is');
      return side && versions[side];
    }
    const before = this.conflicts.length;
    const rows = this.rows(name, schema, {base, ours, theirs});
    if (typeof rows === 'string') return versions[rows];
    const triggers = this.triggers(name, {base, ours, theirs});
    const indexes = this.indexes(name, {base, ours, theirs});
    if (rows === undefined || this.conflicts.length > before) return undefined;
    const bare: Table = {
      schema,
      root: rows.root,
      rows: countRows(this.sink, treeSpec(readSchema(this.sink, schema)), rows.root),
      ...(triggers.length > 0 && {triggers}),
    };
    const built = this.rules.indexes(name, bare, indexes);
    const merged = built.length === 0 ? bare : {...bare, indexes: built};
    this.tables.set(name, {...versions, merged, combined: rows.combined});
    return merged;
  }

  private indexes(name: string, {base, ours, theirs}: Versions<Table>): readonly MergedIndex[] {
    const named = ({indexes = []}: Table) => indexes.map(index => ({name: index.name, id: index.schema}));
    const merged = this.named(name, 'index', {base: named(base), ours: named(ours), theirs: named(theirs)});
    return merged.map((wanted): MergedIndex => {
      for (const of of [theirs, ours]) {
        const index = of.indexes?.find(each => each.name === wanted.name && each.schema === wanted.id);
        if (index) return {index, of};
      }
      throw new TypeError('a merged index that neither side has');
    });
  }

  /** Returns the merged rows, or the side whose table is right as a whole, or undefined if neither is. */
  private rows(name: string, schemaId: ObjectId, {base, ours, theirs}: Versions<Table>): MergedRows | Side | undefined {
    const schema = readSchema(this.sink, schemaId);
    const combined: Buffer[] = [];
    const settle: SettleRow = row => {
      const merged = this.row(name, schemaId, schema, row);
      if (!merged) return merged;
      combined.push(row.key);
      return this.rules.complete(name, schemaId, merged);
    };
    if (ours.schema === theirs.schema && base.schema === schemaId) {
      const versions = {base: base.root, ours: ours.root, theirs: theirs.root};
      const roots = {...versions, ours: this.rules.renumber(schemaId, versions)};
      const root = mergeTrees(this.sink, treeSpec(schema), roots, settle, this.rules.exclusive);
      return {root: name === FILES_TABLE ? this.mended(root, roots) : root, combined};
    }
    if (ours.schema === theirs.schema) {
      // both changed the definition alike; that both have the same rows is all that can be said without more
      if (ours.root === theirs.root) return {root: ours.root, combined};
      return this.define(name, 'both sides changed what the table is, and its rows');
    }
    const [changed, other] = theirs.schema === schemaId ? [theirs, ours] : [ours, theirs];
    if (other.root === base.root) return {root: changed.root, combined};
    const settleEither: SettleRow = ({key, base: old, ours: changes, theirs: found}) =>
      settle(
        other === ours
          ? {key, base: old, ours: changes, theirs: found}
          : {key, base: old, ours: found, theirs: changes},
      );
    return this.convertedRows(name, schema, schemaId, {base, changed, other}, settleEither, combined);
  }

  /** Brings the rows that one side changed into the table that the other one made of it. */
  private convertedRows(
    name: string,
    schema: Schema,
    schemaId: ObjectId,
    tables: {readonly base: Table; readonly changed: Table; readonly other: Table},
    settle: SettleRow,
    combined: Buffer[],
  ): MergedRows | Side | undefined {
    const {base, changed, other} = tables;
    const changer = this.rules.convert(name, base.schema, schemaId);
    if (changer === undefined) {
      return this.define(name, 'one side changed what the table is, and the other one its rows');
    }
    const oldSpec = treeSpec(readSchema(this.sink, base.schema));
    const spec = treeSpec(schema);
    const convert = (row: Row | undefined) => row && this.rules.complete(name, schemaId, changer.fill(row));
    const edits: Edit[] = [];
    for (const {before, after} of diffTrees(this.sink, oldSpec, base.root, other.root)) {
      if (before && after && this.changesDropped(changer, before, after)) {
        return this.define(name, 'one side dropped a column and the other one changed it');
      }
      const old = convert(before);
      const now = convert(after);
      const key = encodeKey(spec, (now ?? old ?? []).slice(0, spec.keys.length));
      const found = getRow(this.sink, spec, changed.root, key);
      const row = sameRow(found, old) ? (now ?? null) : settle({key, base: old, ours: now, theirs: found});
      if (row === undefined) continue;
      edits.push({key, row});
      if (row && sameRow(found, old)) combined.push(key);
    }
    edits.sort((a, b) => Buffer.compare(a.key, b.key));
    return {root: editTree(this.sink, spec, changed.root, edits), combined};
  }

  private changesDropped({from}: RowChanger, before: Row, after: Row): boolean {
    return before.some((cell, i) => !from.includes(i) && !sameCell(cell, after[i] ?? null));
  }

  /** Merges a row that both changed. */
  private row(
    table: string,
    schemaId: ObjectId,
    schema: Schema,
    {key: place, base, ours, theirs}: RowVersions,
  ): Row | null | undefined {
    const columns = schema.columns.map(column => column.name);
    const cells = ours ?? theirs ?? base;
    if (cells === undefined) throw new TypeError(`a row at ${place.toString('hex')} that was never there`);
    const key = cells.slice(0, schema.key.length);
    const side = this.rules.prefer?.(table, key);
    // of two rows that were added under one key neither has a cell that the other lacks
    const addedBoth = base === undefined && table !== FILES_TABLE;
    if (ours === undefined || theirs === undefined || addedBoth) {
      if (ours === theirs && !this.rules.exclusive) return null;
      this.note({kind: 'row', table, key, columns, base, ours, theirs}, side);
      return side && ({ours, theirs}[side] ?? null);
    }
    const row: Cell[] = [];
    let whole = true;
    for (const [i, column] of columns.entries()) {
      const versions = {base: base?.[i], ours: ours[i] as Cell, theirs: theirs[i] as Cell};
      const simple = mergedCell(versions, this.rules.exclusive);
      const cell = simple === undefined ? this.rules.settle(table, schemaId, column, versions) : simple;
      if (cell !== undefined) row.push(cell);
      else if (this.note({kind: 'cell', table, key, column, ...versions}, side) === undefined) whole = false;
      // the cells of an entry fit its type
      else if (table === FILES_TABLE && !sameCell(ours[TYPE] ?? null, theirs[TYPE] ?? null))
        return {ours, theirs}[side as Side];
      else row.push(this.rules.take(table, column, versions, side as Side));
    }
    return whole ? row : undefined;
  }

  /** Returns the tree of files without the entries that cannot be where they are, as far as a side is preferred for them. */
  private mended(root: TreeRoot, roots: Versions<TreeRoot>): TreeRoot {
    const {prefer} = this.rules;
    if (!prefer) return root;
    const side = (path: string) => prefer(FILES_TABLE, [parentOf(path), nameOf(path)]);
    const {root: whole, mended} = mendFiles(this.sink, root, roots, side);
    for (const {path, problem: rule} of mended) {
      this.settled.push({kind: 'rule', table: FILES_TABLE, key: [parentOf(path), nameOf(path)], rule});
    }
    return whole;
  }
}

/** Returns what comes of a cell that at most one side changed, or both alike; undefined for any other. */
function mergedCell(
  cells: {readonly base: Cell | undefined; readonly ours: Cell; readonly theirs: Cell},
  exclusive: boolean,
): Cell | undefined {
  const {base, ours, theirs} = cells;
  if (sameCell(ours, theirs) && !exclusive) return ours;
  if (base !== undefined && sameCell(ours, base)) return theirs;
  return base !== undefined && sameCell(theirs, base) ? ours : undefined;
}

/** Returns the later of two times of an entry of `files`: a time alone is no change, so it is never in conflict. */
export function settleFileTime(
  table: string,
  column: string,
  {ours, theirs}: Versions<Cell | undefined>,
): Cell | undefined {
  if (table !== FILES_TABLE || column !== 'mtime') return undefined;
  return (ours as number | bigint) > (theirs as number | bigint) ? ours : theirs;
}
