/**
 * The history of paths: which commits changed them. Two states are compared only along the way to a path, and what they
 * share is not read, so a commit that leaves the path alone costs a node or two. Layer: repo.
 */
import type {ObjectId} from '../objects/id.js';
import {diffFiles, FILES_SPEC, type FileChange, type FileRow, fileKey, findFile, subtreeRange} from '../state/files.js';
import {isWithin} from '../state/path.js';
import type {TreeRange} from '../tree/read.js';
import type {TreeRoot} from '../tree/spec.js';
import {decodeCommitHeader} from './commit.js';
import {filesRootOf} from './filesroot.js';
import {type HistoryEntry, type WalkRange, walk} from './history.js';
import {RangeWays} from './rangeways.js';
import type {HistorySource} from './shallow.js';

/** A commit that changed one of the paths. */
export interface PathHistoryEntry extends HistoryEntry {
  /** What it changed of them, against its first parent; computed anew by each iteration. */
  readonly changes: Iterable<FileChange>;
  /** Renames that were followed from here on. */
  readonly renames: readonly Rename[];
}

export interface Rename {
  readonly from: string;
  readonly to: string;
}

export interface PathHistoryOptions {
  /** Goes on with the old name where a file was renamed: the deleted file with the same content. */
  readonly followRenames?: boolean;
  /** Returns the deleted file that an added one comes from if none has the same content; undefined for none. */
  readonly findSource?: (added: FileRow, deleted: readonly FileRow[]) => FileRow | undefined;
}

const CACHED = 1024;

/** Remembers what was read last; values are small. */
class Recent<V> {
  private readonly values = new Map<ObjectId, V>();

  constructor(private readonly read: (id: ObjectId) => V) {}

  get(id: ObjectId): V {
    let value = this.values.get(id);
    if (value === undefined) {
      value = this.read(id);
      if (this.values.size >= CACHED) this.values.clear();
      this.values.set(id, value);
    }
    return value;
  }
}

/**
 * Yields the commits of a range that changed one of the paths (files, or directories with all below them; '' for
 * everything), in the order of `walk`. A merge counts only if it differs from each of its parents.
 */
export function* pathHistory(
  source: HistorySource,
  range: WalkRange,
  paths: readonly string[],
  options: PathHistoryOptions = {},
): Generator<PathHistoryEntry, void, undefined> {
  const {objects} = source;
  const roots = new Recent<TreeRoot>(state => filesRootOf(objects, state));
  const start = withoutNested(paths);
  const comparer = new PathComparer(source);
  for (const id of range.include)
    comparer.prepare(filesRootOf(objects, decodeCommitHeader(objects.read(id)).state), start);
  const tracked = new Map<ObjectId, readonly string[]>();
  for (const entry of walk(source, range)) {
    const {id, parents, state} = entry;
    const current = tracked.get(id) ?? start;
    tracked.delete(id);
    const root = roots.get(state);
    const before = entry.readParents().map(parent => roots.get(parent.state));
    if (before.length === 0) before.push(null);
    // not `every`: the comparer has to see each parent
    let changed = true;
    for (const other of before) if (!comparer.differs(other, root, current)) changed = false;
    const renames = changed && options.followRenames ? findRenames(source, before, root, current, options) : [];
    if (options.followRenames) {
      const names = new Map(renames.map(({from, to}) => [to, from]));
      const older = current.map(path => names.get(path) ?? path);
      for (const {from} of renames) comparer.prepare(before[0] as TreeRoot, [from]);
      for (const parent of parents) {
        const known = tracked.get(parent);
        tracked.set(parent, known ? withoutNested([...known, ...older]) : older);
      }
    }
    if (!changed) continue;
    const first = before[0] as TreeRoot;
    const changes = {[Symbol.iterator]: () => comparer.changes(first, root, current)};
    yield {id, commit: entry.commit, renames, changes};
  }
}

/** Returns the paths without those that lie below another one. */
function withoutNested(paths: readonly string[]): string[] {
  const kept: string[] = [];
  for (const path of [...new Set(paths)].sort()) if (!kept.some(other => isWithin(path, other))) kept.push(path);
  return kept;
}

/** Where a path is in the tree of files: its own row, and what lies below it. */
interface Place {
  readonly row: RangeWays;
  readonly rowRange: TreeRange;
  /** Undefined for the root, below which everything lies. */
  readonly below: RangeWays | undefined;
  readonly belowRange: TreeRange;
}

/** Compares states at paths. */
export class PathComparer {
  private readonly places = new Map<string, Place>();
  /** Paths that are or may once have been directories: only there is it worth looking below. */
  private readonly directories = new Set<string>();

  constructor(private readonly source: Pick<HistorySource, 'objects'>) {}

  /** Looks below paths too, whatever they are. */
  takeForDirectories(paths: readonly string[]): void {
    for (const path of paths) this.directories.add(path);
  }

  /** Takes note of what the paths are in a state that a walk starts from. */
  prepare(root: TreeRoot, paths: readonly string[]): void {
    for (const path of paths) {
      if (path === '' || findFile(this.source.objects, root, path)?.type === 'dir') this.directories.add(path);
    }
  }

  /** Returns whether two states differ at one of the paths. Must be asked for children before their parents. */
  differs(before: TreeRoot, after: TreeRoot, paths: readonly string[]): boolean {
    if (before === after) return false;
    let found = false;
    for (const path of paths) {
      if (this.directories.has(path)) {
        const {row, rowRange, below, belowRange} = this.place(path);
        found ||= this.differsIn(row, rowRange, before, after) || this.differsIn(below, belowRange, before, after);
        continue;
      }
      const place = this.place(path);
      if (agree(place.row, before, after)) continue;
      for (const change of diffFiles(this.source.objects, before, after, place.rowRange)) {
        found = true;
        // a walk passes every change of what the path is, so it knows the directory that a file once was
        if (change.before?.type === 'dir') this.directories.add(path);
      }
    }
    return found;
  }

  private differsIn(ways: RangeWays | undefined, range: TreeRange, before: TreeRoot, after: TreeRoot): boolean {
    if (agree(ways, before, after)) return false;
    return diffFiles(this.source.objects, before, after, range).next().done !== true;
  }

  /** Yields what differs at the paths. */
  *changes(before: TreeRoot, after: TreeRoot, paths: readonly string[]): Generator<FileChange, void, undefined> {
    if (before === after) return;
    const {objects} = this.source;
    for (const path of paths) {
      yield* diffFiles(objects, before, after, this.place(path).rowRange);
      if (this.directories.has(path)) yield* diffFiles(objects, before, after, subtreeRange(path));
    }
  }

  private place(path: string): Place {
    let place = this.places.get(path);
    if (place === undefined) {
      const {objects} = this.source;
      const gte = fileKey(path);
      // the root has no row of its own
      const rowRange = {gte, lt: path === '' ? gte : Buffer.concat([gte, Buffer.from([0])])};
      const belowRange = subtreeRange(path);
      const below =
        belowRange.gte && belowRange.lt && new RangeWays(objects, FILES_SPEC, belowRange.gte, belowRange.lt);
      place = {row: new RangeWays(objects, FILES_SPEC, gte, rowRange.lt), rowRange, below, belowRange};
      this.places.set(path, place);
    }
    return place;
  }
}

/** Returns whether two trees are known to have the same rows. */
function agree(ways: RangeWays | undefined, before: TreeRoot, after: TreeRoot): boolean {
  return before !== null && after !== null && (ways?.agree(before, after) ?? false);
}

/** Returns where the files at paths that no parent has came from, by the files that the commit deleted. */
function findRenames(
  {objects}: HistorySource,
  before: readonly TreeRoot[],
  root: TreeRoot,
  paths: readonly string[],
  options: PathHistoryOptions,
): Rename[] {
  const renames: Rename[] = [];
  let deleted: FileRow[] | undefined;
  for (const path of paths) {
    const added = findFile(objects, root, path);
    if (added?.content == null) continue;
    if (before.some(other => findFile(objects, other, path) !== undefined)) continue;
    deleted ??= deletedFiles(objects, before[0] as TreeRoot, root);
    if (deleted.length === 0) break;
    const {content} = added;
    const source =
      deleted.find(file => content.size > 0 && file.content?.id === content.id) ?? options.findSource?.(added, deleted);
    if (source) renames.push({from: source.path, to: path});
  }
  return renames;
}

function deletedFiles(objects: HistorySource['objects'], before: TreeRoot, after: TreeRoot): FileRow[] {
  const deleted: FileRow[] = [];
  for (const change of diffFiles(objects, before, after)) {
    if (change.before?.type === 'file' && change.after === undefined) deleted.push(change.before);
  }
  return deleted;
}
