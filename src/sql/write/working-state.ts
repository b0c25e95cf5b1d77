/**
 * The state that the statements of a transaction read and change. Tables are read when they are named; what changes goes into
 * trees when it is scanned or written. A mark is a moment that one can come back to. Layer: sql.
 */
import {compareText} from '../../bytes.js';
import type {ObjectId} from '../../objects/id.js';
import type {ObjectSink} from '../../objects/store.js';
import {isView, readDefinition, writeDefinition} from '../../state/definition.js';
import {FILES_SCHEMA, FILES_TABLE} from '../../state/files.js';
import {writeSchema} from '../../state/schema.js';
import {readState, writeState} from '../../state/state.js';
import {type NamedDefinition, readTable, type Table, writeTable} from '../../state/table.js';
import {BodyWriter} from '../../tree/bodies.js';
import type {Cell} from '../../tree/cell.js';
import {nodesOf} from '../../tree/nodes.js';
import {scanRows} from '../../tree/read.js';
import type {TreeRoot} from '../../tree/spec.js';
import type {CreateIndex} from '../ast.js';
import {filesSource} from '../catalog/files-source.js';
import {constraintIndexes, defineIndex, type IndexDefinition, type IndexedTable} from '../catalog/index-definition.js';
import {type IndexOwner, indexesOf} from '../catalog/index-source.js';
import {foldName} from '../catalog/names.js';
import {schemaOf, type TableDefinition} from '../catalog/table-definition.js';
import {readShape} from '../catalog/table-source.js';
import {parseStatement} from '../parser/parser.js';
import type {Catalog, ViewSource} from '../source.js';
import {IndexEntries} from './index-entries.js';
import type {Provisional} from './provisional.js';
import type {ReadTracker} from './read-tracker.js';
import {StoredTable, type TableHost} from './stored-table.js';
import {workingCatalog} from './working-catalog.js';
import {WorkingFiles} from './working-files.js';
import {WorkingIndex} from './working-index.js';
import {type Trigger, WorkingTable} from './working-table.js';

export type {Trigger} from './working-table.js';

/** A moment of a working state. */
export interface Mark {
  /** How many ways back had been noted. */
  readonly noted: number;
  readonly epoch: number;
}

/** How something comes back to what it was in an earlier epoch: the one of its note before this one. */
interface WayBack {
  readonly undo: () => void;
  readonly before: number;
}

/** A view of a working state. */
export interface WorkingView {
  readonly kind: 'view';
  readonly name: string;
  /** The CREATE VIEW statement. */
  readonly sql: string;
  readonly triggers: readonly NamedDefinition[];
  readonly source: () => ViewSource;
}

/** Before all epochs. */
const NEVER = -1;

/** What the state has under a name. */
interface Entry {
  readonly name: string;
  /** The object, as long as it has not been read. */
  readonly id: ObjectId | undefined;
  item: WorkingTable | WorkingView | undefined;
}

/** How ALTER TABLE changes a table. */
export interface TableChange {
  readonly definition: TableDefinition;
  /** Returns the new row for an old one, or undefined to leave it out; rows stay as they are without it. */
  readonly rows?: (row: readonly Cell[]) => readonly Cell[] | undefined;
  /** The indexes that the table has afterwards, besides those of its constraints: CREATE INDEX statements. */
  readonly indexes: readonly string[];
  readonly triggers: readonly Trigger[];
}

export class WorkingState implements TableHost {
  readonly bodies: BodyWriter;
  readonly provisional: Provisional | undefined;
  /** The files, to be changed by their rules. */
  readonly tree: WorkingFiles;
  epoch = 0;
  /** Changes with each change of what there is; statements that were prepared before have to be prepared again. */
  version = 0;
  private entries = new Map<string, Entry>();
  private ownFiles: StoredTable | undefined;
  private readonly undo: WayBack[] = [];

  constructor(
    /** Trees that are only read go into the store, too, unless it keeps what is provisional. */
    readonly sink: ObjectSink & {readonly provisional?: Provisional},
    base: ObjectId | undefined,
    /** What takes note of what is read; nobody wants to know without one. */
    readonly reads?: ReadTracker,
  ) {
    this.bodies = new BodyWriter(sink);
    this.provisional = sink.provisional;
    this.tree = new WorkingFiles(this);
    nodesOf(sink).widen();
    if (base === undefined) return;
    for (const [name, id] of readState(sink, base)) this.entries.set(foldName(name), {name, id, item: undefined});
  }

  // -------------------------------------------------------------------------------------------------- marks

  noteUndo(undo: () => void, before = NEVER): void {
    this.undo.push({undo, before});
  }

  /** Returns this moment. */
  mark(): Mark {
    return {noted: this.undo.length, epoch: ++this.epoch};
  }

  /** Brings everything back to what it was at a mark, which stays one. */
  rollbackTo({noted}: Mark): void {
    while (this.undo.length > noted) this.undo.pop()?.undo();
    this.epoch++;
  }

  /**
   * Forgets how to come back to a mark and those after it, but not to the marks up to an earlier one: what has noted its way
   * back since that one needs no other, so however many statements a transaction has, it keeps one for each table.
   */
  release({noted}: Mark, earlier: Mark): void {
    const {undo} = this;
    let kept = noted;
    for (let i = noted; i < undo.length; i++) {
      const each = undo[i] as WayBack;
      if (each.before < earlier.epoch) undo[kept++] = each;
    }
    undo.length = kept;
  }

  /** Ends a unit: forgets how to come back to any mark, and what was made to be read meanwhile. */
  forgetMarks(): void {
    this.undo.length = 0;
    this.epoch++;
    this.provisional?.end();
  }

  /** Notes how what there is comes back, before what is meant by names is changed. */
  private changing(...names: string[]): void {
    const {entries, ownFiles} = this;
    // ranges of keys mean something only as long as a table is what it was
    for (const name of names) this.reads?.noteRows(name);
    const copy = new Map([...entries].map(([name, entry]) => [name, {...entry}]));
    this.version++;
    this.noteUndo(() => {
      this.entries = copy;
      this.ownFiles = ownFiles;
      this.version++;
    });
  }

  // -------------------------------------------------------------------------------------------------- tables and views

  /** Returns the table or view of this name, in any case; `files` is none of them. */
  find(name: string): WorkingTable | WorkingView | undefined {
    const folded = foldName(name);
    if (folded === FILES_TABLE) return undefined;
    const entry = this.entries.get(folded);
    if (entry && entry.item === undefined) entry.item = this.read(entry.name, entry.id as ObjectId);
    return entry?.item;
  }

  /** Returns the names of all tables and views but `files`. */
  names(): string[] {
    return [...this.entries.values()].map(entry => entry.name).filter(name => name !== FILES_TABLE);
  }

  private read(name: string, id: ObjectId): WorkingTable | WorkingView {
    if (isView(this.sink, id)) {
      const {sql, triggers = []} = readDefinition(this.sink, id);
      return viewOf(name, sql, triggers);
    }
    return this.workingTable(readTable(this.sink, id), name);
  }

  private workingTable(table: Table, name: string): WorkingTable {
    const shape = readShape(this.sink, table.schema);
    if (shape.definition === undefined) throw new TypeError(`the table ${name} was not made in SQL`);
    const owner = {name, ...shape};
    return new WorkingTable(this, this.storedTable(owner, table), shape);
  }

  private storedTable(owner: IndexOwner, table: Table): StoredTable {
    const indexes = indexesOf(this.sink, owner, table).map(({definition, schema, stored}) => {
      const entries = new IndexEntries(definition, owner, this.sink, schema);
      return new WorkingIndex(entries, this.sink, owner.spec, stored.root, table.root);
    });
    return new StoredTable(this, owner, table, indexes);
  }

  /** Returns `files`, as rows of its tree. */
  files(): StoredTable {
    if (this.ownFiles === undefined) {
      const id = this.entries.get(FILES_TABLE)?.id;
      const table =
        id === undefined
          ? {schema: writeSchema(this.sink, FILES_SCHEMA), root: null, rows: 0}
          : readTable(this.sink, id);
      const owner = {...filesSource(this.sink, table.root, table.rows), definition: undefined};
      this.ownFiles = this.storedTable(owner, table);
    }
    return this.ownFiles;
  }

  private table(name: string): WorkingTable {
    const found = this.find(name);
    if (found?.kind !== 'table') throw new TypeError(`there is no table ${name}`);
    return found;
  }

  /** Returns the rows of a table, of `files` too. */
  private rowsOf(name: string): StoredTable {
    return foldName(name) === FILES_TABLE ? this.files() : this.table(name).stored;
  }

  private checkFree(name: string): void {
    if (this.entries.has(foldName(name))) throw new TypeError(`there is a table or view ${name} already`);
  }

  /** Makes a table, with the indexes of its UNIQUE constraints. No table or view may have its name. */
  createTable(definition: TableDefinition): WorkingTable {
    this.checkFree(definition.name);
    this.changing(definition.name);
    return this.addTable(definition, null, 0);
  }

  private addTable(definition: TableDefinition, root: TreeRoot, rows: number): WorkingTable {
    const {name} = definition;
    const table = this.workingTable({schema: writeSchema(this.sink, schemaOf(definition)), root, rows}, name);
    this.entries.set(foldName(name), {name, id: undefined, item: table});
    for (const index of constraintIndexes(table.definition)) table.stored.createIndex(index);
    return table;
  }

  /** Removes a table with its indexes and triggers. */
  dropTable(name: string): void {
    this.table(name);
    this.changing(name);
    this.entries.delete(foldName(name));
  }

  /** Changes a table as ALTER TABLE does, and returns it. Throws CONSTRAINT_FAILED if two rows agree in a unique index. */
  replaceTable(name: string, change: TableChange): WorkingTable {
    const old = this.table(name);
    const {definition} = change;
    if (foldName(name) !== foldName(definition.name)) this.checkFree(definition.name);
    this.changing(name, definition.name);
    this.entries.delete(foldName(name));
    const root = old.stored.flush();
    let table: WorkingTable;
    if (change.rows === undefined) table = this.addTable(definition, root, old.rows);
    else {
      table = this.addTable(definition, null, 0);
      for (const row of scanRows(this.sink, old.stored.spec, root)) {
        const changed = change.rows(old.fromTree(row));
        if (changed && !table.insert(changed)) throw new TypeError(`two rows of ${definition.name} have one key`);
      }
    }
    for (const sql of change.indexes) table.stored.createIndex(indexOf(sql, table.source()));
    table.stored.triggers = change.triggers.map(each => this.written(each));
    return table;
  }

  /** Makes a view. No table or view may have its name. */
  createView(name: string, sql: string): WorkingView {
    this.checkFree(name);
    this.changing(name);
    return this.setView(viewOf(name, sql, []));
  }

  /** Puts a view in the place of another one. */
  replaceView(name: string, newName: string, sql: string, triggers: readonly Trigger[]): WorkingView {
    if (this.find(name)?.kind !== 'view') throw new TypeError(`there is no view ${name}`);
    this.changing(name, newName);
    this.entries.delete(foldName(name));
    return this.setView(
      viewOf(
        newName,
        sql,
        triggers.map(each => this.written(each)),
      ),
    );
  }

  /** Removes a view with its triggers. */
  dropView(name: string): void {
    if (this.find(name)?.kind !== 'view') throw new TypeError(`there is no view ${name}`);
    this.changing(name);
    this.entries.delete(foldName(name));
  }

  private setView(view: WorkingView): WorkingView {
    this.entries.set(foldName(view.name), {name: view.name, id: undefined, item: view});
    return view;
  }

  // -------------------------------------------------------------------------------------------------- triggers

  private written({name, sql}: Trigger): NamedDefinition {
    return {name, id: writeDefinition(this.sink, {sql})};
  }

  /** Returns the triggers of a table or view, by name. */
  triggersOf(name: string): readonly Trigger[] {
    const item = this.find(name);
    const list = item?.kind === 'table' ? item.stored.triggers : (item?.triggers ?? []);
    return list.map(each => ({name: each.name, sql: readDefinition(this.sink, each.id).sql}));
  }

  /** Returns the trigger of this name, in any case, and the table or view that it belongs to. */
  findTrigger(name: string): {readonly table: string; readonly trigger: Trigger} | undefined {
    const folded = foldName(name);
    for (const table of this.names()) {
      const trigger = this.triggersOf(table).find(each => foldName(each.name) === folded);
      if (trigger) return {table, trigger};
    }
    return undefined;
  }

  /** Makes a trigger of a table or view. */
  createTrigger(table: string, trigger: Trigger): void {
    this.setTriggers(table, [...this.triggersOf(table), trigger]);
  }

  /** Removes a trigger, and returns whether there was one. */
  dropTrigger(name: string): boolean {
    const found = this.findTrigger(name);
    if (found === undefined) return false;
    this.setTriggers(
      found.table,
      this.triggersOf(found.table).filter(each => each.name !== found.trigger.name),
    );
    return true;
  }

  private setTriggers(name: string, triggers: readonly Trigger[]): void {
    const item = this.find(name);
    if (item === undefined) throw new TypeError(`there is no table or view ${name}`);
    this.changing(name);
    const written = triggers.map(each => this.written(each)).sort((a, b) => compareText(a.name, b.name));
    if (item.kind === 'table') item.stored.triggers = written;
    else this.setView(viewOf(item.name, item.sql, written));
  }

  // -------------------------------------------------------------------------------------------------- indexes

  /** Makes an index of a table, or of `files`. Throws CONSTRAINT_FAILED if it is unique and two rows have the same values. */
  createIndex(table: string, index: IndexDefinition): void {
    const rows = this.rowsOf(table);
    this.changing(table);
    rows.createIndex(index);
  }

  /** Returns the index of this name, in any case, and the name of its table. */
  findIndex(name: string): {readonly table: string; readonly index: WorkingIndex} | undefined {
    const folded = foldName(name);
    for (const {name: table, id, item} of this.entries.values()) {
      if (item?.kind === 'view') continue;
      if (item === undefined && table !== FILES_TABLE) {
        // most tables have no such index and need not be looked at further
        if (isView(this.sink, id as ObjectId)) continue;
        const {indexes = []} = readTable(this.sink, id as ObjectId);
        if (!indexes.some(index => foldName(index.name) === folded)) continue;
      }
      const index = this.rowsOf(table).indexes.find(each => foldName(each.name) === folded);
      if (index) return {table, index};
    }
    return undefined;
  }

  /** Removes an index, and returns whether there was one. */
  dropIndex(name: string): boolean {
    const found = this.findIndex(name);
    if (found === undefined) return false;
    this.changing(found.table);
    this.rowsOf(found.table).dropIndex(found.index.name);
    return true;
  }

  /** Makes indexes anew: one, those of a table, or all. */
  reindex(name?: string): void {
    const one = name === undefined ? undefined : this.findIndex(name);
    if (one) {
      this.rowsOf(one.table).reindex(one.index.name);
      return;
    }
    for (const table of name === undefined ? this.names() : [name]) {
      const item = this.find(table);
      if (item?.kind !== 'table') continue;
      for (const index of item.indexes) item.stored.reindex(index.name);
    }
  }

  // -------------------------------------------------------------------------------------------------- the whole

  /** Writes everything into the sink and returns the id of the state: that of before if nothing changed. */
  write(): ObjectId {
    const state = new Map<string, ObjectId>();
    for (const {name, id, item} of this.entries.values()) {
      if (item?.kind === 'table') state.set(name, writeTable(this.sink, item.stored.write()));
      else if (item)
        state.set(
          name,
          writeDefinition(this.sink, {sql: item.sql, ...(item.triggers.length > 0 && {triggers: item.triggers})}),
        );
      else state.set(name, id as ObjectId);
    }
    if (this.ownFiles && (state.has(FILES_TABLE) || this.ownFiles.indexes.length > 0 || this.ownFiles.rows > 0)) {
      state.set(FILES_TABLE, writeTable(this.sink, this.ownFiles.write()));
    }
    return writeState(this.sink, state);
  }

  /** Returns a catalog like `base`, whose tables are those of this state, always as they are now. */
  catalog(base: Catalog): Catalog {
    return workingCatalog(this, base);
  }
}

function viewOf(name: string, sql: string, triggers: readonly NamedDefinition[]): WorkingView {
  return {kind: 'view', name, sql, triggers, source: () => ({kind: 'view', name, sql})};
}

function indexOf(sql: string, table: IndexedTable): IndexDefinition {
  return defineIndex(parseStatement(sql) as CreateIndex, sql, table);
}
