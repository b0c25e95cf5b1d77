/**
 * diff() and diff_stat(): what differs between two states. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import {FILES_TABLE} from '../../state/files.js';
import type {BoundTableFunction, SourceColumn, TableFunction, TreeSource} from '../source.js';
import type {Value} from '../values/value.js';
import {countChanges} from './affected.js';
import {integer, text} from './columns.js';
import {constantText} from './function-arguments.js';
import {foldName} from './names.js';
import type {States} from './states.js';
import {
  type ColumnPair,
  changeOf,
  columnReader,
  diffVersions,
  keyColumns,
  pairColumns,
  sameVersion,
  type Version,
} from './table-diff.js';

/** What these functions need of a catalog. */
export interface DiffSubject {
  readonly states: States;
  /** Returns the state of a revision or time. */
  readonly stateAt: (revision: string) => ObjectId | undefined;
  /** Returns the state that queries read. */
  readonly currentState: () => ObjectId | undefined;
  /** Returns versions of a table as it is in some states. Throws TABLE_UNKNOWN if none has it. */
  readonly versions: (name: string, ...states: (ObjectId | undefined)[]) => Version[];
}

const CHANGED_ABOUT = 100;

/**
 * Returns diff(table, from [, to]): a row for each row that differs, with `change`, the key, and of every other column the
 * value before and after, `old_X` and `new_X`. Without `to` it compares with what queries read.
 */
export function diffFunction(subject: DiffSubject): TableFunction {
  return {
    name: 'diff',
    minArgs: 2,
    maxArgs: 3,
    bind: args => {
      const table = constantText('diff', 'table', args[0]);
      const from = subject.stateAt(constantText('diff', 'revision', args[1]));
      const to = args.length < 3 ? subject.currentState() : subject.stateAt(constantText('diff', 'revision', args[2]));
      const [before, after] = subject.versions(table, from, to);
      return boundDiff(before, after);
    },
  };
}

function boundDiff(before: Version, after: Version): BoundTableFunction {
  const shown = (after ?? before) as TreeSource;
  const inKey = new Set(keyColumns(shown));
  const pairs = pairColumns(before ?? shown, shown);
  const keys = pairs.filter(({after: place}) => place !== undefined && inKey.has(place));
  // a key column of the older version only is shown as any other
  const others = pairs.filter(pair => !keys.includes(pair));
  const columnOf = (pair: ColumnPair) =>
    (pair.after === undefined ? before?.columns[pair.before as number] : shown.columns[pair.after]) as SourceColumn;
  const columns: SourceColumn[] = [
    text('change'),
    ...keys.map(pair => ({...columnOf(pair), hidden: false})),
    ...others.map(pair => ({...columnOf(pair), name: `old_${pair.name}`, notNull: false})),
    ...others.map(pair => ({...columnOf(pair), name: `new_${pair.name}`, notNull: false})),
  ];
  const old = (list: readonly ColumnPair[]) =>
    before &&
    columnReader(
      before,
      list.map(pair => pair.before),
    );
  const fresh = (list: readonly ColumnPair[]) =>
    after &&
    columnReader(
      after,
      list.map(pair => pair.after),
    );
  const oldKey = old(keys);
  const newKey = fresh(keys);
  const oldOthers = old(others);
  const newOthers = fresh(others);
  const atOld = 1 + keys.length;
  const atNew = atOld + others.length;
  return {
    columns,
    rows: sameVersion(before, after) ? 0 : Math.min(shown.rows, CHANGED_ABOUT),
    *call(_, used) {
      const wanted = (index: number) => used?.[index] ?? true;
      for (const change of diffVersions(before, after)) {
        const row = new Array<Value>(columns.length).fill(null);
        row[0] = changeOf(change);
        if (change.after) newKey?.(change.after, wanted, row, 1);
        else if (change.before) oldKey?.(change.before, wanted, row, 1);
        if (change.before) oldOthers?.(change.before, wanted, row, atOld);
        if (change.after) newOthers?.(change.after, wanted, row, atNew);
        yield row;
      }
    },
  };
}

/** Returns diff_stat(from [, to]): a row for each table that differs, with how many rows were added, modified and deleted. */
export function diffStatFunction(subject: DiffSubject): TableFunction {
  return {
    name: 'diff_stat',
    minArgs: 1,
    maxArgs: 2,
    bind: args => {
      const from = subject.stateAt(constantText('diff_stat', 'revision', args[0]));
      const to =
        args.length < 2 ? subject.currentState() : subject.stateAt(constantText('diff_stat', 'revision', args[1]));
      const {states} = subject;
      return {
        columns: [text('table_name'), integer('added'), integer('modified'), integer('deleted')],
        rows: 2,
        *call() {
          const names = new Map<string, string>();
          for (const name of [FILES_TABLE, ...states.userTables(from), ...states.userTables(to)].toSorted()) {
            names.set(foldName(name), name);
          }
          for (const name of names.values()) {
            const {added, modified, deleted} = countChanges(states.find(from, name), states.find(to, name));
            if (added + modified + deleted > 0) yield [name, added, modified, deleted];
          }
        },
      };
    },
  };
}
