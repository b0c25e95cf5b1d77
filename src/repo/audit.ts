/**
 * Which operations changed something: the log of operations by time, account, path and table. What an operation changed is told
 * by comparing what refs held before and after it, and states that share what is asked for are not read any further.
 * Layer: repo.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {FILES_TABLE} from '../state/files.js';
import {readState} from '../state/state.js';
import type {Storage} from '../storage/storage.js';
import {readCommit} from './commit.js';
import {filesRootOf} from './filesroot.js';
import {readOperationEntry} from './indexes.js';
import {changingMoves} from './moves.js';
import type {StoredOperation} from './operation.js';
import {listOperations, readOperation} from './operations.js';
import {PathComparer} from './pathhistory.js';
import {operationsUntil} from './refhistory.js';

export interface AuditFilter {
  /** The first and the last moment, in milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** The account: `ada`, or `ada@host`. */
  readonly user?: string | undefined;
  /** Only what changed this file, or this directory with all below it; '' is the root. */
  readonly path?: string | undefined;
  /** Only what changed this table, in whatever case. */
  readonly table?: string | undefined;
}

interface AuditSource {
  readonly objects: ObjectReader;
  readonly storage: Storage;
  readonly operation: StoredOperation;
}

/** Yields the operations that fit, the newest first. */
export function* auditOperations(repo: AuditSource, filter: AuditFilter): Generator<StoredOperation, void, undefined> {
  const {since = Number.NEGATIVE_INFINITY, until, user, path, table} = filter;
  const newest = until === undefined ? repo.operation : newestUntil(repo, until);
  if (newest === undefined) return;
  const changes = new Changes(repo.objects, path, table);
  for (const operation of listOperations({objects: repo.objects, storage: repo.storage, operation: newest})) {
    // times never fall along the chain
    if (operation.time < since) return;
    if (user !== undefined && operation.user !== user && `${operation.user}@${operation.host}` !== user) continue;
    if (path !== undefined && !changes.ofPath(operation)) continue;
    if (table !== undefined && !changes.ofTable(operation)) continue;
    yield operation;
  }
}

function newestUntil({objects, storage, operation}: AuditSource, until: number): StoredOperation | undefined {
  const count = operationsUntil(storage, operation, until);
  return count === 0 ? undefined : readOperation(objects, readOperationEntry(storage, count - 1).id);
}

const folded = (name: string) => name.toLowerCase();

/** Says what operations changed. */
class Changes {
  private readonly comparer: PathComparer;
  private readonly paths: readonly string[];
  private readonly table: string;

  constructor(
    private readonly reader: ObjectReader,
    path: string | undefined,
    table: string | undefined,
  ) {
    this.comparer = new PathComparer({objects: reader});
    this.paths = path === undefined ? [] : [path];
    // operations are of many branches, in which it may be anything
    this.comparer.takeForDirectories(this.paths);
    this.table = folded(table ?? '');
  }

  ofPath(operation: StoredOperation): boolean {
    const root = (commit: ObjectId | null) =>
      commit === null ? null : filesRootOf(this.reader, readCommit(this.reader, commit).state);
    return changingMoves(this.reader, operation, name => name === FILES_TABLE).some(({before, after}) =>
      this.comparer.differs(root(before), root(after), this.paths),
    );
  }

  ofTable(operation: StoredOperation): boolean {
    const isTable = (name: string) => folded(name) === this.table;
    return changingMoves(this.reader, operation, isTable).some(({before, after}) => {
      return operation.affected !== null || this.tables(before) !== this.tables(after);
    });
  }

  /** Returns the tables of this name in a commit, as a text that tells them apart. */
  private tables(commit: ObjectId | null): string {
    if (commit === null) return '';
    const state = readState(this.reader, readCommit(this.reader, commit).state);
    return [...state].flatMap(([name, id]) => (folded(name) === this.table ? [name, id] : [])).join('\0');
  }
}
