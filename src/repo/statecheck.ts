/**
 * Checks states for fsck: their tables, the trees of these, every row and every body that a row names. What versions
 * share is looked at once. Layer: repo.
 */
import {DbosError, isDbosError} from '../errors.js';
import {invalid} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {
  diffFiles,
  FILES_SPEC,
  FILES_TABLE,
  type FileRow,
  findFile,
  fromRow,
  scanFiles,
  subtreeRange,
} from '../state/files.js';
import {parentOf, pathProblem} from '../state/path.js';
import {readSchema, treeSpec} from '../state/schema.js';
import {readState, type State} from '../state/state.js';
import {readTable, type Table} from '../state/table.js';
import {decodeXattrs} from '../state/xattrs.js';
import {ContentRef, type Row, sameCell} from '../tree/cell.js';
import {readWhole, verifyContent} from '../tree/content.js';
import {decodeKey} from '../tree/key.js';
import {decodeNode, type InnerNode, type LeafNode} from '../tree/node.js';
import {countRange, countRows} from '../tree/read.js';
import {sameSpec, type TreeRoot, type TreeSpec} from '../tree/spec.js';
import {type TreeProblem, type VerifiedNodes, verifyTree} from '../tree/verify.js';
import {CanonicalReader} from './canonicalreader.js';
import type {DamageList} from './damage.js';

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
  private readonly bodies = new Set<string>();
  private readonly canonical: CanonicalReader;

  constructor(
    private readonly reader: ObjectReader,
    private readonly damages: DamageList,
  ) {
    this.canonical = new CanonicalReader(reader, damages);
  }

  /** Checks a state, the files against those of `base`, a state that is checked too. Yields between its parts. */
  *check(id: ObjectId, base: ObjectId | undefined): Generator<void, void, undefined> {
    if (this.states.has(id)) return;
    this.states.add(id);
    let state: State;
    try {
      state = readState(this.canonical, id);
    } catch (error) {
      this.damages.add(error, id, {kind: 'state'});
      return;
    }
    for (const [name, tableId] of state) {
      if (this.tables.has(tableId)) continue;
      this.tables.add(tableId);
      const table = this.readTable(name, tableId);
      const schema = table && this.schema(name, table.schema);
      if (table === undefined || schema === undefined) continue;
      yield* this.checkTree(name, tableId, table, schema);
      if (name === FILES_TABLE && sameSpec(schema.spec, FILES_SPEC))
        yield* this.checkFiles(table.root, this.filesOf(base));
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

  private *checkTree(name: string, id: ObjectId, table: Table, schema: SchemaCheck): Generator<void, void, undefined> {
    let whole = true;
    for (const problem of verifyTree(this.reader, schema.spec, table.root, schema.verified)) {
      whole = false;
      const pathRange = name === FILES_TABLE ? pathRangeOf(schema.spec, problem) : undefined;
      this.damages.addProblem(problem.id, problem.code, problem.problem, {kind: 'node', table: name, pathRange});
      yield;
    }
    yield;
    if (whole && this.count(schema.spec, table.root) !== table.rows) {
      const what = `it says ${table.rows} rows and its tree has another number`;
      this.damages.addProblem(id, 'OBJECT_INVALID', what, {kind: 'table', table: name});
    }
    yield* this.checkRows(name, table.root, schema);
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
  private *checkRows(name: string, root: TreeRoot, {spec, read}: SchemaCheck): Generator<void, void, undefined> {
    const pending = root === null ? [] : [root];
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (read.has(id)) continue;
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
    if (root === null) return;
    const {reader, damages} = this;
    const wrong = (path: string, what: string) => {
      damages.addProblem(root, 'OBJECT_INVALID', what, {kind: 'tree of files', table: FILES_TABLE, path});
    };
    /** First names of hard links that are gone: whatever still points at them is wrong. */
    const gone = new Set<string>();
    let directory = '';
    try {
      for (const {path, before, after} of diffFiles(reader, base, root)) {
        yield;
        const parent = parentOf(path);
        if (after && parent !== directory && parent !== '') {
          if (findFile(reader, root, parent)?.type !== 'dir') wrong(path, `'${path}' is not in a directory`);
          directory = parent;
        }
        if (before?.type === 'dir' && after?.type !== 'dir') {
          if (countRange(reader, FILES_SPEC, root, subtreeRange(path)) > 0)
            wrong(path, `'${path}' is no directory but has entries`);
        }
        if (after && after.link !== null) this.checkLink(root, after, wrong);
        if (before?.link === path && after?.link !== path) gone.add(path);
      }
      if (gone.size === 0) return;
      for (const {path, link} of scanFiles(reader, root)) {
        if (link !== null && gone.has(link)) wrong(path, `'${path}' is a hard link of '${link}', which is none`);
        yield;
      }
    } catch (error) {
      // a damaged node, told already
      damages.add(error, root, {kind: 'tree of files', table: FILES_TABLE});
    }
  }

  private checkLink(root: TreeRoot, file: FileRow, wrong: (path: string, what: string) => void): void {
    const {path, link} = file;
    if (link === null || link === path) return;
    const first = findFile(this.reader, root, link);
    if (first?.link !== link || first.type !== file.type || !sameCell(first.content, file.content)) {
      wrong(path, `'${path}' is a hard link of '${link}', which is none or another file`);
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
