/**
 * The files of a state, as they are, for those who look at them; and who hears what they look at. Layer: state.
 */
import type {ObjectReader} from '../objects/store.js';
import {readContent} from '../tree/content.js';
import type {TreeRange} from '../tree/read.js';
import type {TreeRoot} from '../tree/spec.js';
import {directoryRange, type FileRow, fileRange, findFile, scanFiles, subtreeRange, unknownPath} from './files.js';

/** Hears that the entries of a range of keys are read, those that are not there too. */
export type OnFilesRead = (range: TreeRange) => void;

export class StoredFiles {
  constructor(
    private readonly reader: ObjectReader,
    private readonly root: TreeRoot,
    private readonly onRead?: OnFilesRead,
  ) {}

  /** Returns the entry at a path; undefined for the root, too. */
  find(path: string): FileRow | undefined {
    if (path !== '') this.onRead?.(fileRange(path));
    return findFile(this.reader, this.root, path);
  }

  /** Returns the entry at a path, undefined for the root; `where` is for the error. Throws PATH_UNKNOWN. */
  read(path: string, where = 'this state'): FileRow | undefined {
    const found = this.find(path);
    if (found === undefined && path !== '') throw unknownPath(path, where);
    return found;
  }

  isDirectory(path: string): boolean {
    return path === '' || this.find(path)?.type === 'dir';
  }

  list(directory: string): Iterable<FileRow> {
    return this.scan(directoryRange(directory));
  }

  below(directory: string): Iterable<FileRow> {
    return this.scan(subtreeRange(directory));
  }

  private scan(range: TreeRange): Iterable<FileRow> {
    this.onRead?.(range);
    return scanFiles(this.reader, this.root, range);
  }

  body({content}: FileRow): Iterable<Uint8Array> {
    return content === null ? [] : readContent(this.reader, content);
  }
}
