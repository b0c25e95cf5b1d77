/**
 * Commits as rows: all of them, their parents, and what functions select of them. Layer: sql.
 */
import {formatId, type ObjectId, shortId} from '../../objects/id.js';
import type {Commit} from '../../repo/commit.js';
import {type HistoryEntry, walk} from '../../repo/history.js';
import {listRefs} from '../../repo/refs.js';
import type {Repository} from '../../repo/repository.js';
import {peel} from '../../repo/tag.js';
import type {RowSource, SourceColumn} from '../source.js';
import type {Value} from '../values/value.js';
import {integer, text} from './columns.js';
import {sqlTime} from './sql-time.js';

/** The columns of commits, and how each is computed; a commit is decoded only for those that need it. */
const COLUMNS: readonly (readonly [column: SourceColumn, value: (entry: HistoryEntry) => Value])[] = [
  [text('id'), ({id}) => formatId(id)],
  [text('short_id'), ({id}) => shortId(id)],
  [text('author_name'), ({commit}) => commit.author.name],
  [text('author_email'), ({commit}) => commit.author.email],
  [text('author_time'), ({commit}) => sqlTime(commit.author.time)],
  [integer('author_zone'), ({commit}) => commit.author.zone],
  [text('committer_name'), ({commit}) => commit.committer.name],
  [text('committer_email'), ({commit}) => commit.committer.email],
  [text('committer_time'), ({commit}) => sqlTime(commit.committer.time)],
  [integer('committer_zone'), ({commit}) => commit.committer.zone],
  [text('message'), ({commit}) => commit.message],
  [text('summary'), ({commit}) => summaryOf(commit.message)],
  [text('state'), ({commit}) => formatId(commit.state)],
  [integer('generation'), ({commit}) => commit.generation],
  [text('cause', false), ({commit}) => commit.cause],
];

export const COMMIT_COLUMNS: readonly SourceColumn[] = COLUMNS.map(([column]) => column);

/** Returns the values of `COMMIT_COLUMNS` after some others; `used` is as for `RowSource.scan`. */
export function commitRow(entry: HistoryEntry, used: readonly boolean[] | undefined, ...first: Value[]): Value[] {
  const row = first;
  const start = first.length;
  for (let i = 0; i < COLUMNS.length; i++) {
    row.push(used?.[start + i] === false ? null : (COLUMNS[i] as (typeof COLUMNS)[number])[1](entry));
  }
  return row;
}

/** What the rows of history() and blame() tell of a commit. */
export const CHANGE_COLUMNS: readonly SourceColumn[] = [
  text('commit_id'),
  text('author_name'),
  text('author_email'),
  text('author_time'),
  text('committer_time'),
  text('summary'),
];

/** Returns a commit as the values of `CHANGE_COLUMNS`. */
export function changeValues(id: ObjectId, {author, committer, message}: Commit): Value[] {
  return [formatId(id), author.name, author.email, sqlTime(author.time), sqlTime(committer.time), summaryOf(message)];
}

/** Returns the first line of a message. */
function summaryOf(message: string): string {
  const end = message.indexOf('\n');
  return end < 0 ? message : message.slice(0, end);
}

/** Returns the commits that HEAD and the refs hold. */
function tipsOf(repo: Repository): ObjectId[] {
  const tips = new Set<ObjectId>();
  const {commit} = repo.head();
  if (commit !== undefined) tips.add(commit);
  for (const {id} of listRefs(repo.objects, repo.view.refs)) tips.add(peel(repo.objects, id).id);
  return [...tips];
}

/** Commits that there are thought to be where counting them would mean to read them. */
const COMMITS_ABOUT = 1000;

/** Returns the table `commits`: all that refs or HEAD reach, the newest first. */
export function commitsSource(repo: Repository): RowSource {
  return {
    kind: 'rows',
    name: 'commits',
    columns: COMMIT_COLUMNS,
    rows: COMMITS_ABOUT,
    *scan(used) {
      for (const entry of walk(repo, {include: tipsOf(repo)})) yield commitRow(entry, used);
    },
  };
}

/** Returns the table `commit_parents`; the first parent has the position 1. */
export function commitParentsSource(repo: Repository): RowSource {
  return {
    kind: 'rows',
    name: 'commit_parents',
    columns: [text('commit_id'), integer('position'), text('parent_id')],
    rows: COMMITS_ABOUT,
    *scan() {
      for (const {id, parents} of walk(repo, {include: tipsOf(repo)})) {
        for (const [i, parent] of parents.entries()) yield [formatId(id), i + 1, formatId(parent)];
      }
    },
  };
}
