/** What `log` shows: which commits, and how each looks. Layer: cli. */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {listBranches} from '../repo/branches.js';
import {type HistoryEntry, walk} from '../repo/history.js';
import {pathHistory} from '../repo/pathhistory.js';
import {listRefs, REMOTES} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {parseTime, type RevisionRange, resolveRange} from '../repo/revisions.js';
import {listTags} from '../repo/tags.js';
import type {FileDelta} from '../state/renames.js';
import {type ChangeForm, changeLines} from './change-output.js';
import {changeJson, storedBodies} from './change-text.js';
import {changesOf} from './commit-changes.js';
import {type CommitJson, commitJson, commitLine, commitParagraph} from './commit-text.js';
import {namesByCommit} from './decorate.js';
import {connect, Graph, type GraphRow} from './graph.js';
import type {Style} from './style.js';
import {selectionOf, stateOf, type TableChanges, tableChanges} from './table-changes.js';

export interface LogOptions {
  /** Revisions and ranges; HEAD if there are none. */
  readonly ranges: readonly string[];
  /** Start from all branches, those of remotes too, and tags. */
  readonly all: boolean;
  /** Paths of the state; everything if there are none. */
  readonly paths: readonly string[];
  readonly limit: number | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly author: string | undefined;
  readonly grep: string | undefined;
  readonly form: ChangeForm;
  readonly oneline: boolean;
  readonly graph: boolean;
  readonly style: Style;
  readonly columns: number;
}

type Filter = (entry: HistoryEntry) => boolean;

export class LogView {
  private constructor(
    private readonly repo: Repository,
    private readonly options: LogOptions,
    private readonly range: RevisionRange,
    private readonly filters: readonly Filter[],
  ) {}

  /** Returns the view. Throws what resolving the range and the times throws, and USAGE for a malformed expression. */
  static async open(repo: Repository, options: LogOptions): Promise<LogView> {
    const range = options.all ? everything(repo) : await resolveRanges(repo, options.ranges);
    const {now, zone} = repo.context;
    const filters: Filter[] = [];
    if (options.since !== undefined) {
      const since = await parseTime(options.since, now(), zone);
      filters.push(({commit}) => commit.committer.time >= since);
    }
    if (options.until !== undefined) {
      const until = await parseTime(options.until, now(), zone);
      filters.push(({commit}) => commit.committer.time <= until);
    }
    if (options.author !== undefined) {
      const wanted = options.author.toLowerCase();
      filters.push(({commit: {author}}) => `${author.name} <${author.email}>`.toLowerCase().includes(wanted));
    }
    if (options.grep !== undefined) {
      const pattern = expression(options.grep);
      filters.push(({commit}) => pattern.test(commit.message));
    }
    return new LogView(repo, options, range, filters);
  }

  /** Yields the commits that are shown, newest first. */
  private *commits(): Generator<HistoryEntry> {
    const {limit = Number.POSITIVE_INFINITY, paths} = this.options;
    const all = paths.length === 0 ? walk(this.repo, this.range) : pathHistory(this.repo, this.range, paths);
    let count = 0;
    if (limit === 0) return;
    for (const entry of all) {
      if (!this.filters.every(accepts => accepts(entry))) continue;
      yield entry;
      if (++count >= limit) return;
    }
  }

  /** Yields the commits as scripts get them; with their changes if a form is asked for. */
  async *json(): AsyncGenerator<CommitJson> {
    for (const {id, commit} of this.commits()) {
      const json = commitJson(id, commit);
      if (this.options.form === 'none') yield json;
      else {
        const changes = this.deltas({id, commit}).map(changeJson);
        yield Object.assign(json, {changes, tables: (await this.tables({id, commit}))?.json() ?? []});
      }
    }
  }

  private deltas({commit}: HistoryEntry): FileDelta[] {
    return changesOf(this.repo, commit, this.options.paths);
  }

  private tables({commit}: HistoryEntry): Promise<TableChanges | undefined> {
    const {repo} = this;
    return tableChanges(repo, stateOf(repo, commit.parents[0]), commit.state, selectionOf({}, this.options.paths));
  }

  /** Yields the lines to print. */
  async *lines(): AsyncGenerator<string> {
    const names = namesByCommit(this.repo);
    if (this.options.graph) {
      yield* this.graphLines(names);
      return;
    }
    let first = true;
    for (const entry of this.commits()) {
      if (!first && !this.options.oneline) yield '';
      first = false;
      yield* this.commitLines(entry, names);
    }
  }

  private async *commitLines(
    entry: HistoryEntry,
    names: ReadonlyMap<ObjectId, readonly string[]>,
  ): AsyncGenerator<string> {
    const {oneline, style, form, columns} = this.options;
    const {id, commit} = entry;
    const mine = names.get(id) ?? [];
    if (oneline) yield commitLine(id, commit, mine, style);
    else yield* commitParagraph(id, commit, mine, style);
    if (form === 'none') return;
    if (!oneline) yield '';
    const tables = await this.tables(entry);
    yield* changeLines(this.deltas(entry), tables, form, storedBodies(this.repo.objects), {style, columns});
  }

  private async *graphLines(names: ReadonlyMap<ObjectId, readonly string[]>): AsyncGenerator<string> {
    const shown = [...this.commits()];
    const nodes = connect([...walk(this.repo, this.range)], new Set(shown.map(entry => entry.id)));
    const graph = new Graph();
    for (const [index, entry] of shown.entries()) {
      const row = graph.row(nodes[index] as (typeof nodes)[number]);
      yield* besideGraph(row, this.commitLines(entry, names), !this.options.oneline && index < shown.length - 1);
    }
  }
}

/** Returns the range of what any of the revisions and ranges reaches, without what any of them leaves out. */
async function resolveRanges(repo: Repository, texts: readonly string[]): Promise<RevisionRange> {
  const include = new Set<ObjectId>();
  const exclude = new Set<ObjectId>();
  for (const text of texts.length === 0 ? ['HEAD'] : texts) {
    const range = await resolveRange(repo, text);
    for (const id of range.include) include.add(id);
    for (const id of range.exclude) exclude.add(id);
  }
  return {include: [...include], exclude: [...exclude]};
}

/** Returns the range of what any branch, branch of a remote, tag or HEAD reaches. */
function everything(repo: Repository): RevisionRange {
  const {commit} = repo.head();
  const include = new Set<ObjectId>(commit === undefined ? [] : [commit]);
  for (const {id} of listBranches(repo)) include.add(id);
  for (const {id} of listRefs(repo.objects, repo.view.refs, REMOTES)) include.add(id);
  for (const {id} of listTags(repo)) include.add(id);
  return {include: [...include], exclude: []};
}

async function* besideGraph(row: GraphRow, lines: AsyncIterable<string>, gap: boolean): AsyncGenerator<string> {
  let prefix = row.head;
  for await (const line of lines) {
    yield line === '' ? prefix.trimEnd() : prefix + line;
    prefix = row.body;
  }
  if (gap) yield row.body.trimEnd();
  yield* row.links;
}

function expression(text: string): RegExp {
  try {
    return new RegExp(text, 'im');
  } catch (cause) {
    throw new DbosError('USAGE', `'${text}' is no regular expression.`, {
      hint: 'Put a backslash before characters that are meant literally.',
      cause,
    });
  }
}
