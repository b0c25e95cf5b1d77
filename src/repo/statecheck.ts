/**
 * Checks states for fsck: their tables, the trees of these, every row and every body that a row names. What versions
 * share is looked at once. Layer: repo.
 */
import {DbosError, isDbosError} from '../errors.js';
import {invalid} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {type Definition, isView, readDefinition} from '../state/definition.js';
import {FILES_SPEC, FILES_TABLE, type FileRow, fromRow} from '../state/files.js';
import {wrongEntries} from '../state/filetree.js';
import {pathProblem} from '../state/path.js';
import {readSchema, treeSpec} from '../state/schema.js';
import {readState, type State} from '../state/state.js';
import {readTable, type Table} from '../state/table.js';
import {decodeXattrs} from '../state/xattrs.js';
import {ContentRef, type Row} from '../tree/cell.js';
import {compareNodes} from '../tree/compare-nodes.js';
import {readWhole, verifyContent} from '../tree/content.js';
import {diffTrees, type RowChange} from '../tree/diff.js';
import {decodeKey} from '../tree/key.js';
import {decodeNode, type InnerNode, type LeafNode} from '../tree/node.js';
import {nodesOf} from '../tree/nodes.js';
import {countRows} from '../tree/read.js';
import {sameSpec, type TreeRoot, type TreeSpec} from '../tree/spec.js';
import {type TreeProblem, type VerifiedNodes, verifyTree} from '../tree/verify.js';
import {CanonicalReader} from './canonicalreader.js';
import type {DamageList} from './damage.js';

/** Something wrong with what SQL says of a table, view or index. */
export interface SqlProblem {
  /** The object that it is about. */
  readonly id: ObjectId;
  /** A sentence without a full stop. */
  readonly problem: string;
}

/** Checks what only SQL knows of what a state has under a name: see `checkSql`. */
export type SqlCheck = (
  reader: ObjectReader,
  name: string,
  id: ObjectId,
  base: ObjectId | undefined,
) => Iterable<SqlProblem>;

/** Differences of two versions of a table that have fewer rows are remembered for whoever compares them next. */
const REMEMBERED_CHANGES = 10_000;

/** What is known of one schema. */
interface SchemaCheck {
  readonly spec: TreeSpec;
  /** Nodes whose structure, and nodes whose rows were looked at. */
  readonly verified: VerifiedNodes;
  readonly read: Set<ObjectId>;
}

export class StateCheck {
  private readonly states = new Set<ObjectId>();
  private readonly tables = new Set<ObjectId>();
  private readonly schemas = new Map<ObjectId, SchemaCheck | undefined>();
  private readonly canonical: CanonicalReader;

  constructor(
    private readonly reader: ObjectReader,
    private readonly damages: DamageList,
    private readonly checkSql: SqlCheck | undefined,
    /** What is known of bodies: see `verifyContent`. */
    private readonly bodies: Set<string> = new Set(),
  ) {
    this.canonical = new CanonicalReader(reader, damages);
  }

  /**
   * Checks a state, the files against those of `base`, a state that is checked too. Yields between its parts. What it shares
   * with `sound`, states that are known to be whole, is not read again.
   */
  *check(id: ObjectId, base: ObjectId | undefined, sound: readonly ObjectId[] = []): Generator<void, void, undefined> {
    if (this.states.has(id)) return;
    this.states.add(id);
    let state: State;
    try {
      state = readState(this.canonical, id);
    } catch (error) {
      this.damages.add(error, id, {kind: 'state'});
      return;
    }
    const before = sound.map(each => readState(this.reader, each));
    for (const [name, entry] of state) {
      if (this.tables.has(entry)) continue;
      this.tables.add(entry);
      if (before.some(each => each.get(name) === entry)) continue;
      if (this.isView(name, entry)) continue;
      const table = this.readTable(name, entry);
      const schema = table && this.schema(name, table.schema);
      if (table === undefined || schema === undefined) continue;
      const known = this.damages.byId.size;
      const versions = before.flatMap(each => this.versionOf(each.get(name)));
      yield* this.checkTree({kind: 'table', table: name}, entry, table, schema, versions);
      for (const index of table.indexes ?? []) {
        const indexSchema = this.schema(name, index.schema);
        const indexes = versions.flatMap(each => each.indexes?.filter(other => other.name === index.name) ?? []);
        if (indexSchema)
          yield* this.checkTree({kind: `index ${index.name}`, table: name}, entry, index, indexSchema, indexes);
      }
      for (const trigger of table.triggers ?? []) this.checkDefinition(name, trigger.id);
      if (name === FILES_TABLE && sameSpec(schema.spec, FILES_SPEC))
        yield* this.checkFiles(table.root, this.filesOf(base));
      // what is damaged would only be found wrong again
      if (this.damages.byId.size === known) yield* this.checkBySql(name, entry, base);
    }
  }

  /** Returns what a sound state has under a name, if that is a table. */
  private versionOf(id: ObjectId | undefined): readonly Table[] {
    return id === undefined || isView(this.reader, id) ? [] : [readTable(this.reader, id)];
  }

  /** Returns whether an entry of a state is a view, which is checked then. */
  private isView(name: string, id: ObjectId): boolean {
    try {
      if (!isView(this.reader, id)) return false;
    } catch (error) {
      this.damages.add(error, id, {kind: 'table', table: name});
      return true;
    }
    const definition = this.checkDefinition(name, id);
    const before = this.damages.byId.size;
    for (const trigger of definition?.triggers ?? []) this.checkDefinition(name, trigger.id);
    if (definition && this.damages.byId.size === before) for (const _part of this.checkBySql(name, id, undefined));
    return true;
  }

  private checkDefinition(table: string, id: ObjectId): Definition | undefined {
    try {
      return readDefinition(this.canonical, id);
    } catch (error) {
      this.damages.add(error, id, {kind: 'definition', table});
      return undefined;
    }
  }

  /** Checks what only SQL knows, against what the state before has under the name. */
  private *checkBySql(name: string, id: ObjectId, base: ObjectId | undefined): Generator<void, void, undefined> {
    if (this.checkSql === undefined) return;
    try {
      const before = base === undefined ? undefined : this.entryOf(base, name);
      for (const {id: wrong, problem} of this.checkSql(this.reader, name, id, before)) {
        const kind = wrong === id && !isView(this.reader, id) ? 'table' : 'definition';
        this.damages.addProblem(wrong, 'OBJECT_INVALID', problem, {kind, table: name});
        yield;
      }
    } catch (error) {
      this.damages.add(error, id, {kind: 'table', table: name});
    }
  }

  private entryOf(state: ObjectId, name: string): ObjectId | undefined {
    try {
      return readState(this.reader, state).get(name);
    } catch (error) {
      if (!isDbosError(error)) throw error;
      // told when the turn of that state comes
      return undefined;
    }
  }

  private readTable(name: string, id: ObjectId): Table | undefined {
    try {
      return readTable(this.canonical, id);
    } catch (error) {
      this.damages.add(error, id, {kind: 'table', table: name});
      return undefined;
    }
  }

  private schema(name: string, id: ObjectId): SchemaCheck | undefined {
    if (!this.schemas.has(id)) {
      let check: SchemaCheck | undefined;
      try {
        check = {spec: treeSpec(readSchema(this.canonical, id)), verified: new Map(), read: new Set()};
      } catch (error) {
        this.damages.add(error, id, {kind: 'schema', table: name});
      }
      this.schemas.set(id, check);
    }
    return this.schemas.get(id);
  }

  /** Checks the tree of a table or of an index. */
  private *checkTree(
    what: {readonly kind: string; readonly table: string},
    id: ObjectId,
    {root, rows, schema: schemaId}: Pick<Table, 'root' | 'rows' | 'schema'>,
    schema: SchemaCheck,
    versions: readonly Pick<Table, 'root' | 'schema'>[],
  ): Generator<void, void, undefined> {
    const {kind, table} = what;
    let whole = true;
    const roots = versions.filter(each => each.schema === schemaId).map(each => each.root);
    const sound = roots.length === 0 ? undefined : this.sharedNodes(root, roots);
    for (const problem of verifyTree(this.reader, schema.spec, root, schema.verified, sound, sound && roots[0])) {
      whole = false;
      const isFiles = kind === 'table' && table === FILES_TABLE;
      const pathRange = isFiles ? pathRangeOf(schema.spec, problem) : undefined;
      const node = kind === 'table' ? 'node' : `node of the ${kind}`;
      this.damages.addProblem(problem.id, problem.code, problem.problem, {kind: node, table, pathRange});
      yield;
    }
    yield;
    if (whole && this.count(schema.spec, root) !== rows) {
      this.damages.addProblem(
        id,
        'OBJECT_INVALID',
        `it says ${rows === 1 ? '1 row' : `${rows} rows`} and its tree has another number`,
        what,
      );
    }
    if (kind !== 'table') return;
    const [before] = roots;
    if (whole && before !== undefined) yield* this.checkChanges(table, before, root, schema.spec);
    else yield* this.checkRows(table, root, schema, sound);
  }

  /** Checks the rows of a tree whose structure is sound that a sound one does not have. */
  private *checkChanges(
    name: string,
    before: TreeRoot,
    root: TreeRoot,
    spec: TreeSpec,
  ): Generator<void, void, undefined> {
    let changes: RowChange[] | undefined = [];
    for (const change of diffTrees(this.reader, spec, before, root)) {
      if (changes?.push(change) === REMEMBERED_CHANGES) changes = undefined;
      const {after} = change;
      if (after === undefined) continue;
      try {
        this.checkRow(name, after, root as ObjectId);
      } catch (error) {
        this.damages.add(error, root as ObjectId, {kind: 'node', table: name});
      }
      yield;
    }
    // what is checked next compares the same trees
    if (changes) nodesOf(this.reader).rememberDifference(spec, before, root, changes);
  }

  /** Returns the nodes that a tree shares with sound ones; none where that cannot be told, as everything is read then. */
  private sharedNodes(root: TreeRoot, sound: readonly TreeRoot[]): ReadonlySet<ObjectId> | undefined {
    try {
      return compareNodes(this.reader, root, sound).shared;
    } catch (error) {
      if (!isDbosError(error)) throw error;
      return undefined;
    }
  }

  private count(spec: TreeSpec, root: TreeRoot): number | undefined {
    try {
      return countRows(this.reader, spec, root);
    } catch (error) {
      if (!isDbosError(error)) throw error;
      return undefined;
    }
  }

  /** Goes through the leaves that no version before had, as far as they can be read. */
  private *checkRows(
    name: string,
    root: TreeRoot,
    {spec, read}: SchemaCheck,
    sound: ReadonlySet<ObjectId> | undefined,
  ): Generator<void, void, undefined> {
    const pending = root === null ? [] : [root];
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (read.has(id) || sound?.has(id)) continue;
      read.add(id);
      let node: LeafNode | InnerNode;
      try {
        node = decodeNode(spec, this.reader.read(id));
      } catch (error) {
        this.damages.add(error, id, {kind: 'node', table: name});
        continue;
      }
      if (node.level > 0) {
        for (let i = node.count - 1; i >= 0; i--) pending.push((node as InnerNode).idAt(i));
        continue;
      }
      for (let i = 0; i < node.count; i++) {
        try {
          this.checkRow(name, (node as LeafNode).wholeRow(i), id);
        } catch (error) {
          this.damages.add(error, id, {kind: 'node', table: name});
        }
        yield;
      }
    }
  }

  private checkRow(name: string, row: Row, node: ObjectId): void {
    const file = name === FILES_TABLE ? this.checkFile(row, node) : undefined;
    for (const cell of row) {
      if (cell instanceof ContentRef) this.checkBody(name, cell, file?.path);
    }
    if (file?.xattrs) this.checkXattrs(file, node);
  }

  private checkBody(table: string, ref: ContentRef, path: string | undefined): void {
    for (const error of verifyContent(this.reader, ref, this.bodies)) {
      this.damages.add(error, ref.id, {kind: ref.chunked ? 'content' : 'body', table, path});
    }
  }

  private checkFile(row: Row, node: ObjectId): FileRow | undefined {
    let file: FileRow;
    try {
      file = fromRow(row);
    } catch (error) {
      this.damages.add(error, node, {kind: 'node', table: FILES_TABLE});
      return undefined;
    }
    const problem = pathProblem(file.path);
    if (problem !== undefined) {
      const what = `the name in ${JSON.stringify(file.path)} ${problem}`;
      this.damages.addProblem(node, 'NAME_UNSAFE', what, {kind: 'node', table: FILES_TABLE, path: file.path});
    }
    return file;
  }

  private checkXattrs({xattrs, path}: FileRow, node: ObjectId): void {
    try {
      decodeXattrs(xattrs instanceof ContentRef ? readWhole(this.reader, xattrs) : (xattrs as Uint8Array));
    } catch (error) {
      this.damages.add(error, node, {kind: 'node', table: FILES_TABLE, path});
    }
  }

  private filesOf(state: ObjectId | undefined): TreeRoot {
    if (state === undefined) return null;
    try {
      const table = readState(this.reader, state).get(FILES_TABLE);
      return table === undefined ? null : readTable(this.reader, table).root;
    } catch (error) {
      if (!isDbosError(error)) throw error;
      // told when the turn of that state comes
      return null;
    }
  }

  /** Checks what rows of files say of each other: each version against one that is checked itself, so only what changed. */
  private *checkFiles(root: TreeRoot, base: TreeRoot): Generator<void, void, undefined> {
    const {reader, damages} = this;
    try {
      for (const wrong of wrongEntries(reader, root, base)) {
        if (wrong) {
          const where = {kind: 'tree of files', table: FILES_TABLE, path: wrong.path};
          damages.addProblem(root as ObjectId, 'OBJECT_INVALID', wrong.problem, where);
        } else yield;
      }
    } catch (error) {
      // a damaged node, told already
      if (root !== null) damages.add(error, root, {kind: 'tree of files', table: FILES_TABLE});
    }
  }
}

/** Returns which paths a damaged node holds. */
function pathRangeOf(spec: TreeSpec, {firstKey, lastKey}: TreeProblem): readonly [string | null, string | null] {
  return [firstKey ? pathOfKey(spec, firstKey) : null, lastKey ? pathOfKey(spec, lastKey) : null];
}

function pathOfKey(spec: TreeSpec, key: Uint8Array): string | null {
  try {
    const [directory, name] = decodeKey(spec, key);
    if (typeof directory !== 'string' || typeof name !== 'string') throw invalid('has a key that is no path');
    return directory === '' ? name : `${directory}/${name}`;
  } catch (error) {
    if (!(error instanceof DbosError)) throw error;
    return null;
  }
}
