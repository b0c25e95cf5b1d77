/**
 * history() and blame(): which commits changed the rows of a table. Layer: sql.
 */

import {toBinary} from '../../bytes.js';
import {DbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import {walk} from '../../repo/history.js';
import type {Repository} from '../../repo/repository.js';
import {FILES_SPEC} from '../../state/files.js';
import type {Row} from '../../tree/cell.js';
import {encodeKey} from '../../tree/key.js';
import {scanRows} from '../../tree/read.js';
import type {BoundTableFunction, SourceColumn, TableFunction, TreeSource} from '../source.js';
import type {Value} from '../values/value.js';
import {text} from './columns.js';
import {CHANGE_COLUMNS, changeValues} from './commit-rows.js';
import {constantText} from './function-arguments.js';
import {
  changeOf,
  columnReader,
  diffVersions,
  keyColumns,
  pairColumns,
  sameKeys,
  sameVersion,
  type Version,
} from './table-diff.js';
import {KeyPlace, type TableVersions, tableHistory} from './table-history.js';

/** What these functions need of a catalog. */
export interface HistorySubject extends TableVersions {
  /** Returns the commit that queries read, or that a revision means; undefined before the first commit. */
  readonly commitAt: (revision?: string) => ObjectId | undefined;
  /** Returns a table as the newest of these commits has it that does. Throws TABLE_UNKNOWN. */
  readonly newest: (name: string, start: ObjectId | undefined) => TreeSource;
}

/** Prefixes the names of a table's columns that are names of ours. */
function apart(columns: readonly SourceColumn[], ours: readonly SourceColumn[]): SourceColumn[] {
  const taken = new Set(ours.map(({name}) => name));
  return columns.map(column => (taken.has(column.name) ? {...column, name: `row_${column.name}`} : column));
}

// ---------------------------------------------------------------------------------------------------- history

const HISTORY_COLUMNS: readonly SourceColumn[] = [text('change'), ...CHANGE_COLUMNS];

/**
 * Returns history(table [, key …]): the versions of the rows, or of the row with this key (or the rows whose key begins so),
 * the newest first: what each commit changed against its first parent, with the row as it was then. Of a deleted row only
 * the key is left. A merge is there only if the row is another one than in each of its parents.
 */
export function historyFunction(subject: HistorySubject): TableFunction {
  return {
    name: 'history',
    minArgs: 1,
    maxArgs: Number.POSITIVE_INFINITY,
    bind: args => {
      const name = constantText('history', 'table', args[0]);
      const start = subject.commitAt();
      const shown = subject.newest(name, start);
      const keyLength = shown.spec === FILES_SPEC ? 1 : shown.spec.keys.length;
      if (args.length - 1 > keyLength) {
        throw new DbosError('SQL_MISUSE', `The key of ${name} has no ${args.length - 1} columns.`, {
          hint: `history() takes the table and the ${keyLength === 1 ? 'value' : `${keyLength} values`} of its key.`,
          data: {table: name},
        });
      }
      return boundHistory(subject, name, start, shown);
    },
  };
}

function boundHistory(
  subject: HistorySubject,
  name: string,
  start: ObjectId | undefined,
  shown: TreeSource,
): BoundTableFunction {
  const keys = new Set(keyColumns(shown));
  const columns = [
    ...HISTORY_COLUMNS,
    ...apart(shown.columns, HISTORY_COLUMNS).map(column => ({...column, notNull: false})),
  ];
  // the rows of one version come together
  let last: {readonly version: TreeSource; readonly read: ReturnType<typeof columnReader>} | undefined;
  const readerOf = (version: TreeSource) => {
    if (last?.version !== version) {
      const places = pairColumns(version, shown).filter(({after}) => after !== undefined);
      last = {
        version,
        read: columnReader(
          version,
          places.map(({before}) => before),
        ),
      };
    }
    return last.read;
  };
  return {
    columns,
    rows: 20,
    *call(args, used) {
      if (start === undefined) return;
      const key = args.slice(1);
      if (key.includes(null)) return;
      const place = new KeyPlace(key);
      const at = HISTORY_COLUMNS.length;
      const wanted = (index: number) => used?.[index] ?? true;
      const wantedOfKey = (index: number) => keys.has(index - at) && wanted(index);
      for (const {entry, before, after, changes} of tableHistory(subject, name, {include: [start]}, place)) {
        const told = changeValues(entry.id, entry.commit);
        for (const change of changes) {
          const row = new Array<Value>(columns.length).fill(null);
          row[0] = changeOf(change);
          for (let i = 0; i < told.length; i++) row[i + 1] = told[i] as Value;
          if (change.after) readerOf(after as TreeSource)(change.after, wanted, row, at);
          else readerOf(before as TreeSource)(change.before as Row, wantedOfKey, row, at);
          yield row;
        }
      }
    },
  };
}

// ---------------------------------------------------------------------------------------------------- blame

/**
 * Returns blame(table [, revision]): for each row its key and the commit that made it what it is: the newest one that all
 * later versions of the row agree with.
 */
export function blameFunction(subject: HistorySubject): TableFunction {
  return {
    name: 'blame',
    minArgs: 1,
    maxArgs: 2,
    bind: args => {
      const name = constantText('blame', 'table', args[0]);
      const start = subject.commitAt(args.length < 2 ? undefined : constantText('blame', 'revision', args[1]));
      const shown = subject.newest(name, start);
      const keys = keyColumns(shown);
      const columns = keys.map(column => ({...(shown.columns[column] as SourceColumn), hidden: false}));
      return {
        columns: [...apart(columns, CHANGE_COLUMNS), ...CHANGE_COLUMNS],
        rows: shown.rows,
        *call() {
          if (start === undefined) return;
          const version = subject.version(stateOf(subject.repo, start), name);
          if (version === undefined) return;
          const {reader, spec, root} = version;
          const origins = attribute(subject, name, start, version);
          const read = columnReader(version, keys);
          const always = () => true;
          for (const row of scanRows(reader, spec, root)) {
            const values = new Array<Value>(keys.length);
            read(row, always, values, 0);
            const told = origins.get(toBinary(encodeKey(spec, row))) as readonly Value[];
            for (const value of told) values.push(value);
            yield values;
          }
        },
      };
    },
  };
}

function stateOf(repo: Repository, commit: ObjectId): ObjectId {
  for (const entry of walk(repo, {include: [commit]})) return entry.state;
  throw new TypeError('a walk begins with its start');
}

/**
 * Returns for each row of a version, by its key, what is told of the commit that it comes from. The rows go down through
 * history as sets of keys: each commit keeps those that no parent has so, and hands the others on to the first parent that
 * does. So the work is that of the differences, and ends when the last row has found its commit.
 */
function attribute(
  {repo, version}: HistorySubject,
  name: string,
  start: ObjectId,
  shown: TreeSource,
): Map<string, readonly Value[]> {
  const found = new Map<string, readonly Value[]>();
  const all = new Set<string>();
  for (const row of scanRows(shown.reader, shown.spec, shown.root)) all.add(toBinary(encodeKey(shown.spec, row)));
  const waiting = new Map<ObjectId, Set<string>>([[start, all]]);
  const handOn = (id: ObjectId, keys: Set<string>) => {
    if (keys.size === 0) return;
    const there = waiting.get(id);
    if (there === undefined) waiting.set(id, keys);
    else {
      const [small, large] = there.size < keys.size ? [there, keys] : [keys, there];
      for (const key of small) large.add(key);
      waiting.set(id, large);
    }
  };
  for (const entry of walk(repo, {include: [start]})) {
    if (waiting.size === 0) break;
    let keys = waiting.get(entry.id);
    if (keys === undefined) continue;
    waiting.delete(entry.id);
    const after = version(entry.state, name);
    for (const parent of entry.readParents()) {
      const changed = takeChanged(keys, version(parent.state, name), after);
      handOn(parent.id, keys);
      keys = changed;
      if (keys.size === 0) break;
    }
    if (keys.size === 0) continue;
    const told = changeValues(entry.id, entry.commit);
    for (const key of keys) found.set(key, told);
  }
  return found;
}

/** Takes the keys of rows that differ between two versions out of a set, and returns them. */
function takeChanged(keys: Set<string>, before: Version, after: Version): Set<string> {
  const changed = new Set<string>();
  if (sameVersion(before, after)) return changed;
  if (before === undefined || after === undefined || !sameKeys(before, after)) {
    for (const key of keys) changed.add(key);
    keys.clear();
    return changed;
  }
  for (const change of diffVersions(before, after)) {
    const key = toBinary(change.key);
    if (keys.delete(key)) changed.add(key);
  }
  return changed;
}
