import {changeFlags, changeLines, formOf} from '../src/cli/change-output.js';
import {changeJson, storedBodies} from '../src/cli/change-text.js';
import {Args, StoreCommand, txnFlag} from '../src/cli/command.js';
import {changesBetween, hasPath} from '../src/cli/commit-changes.js';
import {statePath} from '../src/cli/paths.js';
import {splitWords} from '../src/cli/revision-words.js';
import {selectionOf, stateOf, tableChanges, tableFlags} from '../src/cli/table-changes.js';
import {DbosError} from '../src/errors.js';
import type {ObjectId} from '../src/objects/id.js';
import {mergeBases} from '../src/repo/history.js';
import type {Repository} from '../src/repo/repository.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {DEEPEN_HINT} from '../src/repo/shallow.js';
import {unknownPath} from '../src/state/files.js';
import {type BodyReader, type FileDelta, findRenames} from '../src/state/renames.js';

/** The two sides of a difference; without `to` it is the work tree. */
interface Sides {
  readonly from: ObjectId | undefined;
  readonly to: ObjectId | undefined;
  readonly work: boolean;
}

export default class Diff extends StoreCommand {
  static override summary = 'Show what differs between two revisions, or between a revision and the work tree.';
  static override description =
    'Without revisions: what changed in the work tree since HEAD, or inside an open transaction what that has changed. With one: since that revision. A..B means A and B; A...B means B since it left A. After the files come the tables; paths show only files, --table and --tables only tables. The patch of files can be applied with `patch -p1`; what --patch --tables prints makes the tables of A those of B, by `dbos query --file`.';
  static override examples = [
    '<%= config.bin %> diff',
    '<%= config.bin %> diff main experiment --stat',
    {description: 'What changed in /etc since yesterday:', command: '<%= config.bin %> diff yesterday HEAD etc'},
    {
      description: 'The SQL that repeats the changes of a table:',
      command: '<%= config.bin %> diff v1 v2 --patch --table city > change.sql',
    },
  ];
  static override args = {
    revisions: Args.string({
      description: 'The old side, then the new one: revisions, or a range A..B or A...B of both; then paths.',
      multiple: true,
    }),
  };
  static override flags = {...changeFlags, ...tableFlags, ...txnFlag};
  static override takesPaths = true;
  static override pages = true;
  static override exits = [4];
  static override completes = {revisions: 'revision', paths: 'tracked', table: 'table'} as const;

  async run(): Promise<unknown> {
    const {args, flags, paths: behind} = await this.parse(Diff);
    const words = (args.revisions as unknown as string[] | undefined) ?? [];
    return this.withRepository(async (repo, signal) => {
      const here = this.workingDirectory();
      const {revisions, paths} = await splitWords(repo, here, words, this.separated ? behind : undefined);
      const [a, b, extra] = revisions;
      const sides = await this.sidesOf(repo, a, b);
      if (extra !== undefined) throw this.usage(`Unexpected argument: ${extra}.`);
      const selected = paths.map(path => statePath(repo.location, here, path));
      const selection = selectionOf(flags, paths);
      const {deltas, readBody} = selection.files
        ? await this.compare(repo, sides, selected, signal)
        : {deltas: [], readBody: storedBodies(repo.objects)};
      // a work tree holds files; its tables are those of HEAD
      const to = sides.work ? repo.head().commit : sides.to;
      const tables = await tableChanges(repo, stateOf(repo, sides.from), stateOf(repo, to), selection);
      const look = {style: this.style, columns: this.columns, rows: flags.rows, alone: !selection.files};
      await this.printLines(changeLines(deltas, tables, formOf(flags, 'changes'), readBody, look));
      if (!this.json) return undefined;
      return {files: deltas.map(changeJson), tables: tables?.json() ?? []};
    });
  }

  private async sidesOf(repo: Repository, a: string | undefined, b: string | undefined): Promise<Sides> {
    const commitOf = async (text: string) => (await resolveRevision(repo, text === '' ? 'HEAD' : text)).commit;
    const inside = this.transaction?.transaction;
    // the work tree is not part of a transaction
    if (inside && a === undefined) return {from: inside.base ?? undefined, to: repo.head().commit, work: false};
    if (a === undefined) return {from: repo.head().commit, to: undefined, work: true};
    if (b !== undefined) return {from: await commitOf(a), to: await commitOf(b), work: false};
    const range = /^(.*?)(\.\.\.?)(?!\.)(.*)$/.exec(a);
    if (!range && inside) return {from: await commitOf(a), to: repo.head().commit, work: false};
    if (!range) return {from: await commitOf(a), to: undefined, work: true};
    const [, left = '', dots, right = ''] = range;
    const from = await commitOf(left);
    const to = await commitOf(right);
    if (dots === '..') return {from, to, work: false};
    const [base] = mergeBases(repo, from, to);
    if (base === undefined) {
      throw new DbosError('HISTORY_UNRELATED', `'${left}' and '${right}' have no common ancestor.`, {
        hint: repo.shallow.size > 0 ? DEEPEN_HINT : `Compare them as they are: \`dbos diff ${left} ${right}\`.`,
      });
    }
    return {from: base, to, work: false};
  }

  private async compare(
    repo: Repository,
    {from, to, work}: Sides,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<{deltas: FileDelta[]; readBody: BodyReader}> {
    const before = repo.filesRoot(from);
    if (!work) {
      const after = repo.filesRoot(to);
      for (const path of paths) {
        if (!hasPath(repo, before, path) && !hasPath(repo, after, path)) throw unknownPath(path, 'either revision');
      }
      const readBody = storedBodies(repo.objects);
      return {deltas: findRenames([...changesBetween(repo, before, after, paths)], readBody), readBody};
    }
    const {workTree} = repo.location;
    if (workTree === undefined) {
      throw new DbosError('STORE_BARE', 'A bare store has no work tree to compare with.', {
        hint: 'Name two revisions: `dbos diff A B`.',
      });
    }
    const {diffWorkTree} = await import('../src/worktree/workdiff.js');
    const progress = this.progress.update.bind(this.progress);
    const {changes, readBody} = await diffWorkTree(repo, workTree, {base: before, paths, signal, progress});
    return {deltas: findRenames(changes, readBody), readBody};
  }
}
