/**
 * Writing into a repository in SQL: a working state on HEAD's commit, whose finished units become commits on HEAD's branch.
 * Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectReader, ObjectSink} from '../../objects/store.js';
import {readCommit, writeCommit} from '../../repo/commit.js';
import {branchRef, HEAD} from '../../repo/refs.js';
import type {Repository} from '../../repo/repository.js';
import type {Publication, Transaction} from '../../repo/transaction.js';
import type {Frame, Location} from '../../storage/storage.js';
import {affectedTables} from '../catalog/affected.js';
import {type CatalogOptions, repositoryCatalog} from '../catalog/repository-catalog.js';
import {WorkingState} from './working-state.js';
import {type UnitInfo, WritableDatabase} from './writable-database.js';

export interface RepositoryWrites extends Pick<CatalogOptions, 'status'> {
  /** The message of the commits; the statements, shortened, unless given. */
  readonly message?: string;
  /** Called when a unit has become a commit. */
  readonly onCommit?: (commit: ObjectId, info: UnitInfo) => void;
}

/**
 * Returns the tables of a repository as a database that can be written. Whoever runs statements awaits `settled` after each.
 * The repository must stay open, and HEAD must not move otherwise.
 */
export function writableDatabaseOf(repo: Repository, options: RepositoryWrites = {}): WritableDatabase {
  const sink = new UnitSink(repo);
  const {commit: base} = repo.head();
  const state = base === undefined ? undefined : readCommit(repo.objects, base).state;
  const {now, zone} = repo.context;
  const {message, onCommit, ...catalog} = options;
  return new WritableDatabase(new WorkingState(sink, state), repositoryCatalog(repo, catalog), {
    now,
    zone,
    ...(state !== undefined && {state}),
    commit: async (next, info) => {
      const commit = await sink.publish(next, message ?? info.message, info.changes);
      onCommit?.(commit, info);
    },
  });
}

/** A sink for one transaction after the other; without one it reads what is committed. */
class UnitSink implements ObjectSink {
  private transaction: Transaction | undefined;

  constructor(private readonly repo: Repository) {}

  private get reader(): ObjectReader {
    return this.transaction?.objects ?? this.repo.objects;
  }

  private get open(): Transaction {
    this.transaction ??= this.repo.begin();
    return this.transaction;
  }

  read(id: ObjectId): Uint8Array {
    return this.reader.read(id);
  }

  find(id: ObjectId): Uint8Array | undefined {
    return this.reader.find(id);
  }

  has(id: ObjectId): boolean {
    return this.reader.has(id);
  }

  locate(id: ObjectId): Location | undefined {
    return this.reader.locate(id);
  }

  put(bytes: Uint8Array): ObjectId {
    return this.open.objects.put(bytes);
  }

  putFrame(frame: Frame): void {
    this.open.objects.putFrame(frame);
  }

  /** Makes a commit with this state, and returns its id. */
  async publish(state: ObjectId, message: string, changes: number): Promise<ObjectId> {
    const {repo, open} = this;
    const head = repo.head();
    const {now, zone, identity} = repo.context;
    const time = now();
    const committer = {...identity(), time, zone: zone(time)};
    const parents = head.commit === undefined ? [] : [head.commit];
    const id = writeCommit(open.objects, {state, parents, author: committer, committer, message, cause: null});
    const ref = head.branch === undefined ? HEAD : branchRef(head.branch);
    const base = head.commit === undefined ? undefined : readCommit(open.objects, head.commit).state;
    const affected = affectedTables(open.objects, ref, base, state, changes);
    // whatever comes of it, the transaction is over
    this.transaction = undefined;
    const moved: Pick<Publication, 'refs' | 'head'> =
      head.branch === undefined
        ? {head: {detached: id}}
        : {
            refs: [
              {
                name: branchRef(head.branch),
                expected: head.commit === undefined ? {kind: 'absent'} : {kind: 'equals', id: head.commit},
                next: id,
              },
            ],
          };
    await open.publish({kind: 'normal', description: message, ...moved, ...(affected && {affected})});
    return id;
  }
}
