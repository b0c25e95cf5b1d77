/**
 * What differs between the tables of two states, for commands that print it. The code that knows tables is loaded only if
 * some differ, which the ids of the tables tell. Layer: cli.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {readCommit} from '../repo/commit.js';
import {didYouMean, nearestNames} from '../repo/nearest.js';
import type {Repository} from '../repo/repository.js';
import {foldName} from '../sql/catalog/names.js';
import {FILES_TABLE} from '../state/files.js';
import {readState} from '../state/state.js';
import {changedEntries} from '../state/statediff.js';
import type {ChangeForm} from './change-output.js';
import {Flags} from './command.js';
import type {Style} from './style.js';

/** The flags of commands that show the changes of tables beside those of files. */
export const tableFlags = {
  table: Flags.string({
    description: 'Show only the changes of this table or view; can be given several times.',
    helpValue: 'TABLE',
    multiple: true,
    multipleNonGreedy: true,
  }),
  tables: Flags.boolean({description: 'Show only the changes of tables, not those of files.'}),
  rows: Flags.integer({
    description: 'Show at most so many changed rows of each table; 50 unless given.',
    min: 0,
    helpValue: 'N',
  }),
};

/** What is shown: files, tables, or both. */
export interface ChangeSelection {
  readonly files: boolean;
  readonly tables: boolean;
  /** Names of tables, in any case; all if there are none. */
  readonly names: readonly string[];
}

/** Returns what is asked for: paths ask for files, `--table` and `--tables` for tables, nothing for all. */
export function selectionOf(
  flags: {readonly table?: readonly string[] | undefined; readonly tables?: boolean | undefined},
  paths: readonly string[],
): ChangeSelection {
  const names = flags.table ?? [];
  const onlyTables = names.length > 0 || flags.tables === true;
  return {files: paths.length > 0 || !onlyTables, tables: onlyTables || paths.length === 0, names};
}

/** A changed table as scripts get it. */
export interface TableChangeJson {
  readonly table: string;
  readonly kind: 'table' | 'view';
  readonly change: 'added' | 'modified' | 'deleted';
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
  /** The definitions that changed: CREATE statements, null where there was or is none. */
  readonly schema: readonly {
    readonly type: string;
    readonly name: string;
    readonly old: string | null;
    readonly new: string | null;
  }[];
}

/** How changes of tables look. */
export interface TableLook {
  readonly style: Style;
  /** Rows of each table that are shown. */
  readonly rows?: number | undefined;
  /** Whether SQL stands alone, so that it can be run as it is; else each of its lines has a mark that `patch` ignores. */
  readonly alone?: boolean;
}

/** The changes of tables between two states. */
export interface TableChanges {
  json(): TableChangeJson[];
  lines(form: ChangeForm, look: TableLook): AsyncIterable<string>;
}

/** Returns the changes of the tables that are asked for; undefined if there are none. Throws TABLE_UNKNOWN. */
export async function tableChanges(
  repo: Repository,
  before: ObjectId | undefined,
  after: ObjectId | undefined,
  selection: ChangeSelection,
): Promise<TableChanges | undefined> {
  if (!selection.tables) return undefined;
  const {objects} = repo;
  const {names} = selection;
  const selected = names.length === 0 ? undefined : exactNames(repo, [before, after], names);
  const changed = changedEntries(objects, before, after);
  if (!changed.some(({name}) => selected?.has(name) ?? true)) return undefined;
  const {StateTables} = await import('./table-change-text.js');
  return new StateTables(objects, before, after, selected);
}

/** Returns the state of a commit; undefined for none. */
export function stateOf(repo: Repository, commit: ObjectId | undefined): ObjectId | undefined {
  return commit === undefined ? undefined : readCommit(repo.objects, commit).state;
}

function exactNames(
  repo: Repository,
  states: readonly (ObjectId | undefined)[],
  names: readonly string[],
): Set<string> {
  const known = new Set<string>();
  for (const state of states) {
    if (state !== undefined) for (const name of readState(repo.objects, state).keys()) known.add(name);
  }
  known.delete(FILES_TABLE);
  const exact = new Set<string>();
  for (const name of names) {
    const found = [...known].filter(each => foldName(each) === foldName(name));
    if (found.length === 0) {
      throw new DbosError('TABLE_UNKNOWN', `Neither side has a table or view ${name}.`, {
        hint:
          didYouMean(nearestNames(name, known)) ?? '`dbos query "SELECT name FROM tables"` lists the tables of HEAD.',
        data: {table: name},
      });
    }
    for (const each of found) exact.add(each);
  }
  return exact;
}
