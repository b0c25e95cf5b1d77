/**
 * Branches, tags and refs as rows. Layer: sql.
 */
import {formatId} from '../../objects/id.js';
import {listBranches} from '../../repo/branches.js';
import {branchRef, listRefs, shortName, TAGS} from '../../repo/refs.js';
import type {Repository} from '../../repo/repository.js';
import {peel} from '../../repo/tag.js';
import {listTags} from '../../repo/tags.js';
import {listTransactions} from '../../repo/transactionlog.js';
import type {RowSource, SourceColumn} from '../source.js';
import {integer, text} from './columns.js';
import {sqlTime} from './sql-time.js';

function rowSource(name: string, columns: readonly SourceColumn[], rows: number, scan: RowSource['scan']): RowSource {
  return {kind: 'rows', name, columns, rows, scan};
}

const REFS_ABOUT = 20;

/** Returns the table `branches`. */
export function branchesSource(repo: Repository): RowSource {
  const columns = [text('name'), text('commit_id'), integer('current')];
  return rowSource('branches', columns, REFS_ABOUT, function* () {
    for (const {name, id, current} of listBranches(repo)) yield [name, formatId(id), current ? 1 : 0];
  });
}

/** Returns the table `tags`; what an annotated tag tells is NULL for a lightweight one. */
export function tagsSource(repo: Repository): RowSource {
  const columns = [
    text('name'),
    text('commit_id'),
    text('tagger_name', false),
    text('tagger_email', false),
    text('tagger_time', false),
    text('message', false),
  ];
  return rowSource('tags', columns, REFS_ABOUT, function* () {
    for (const {name, id, tag} of listTags(repo)) {
      yield tag === undefined
        ? [name, formatId(id), null, null, null, null]
        : [name, formatId(id), tag.tagger.name, tag.tagger.email, sqlTime(tag.tagger.time), tag.message];
    }
  });
}

/**
 * Returns the table `refs`: HEAD and all refs by their full names, with the commit that each comes to; `target` is what
 * it holds if that is something else: the ref that HEAD means, or a tag object.
 */
export function refsSource(repo: Repository): RowSource {
  const columns = [text('name'), text('kind'), text('short_name'), text('commit_id', false), text('target', false)];
  return rowSource('refs', columns, REFS_ABOUT, function* () {
    const {branch, commit} = repo.head();
    const target = branch === undefined ? null : branchRef(branch);
    yield ['HEAD', 'head', 'HEAD', commit === undefined ? null : formatId(commit), target];
    for (const {name, id} of listRefs(repo.objects, repo.view.refs)) {
      const peeled = peel(repo.objects, id);
      const kind = name.startsWith(TAGS) ? 'tag' : 'branch';
      yield [name, kind, shortName(name), formatId(peeled.id), peeled.tag ? formatId(id) : null];
    }
  });
}

/** Returns the table `transactions`: those that are open, and those that have ended. */
export function transactionsSource(repo: Repository): RowSource {
  const columns = [
    text('id'),
    text('branch'),
    text('base', false),
    text('state', false),
    text('author'),
    text('started'),
    text('ended', false),
    text('status'),
    text('commit_id', false),
    text('isolation'),
    text('message'),
    text('statements'),
  ];
  return rowSource('transactions', columns, REFS_ABOUT, function* () {
    for (const {name, transaction, status, ended, commit} of listTransactions(repo)) {
      const {branch, base, state, author, isolation, message, summary} = transaction;
      yield [
        name,
        branch,
        base && formatId(base),
        state && formatId(state),
        `${author.name} <${author.email}>`,
        sqlTime(author.time),
        ended === null ? null : sqlTime(ended),
        status,
        commit && formatId(commit),
        isolation,
        message,
        summary,
      ];
    }
  });
}
