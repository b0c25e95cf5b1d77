/**
 * What `ls` and `cat` name: an entry of a commit's files. `PATH` is relative to the current directory; `REV:PATH` is
 * relative to the root, and `REV:./PATH` to the current directory, as in git. A path that exists wins over that reading.
 * Layer: cli.
 */
import {isDbosError} from '../errors.js';
import type {Repository} from '../repo/repository.js';
import {resolveRevision} from '../repo/revisions.js';
import type {ReadTracker} from '../sql/write/read-tracker.js';
import type {FileRow} from '../state/files.js';
import {StoredFiles} from '../state/stored-files.js';
import {statePath} from './paths.js';

export interface StoredEntry {
  /** The files that it is one of. */
  readonly files: StoredFiles;
  /** Relative to the root of the state, which is `''`. */
  readonly path: string;
  /** Undefined for the root. */
  readonly row: FileRow | undefined;
}

/**
 * Returns the entry that a user typed in `directory`, in the commit `at` (HEAD unless given); `reads` hears what is read of HEAD.
 * Throws PATH_UNKNOWN,
 * PATH_INVALID, NO_COMMITS, and what a revision throws.
 */
export async function findStoredEntry(
  repository: Repository,
  directory: string,
  typed: string,
  at: string | undefined,
  reads?: ReadTracker,
): Promise<StoredEntry> {
  const entry = async (revision: string, folder: string, name: string): Promise<StoredEntry> => {
    const {commit} = await resolveRevision(repository, revision);
    const path = statePath(repository.location, folder, name);
    // other commits stay what they are
    const onRead = commit === repository.head().commit ? reads?.noteFiles : undefined;
    const files = new StoredFiles(repository.objects, repository.filesRoot(commit), onRead);
    return {files, path, row: files.read(path, revision)};
  };
  const colon = at === undefined ? typed.indexOf(':') : -1;
  if (colon < 0) return entry(at ?? 'HEAD', directory, typed);
  const failures: unknown[] = [];
  const found = await attempt(() => entry('HEAD', directory, typed), failures);
  if (found !== undefined) return found;
  // a time has colons of its own, so each may be the one
  const top = repository.location.workTree ?? directory;
  for (let end = colon; end >= 0; end = typed.indexOf(':', end + 1)) {
    const revision = typed.slice(0, end);
    const rest = typed.slice(end + 1);
    const folder = rest.startsWith('./') || rest.startsWith('../') ? directory : top;
    const other = await attempt(() => entry(revision || 'HEAD', folder, rest), failures);
    if (other !== undefined) return other;
  }
  throw failures.find(error => isDbosError(error, 'PATH_UNKNOWN') && error !== failures[0]) ?? failures[0];
}

/** Returns undefined, and takes note of why, if there is no such thing. */
async function attempt(find: () => Promise<StoredEntry>, failures: unknown[]): Promise<StoredEntry | undefined> {
  try {
    return await find();
  } catch (error) {
    if (!isDbosError(error)) throw error;
    failures.push(error);
    return undefined;
  }
}
