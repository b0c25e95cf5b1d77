/**
 * log(), ancestors() and merge_base(): commits that revisions lead to. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import {mergeBases, walk} from '../../repo/history.js';
import type {Repository} from '../../repo/repository.js';
import type {RevisionRange} from '../../repo/revisions.js';
import {readHeldCommit} from '../../repo/shallow.js';
import type {TableFunction} from '../source.js';
import {integer} from './columns.js';
import {COMMIT_COLUMNS, commitRow} from './commit-rows.js';
import {constantText} from './function-arguments.js';

/** What these functions need of a catalog. */
export interface CommitSubject {
  readonly repo: Repository;
  /** Returns the commit that queries read, or that a revision means; undefined before the first commit. */
  readonly commitAt: (revision?: string) => ObjectId | undefined;
  readonly rangeAt: (range: string) => RevisionRange;
}

const COMMITS_ABOUT = 1000;

/** Returns log([revision or range]): its commits, newest first, numbered from 1 by `seq`. */
export function logFunction({repo, commitAt, rangeAt}: CommitSubject): TableFunction {
  return {
    name: 'log',
    minArgs: 0,
    maxArgs: 1,
    bind: args => {
      let range: RevisionRange;
      if (args.length > 0) range = rangeAt(constantText('log', 'revision', args[0]));
      else {
        const commit = commitAt();
        range = {include: commit === undefined ? [] : [commit], exclude: []};
      }
      return {
        columns: [integer('seq'), ...COMMIT_COLUMNS],
        rows: COMMITS_ABOUT,
        *call(_, used) {
          let seq = 0;
          for (const entry of walk(repo, range)) yield commitRow(entry, used, ++seq);
        },
      };
    },
  };
}

/** Returns ancestors([revision]): the commit and all that it comes from, with the least number of steps to each, `depth`. */
export function ancestorsFunction({repo, commitAt}: CommitSubject): TableFunction {
  return {
    name: 'ancestors',
    minArgs: 0,
    maxArgs: 1,
    bind: args => {
      const start = commitAt(args.length === 0 ? undefined : constantText('ancestors', 'revision', args[0]));
      return {
        columns: [integer('depth'), ...COMMIT_COLUMNS],
        rows: COMMITS_ABOUT,
        *call(_, used) {
          const seen = new Set<ObjectId>();
          let level = start === undefined ? [] : [start];
          for (let depth = 0; level.length > 0; depth++) {
            const next: ObjectId[] = [];
            for (const id of level) {
              if (seen.has(id)) continue;
              seen.add(id);
              const commit = readHeldCommit(repo, id);
              yield commitRow({id, commit}, used, depth);
              next.push(...commit.parents);
            }
            level = next;
          }
        },
      };
    },
  };
}

/** Returns merge_base(a, b): the best common ancestors of two commits; none of unrelated ones, several after crossed merges. */
export function mergeBaseFunction({repo, commitAt}: CommitSubject): TableFunction {
  return {
    name: 'merge_base',
    minArgs: 2,
    maxArgs: 2,
    bind: args => {
      const [a, b] = args.map(arg => commitAt(constantText('merge_base', 'revision', arg)) as ObjectId);
      return {
        columns: COMMIT_COLUMNS,
        rows: 1,
        *call(_, used) {
          for (const id of mergeBases(repo, a as ObjectId, b as ObjectId)) {
            yield commitRow({id, commit: readHeldCommit(repo, id)}, used);
          }
        },
      };
    },
  };
}
