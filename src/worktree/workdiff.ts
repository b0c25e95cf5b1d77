/**
 * The difference between a root of files and the work tree, with whole rows, without recording anything. Layer: worktree.
 */
import {readFileSync} from 'node:fs';
import {idOf, type ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import type {Repository} from '../repo/repository.js';
import {type FileChange, type FileRow, fileKey} from '../state/files.js';
import type {BodyReader} from '../state/renames.js';
import type {Frame} from '../storage/storage.js';
import {readWhole} from '../tree/content.js';
import type {TreeRoot} from '../tree/spec.js';
import {examine, type WorkProgress} from './examine.js';
import {fsPath} from './fspath.js';
import {Selection} from './selection.js';
import {loadStatCache} from './statcache.js';

/** Names objects without keeping them: claims to have every body, so none is packed. */
class NamingSink implements ObjectSink {
  constructor(private readonly reader: ObjectReader) {}

  read(id: ObjectId): Uint8Array {
    return this.reader.read(id);
  }

  find(id: ObjectId): Uint8Array | undefined {
    return this.reader.find(id);
  }

  has(): boolean {
    return true;
  }

  locate(id: ObjectId): ReturnType<ObjectReader['locate']> {
    return this.reader.locate(id);
  }

  put(bytes: Uint8Array): ObjectId {
    return idOf(bytes);
  }

  putFrame(_frame: Frame): void {
    throw new TypeError('nothing is missing here, so nothing is packed');
  }
}

export interface WorkDiff {
  /** In the order of keys. */
  readonly changes: readonly FileChange[];
  /** Reads bodies of both sides; a file on disk may have changed meanwhile. */
  readonly readBody: BodyReader;
}

export interface WorkDiffOptions {
  /** The root that the work tree is compared with. */
  readonly base: TreeRoot;
  /** Paths of the state; everything if there are none. Throws PATH_UNKNOWN for one that is on neither side. */
  readonly paths: readonly string[];
  readonly signal?: AbortSignal;
  readonly progress?: (progress: WorkProgress) => void;
}

/** Returns how the work tree at `root` differs from a root of files. */
export async function diffWorkTree(repo: Repository, root: string, options: WorkDiffOptions): Promise<WorkDiff> {
  const {base, paths, signal, progress} = options;
  const {store} = repo.location;
  const {differences} = await examine({
    reader: repo.objects,
    sink: new NamingSink(repo.objects),
    root,
    store,
    base,
    cached: loadStatCache(store),
    selection: new Selection(paths),
    signal,
    progress,
  });
  const onDisk = new Set<FileRow>();
  for (const {after} of differences) if (after) onDisk.add(after);
  const readBody = (file: FileRow): Uint8Array => {
    if (file.content === null) return new Uint8Array(0);
    return onDisk.has(file) ? readFileSync(fsPath(root, file.path)) : readWhole(repo.objects, file.content);
  };
  const changes = differences.map(({path, before, after}) => ({path, before, after}));
  changes.sort((a, b) => Buffer.compare(fileKey(a.path), fileKey(b.path)));
  return {changes, readBody};
}
