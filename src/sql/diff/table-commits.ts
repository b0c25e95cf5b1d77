/**
 * The history of a table as commands tell it: the commits that changed anything of it, or the row with a key. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import {type WalkEntry, type WalkRange, walk} from '../../repo/history.js';
import {didYouMean, nearestNames} from '../../repo/nearest.js';
import type {Repository} from '../../repo/repository.js';
import {FILES_TABLE} from '../../state/files.js';
import {findTable} from '../../state/state.js';
import {foldName} from '../catalog/names.js';
import {States} from '../catalog/states.js';
import type {Version} from '../catalog/table-diff.js';
import {KeyPlace, tableHistory} from '../catalog/table-history.js';
import type {TreeSource} from '../source.js';
import type {Value} from '../values/value.js';
import {type RowDelta, RowsDelta} from './table-delta.js';

/** A commit that changed a table. */
export interface TableCommit {
  readonly entry: WalkEntry;
  /** The state of its first parent. */
  readonly before: ObjectId | undefined;
}

/** A commit that changed rows with a key. */
export interface RowCommit {
  readonly entry: WalkEntry;
  readonly rows: RowsDelta;
  readonly changes: Iterable<RowDelta>;
}

/**
 * Returns the name of a table or view, given in any case, as the newest of some commits has it that does. Throws
 * TABLE_UNKNOWN if none has, USAGE for `files`.
 */
export function nameInHistory(repo: Repository, range: WalkRange, name: string): string {
  const folded = foldName(name);
  if (folded === FILES_TABLE) {
    throw new DbosError('USAGE', 'The history of files is asked by their paths.', {hint: 'See `dbos help history`.'});
  }
  const states = new States(repo.objects);
  const known = new Set<string>();
  for (const {state} of walk(repo, range)) {
    for (const each of states.tables(state).keys()) {
      if (foldName(each) === folded) return each;
      if (each !== FILES_TABLE) known.add(each);
    }
  }
  throw new DbosError('TABLE_UNKNOWN', `No commit there has a table ${name}.`, {
    hint:
      didYouMean(nearestNames(name, [...known])) ?? '`dbos query "SELECT name FROM tables"` lists the tables of HEAD.',
    data: {table: name},
  });
}

/** Yields the commits that changed a table or view in any way, the newest first; `name` is exact. */
export function* tableCommits(
  repo: Repository,
  range: WalkRange,
  name: string,
): Generator<TableCommit, void, undefined> {
  const {objects} = repo;
  const idIn = (state: ObjectId) => findTable(objects, state, name);
  for (const entry of walk(repo, range)) {
    const id = idIn(entry.state);
    const parents = entry.readParents();
    if (parents.length === 0 ? id === undefined : parents.some(parent => idIn(parent.state) === id)) continue;
    yield {entry, before: parents[0]?.state};
  }
}

/**
 * Yields the commits that changed the row with a key, or the rows whose key begins so, the newest first; `name` is exact.
 * Throws SQL_MISUSE if the key has more values than that of the table.
 */
export function* rowCommits(
  repo: Repository,
  range: WalkRange,
  name: string,
  key: readonly Value[],
): Generator<RowCommit, void, undefined> {
  const states = new States(repo.objects);
  const place = new KeyPlace(key);
  const version = (state: ObjectId, table: string) => states.find(state, table);
  const rangeOf = (source: TreeSource) => place.range(source);
  for (const {entry, before, after} of tableHistory({repo, version}, name, range, place)) {
    const newest = (after ?? before) as TreeSource;
    if (key.length > newest.key.length) throw keyTooLong(name, key.length, newest);
    const rows = new RowsDelta(before, after);
    yield {entry, rows, changes: rows.changes(rangeOf)};
  }
}

/**
 * Returns the error for a key, as it was typed, that no commit of a range changed a row with: ROW_UNKNOWN, or SQL_MISUSE if it
 * has more values than the key of the table; `name` is exact.
 */
export function unknownRow(
  repo: Repository,
  range: WalkRange & {readonly revision: string},
  name: string,
  key: readonly string[],
): DbosError {
  const source = newestVersion(repo, range, name);
  if (source && key.length > source.key.length) return keyTooLong(name, key.length, source);
  const columns = source?.key.map(column => source.columns[column]?.name).join(', ');
  return new DbosError(
    'ROW_UNKNOWN',
    `No commit in ${range.revision} changed a row of ${name} with the key ${key.join(', ')}.`,
    {
      hint: `${columns === undefined ? '' : `The key is ${columns}; `}\`dbos history --table ${name}\` shows all commits.`,
      data: {table: name},
    },
  );
}

function newestVersion(repo: Repository, range: WalkRange, name: string): Version {
  const states = new States(repo.objects);
  for (const {state} of walk(repo, range)) {
    const source = states.find(state, name);
    if (source) return source;
  }
  return undefined;
}

function keyTooLong(name: string, values: number, {key}: TreeSource): DbosError {
  return new DbosError('SQL_MISUSE', `The key of ${name} has no ${values} columns.`, {
    hint: `It has ${key.length}: give --key at most so often.`,
    data: {table: name},
  });
}
