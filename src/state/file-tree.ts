/**
 * A tree of files that changes entry by entry: edits wait in memory, are seen by reads at once, and go into the tree
 * together, so that changing costs O(changes × depth). Layer: state.
 */
import type {ObjectSink} from '../objects/store.js';
import type {TreeRange} from '../tree/read.js';
import type {TreeRoot} from '../tree/spec.js';
import {editFiles, type FileRow, fileRange, findFile, linkedFiles, scanFiles} from './files.js';
import type {OnFilesRead} from './stored-files.js';

/** The files of a state that is being changed. Nothing is checked but that names can stand in a state. */
export interface FileTree {
  /** Returns the entry at a path; the root itself has none. */
  find(path: string): FileRow | undefined;
  /** Yields the entries of a range of keys, in key order, as they are when it begins. */
  scan(range: TreeRange): Iterable<FileRow>;
  /** Yields the files whose `link` is one of these, in key order. */
  linked(links: ReadonlySet<string>): Iterable<FileRow>;
  /** Puts an entry at its path, in the place of what is there. */
  set(file: FileRow): void;
  /** Removes the entry at a path, if there is one. */
  remove(path: string): void;
}

/** The files of one root with edits. */
export class EditedFiles implements FileTree {
  private readonly pending = new Map<string, FileRow | null>();

  constructor(
    private readonly sink: ObjectSink,
    private base: TreeRoot,
    private readonly onRead?: OnFilesRead,
  ) {}

  /** Puts the edits into the tree and returns its root. Throws NAME_UNSAFE for a path that cannot stand in a state. */
  root(): TreeRoot {
    const {pending, sink} = this;
    if (pending.size > 0) {
      this.base = editFiles(
        sink,
        this.base,
        [...pending].map(([path, file]) => ({path, file})),
      );
      pending.clear();
    }
    return this.base;
  }

  find(path: string): FileRow | undefined {
    if (path !== '') this.onRead?.(fileRange(path));
    const pending = this.pending.get(path);
    return pending === undefined ? findFile(this.sink, this.base, path) : (pending ?? undefined);
  }

  scan(range: TreeRange): Iterable<FileRow> {
    this.onRead?.(range);
    return scanFiles(this.sink, this.root(), range);
  }

  linked(links: ReadonlySet<string>): Iterable<FileRow> {
    this.onRead?.({});
    return linkedFiles(this.sink, this.root(), links);
  }

  set(file: FileRow): void {
    this.pending.set(file.path, file);
  }

  remove(path: string): void {
    this.pending.set(path, null);
  }
}
