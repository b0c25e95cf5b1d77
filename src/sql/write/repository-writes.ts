/**
 * Writing into a repository in SQL, unit by unit: each finished unit is published at once, as a commit on the branch that HEAD
 * was on. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {Repository} from '../../repo/repository.js';
import type {CatalogOptions} from '../catalog/repository-catalog.js';
import {HeadDestination, type PublishOptions} from './destination.js';
import {writableOn} from './script-writes.js';
import {UnitSink} from './unit-sink.js';
import type {UnitInfo, WritableDatabase} from './writable-database.js';

export interface RepositoryWrites extends PublishOptions, Pick<CatalogOptions, 'status'> {
  /** Called when a unit has become a commit. */
  readonly onCommit?: (commit: ObjectId, info: UnitInfo) => void;
}

/**
 * Returns the tables of a repository as a database that can be written. Whoever runs statements awaits `settled` after each,
 * which throws TRANSACTION_CONFLICT for a unit that contradicts what others have committed on the branch. The repository must
 * stay open.
 */
export function writableDatabaseOf(repo: Repository, options: RepositoryWrites = {}): WritableDatabase {
  const sink = new UnitSink(repo);
  const destination = new HeadDestination(repo);
  const {onCommit} = options;
  return writableOn(repo, sink, destination, options, undefined, async unit => {
    const [commit] = await destination.publish(sink, [unit], options);
    onCommit?.(commit as ObjectId, {message: unit.statement, changes: unit.changes});
  });
}
