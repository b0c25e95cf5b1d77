/** What `history --table` shows: the commits that changed a table or its row with a key. Layer: cli. */
import {isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {HistoryEntry, WalkEntry} from '../repo/history.js';
import type {Repository} from '../repo/repository.js';
import {type RevisionRange, resolveRange} from '../repo/revisions.js';
import {nameInHistory, type RowCommit, rowCommits, tableCommits, unknownRow} from '../sql/diff/table-commits.js';
import type {ChangeForm} from './change-output.js';
import {commitHead, commitJson, subjectOf} from './commit-text.js';
import {limited} from './items.js';
import {guessedValue} from './query-parameters.js';
import type {Style} from './style.js';
import {rowJson, rowLine, StateTables} from './table-change-text.js';

export interface TableHistoryOptions {
  readonly table: string;
  /** The values of the key as they were typed, or the first of them; all rows without it. */
  readonly key: readonly string[] | undefined;
  readonly revision: string;
  readonly limit: number | undefined;
  readonly form: ChangeForm;
}

/** Returns whether any of the commits has a table or view of this name. */
export function hasTable(repo: Repository, range: RevisionRange, name: string): boolean {
  try {
    return nameInHistory(repo, range, name) !== '';
  } catch (error) {
    if (isDbosError(error)) return false;
    throw error;
  }
}

export class TableHistory {
  private constructor(
    private readonly repo: Repository,
    private readonly options: TableHistoryOptions,
    private readonly range: RevisionRange,
    private readonly name: string,
  ) {}

  /** Returns the history. Throws what resolving the range throws, and TABLE_UNKNOWN. */
  static async open(repo: Repository, options: TableHistoryOptions): Promise<TableHistory> {
    const range = await resolveRange(repo, options.revision);
    return new TableHistory(repo, options, range, nameInHistory(repo, range, options.table));
  }

  private tables(entry: WalkEntry, before: ObjectId | undefined): StateTables {
    return new StateTables(this.repo.objects, before, entry.state, new Set([this.name]));
  }

  private commits() {
    return limited(tableCommits(this.repo, this.range, this.name), this.options.limit);
  }

  private *rows(key: readonly string[]): Generator<RowCommit> {
    const {limit, revision} = this.options;
    const commits = limited(rowCommits(this.repo, this.range, this.name, key.map(guessedValue)), limit);
    const first = commits.next();
    if (!first.done) {
      yield first.value;
      yield* commits;
    } else if (limit !== 0) {
      throw unknownRow(this.repo, {...this.range, revision}, this.name, key);
    }
  }

  /** Yields the commits as scripts get them, each with the table's change, or with the rows. */
  *json(): Generator<object> {
    const {key} = this.options;
    if (key === undefined) {
      for (const {entry, before} of this.commits()) {
        yield {...commitJson(entry.id, entry.commit), tables: this.tables(entry, before).json()};
      }
      return;
    }
    for (const {entry, rows, changes} of this.rows(key)) {
      const found = Array.from(changes, change => rowJson(this.repo.objects, rows, change));
      yield {...commitJson(entry.id, entry.commit), rows: found};
    }
  }

  /** Yields the lines to print. */
  async *lines(style: Style): AsyncGenerator<string> {
    const {key, form} = this.options;
    const heading = (entry: HistoryEntry) => `${commitHead(entry, style)}  ${subjectOf(entry.commit.message)}`;
    if (key === undefined) {
      for (const {entry, before} of this.commits()) {
        yield heading(entry);
        const lines = this.tables(entry, before).lines(form === 'none' ? 'stat' : form, {style});
        for await (const line of lines) yield `    ${line}`;
      }
      return;
    }
    for (const {entry, rows, changes} of this.rows(key)) {
      yield heading(entry);
      for (const change of changes) yield `  ${rowLine(this.repo.objects, rows, change, style)}`;
    }
  }
}
