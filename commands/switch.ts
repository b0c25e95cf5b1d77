import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {leftNote, moveJson, moveWarnings, savedNote} from '../src/cli/move-text.js';
import {DbosError, isDbosError} from '../src/errors.js';
import {formatId, shortId} from '../src/objects/id.js';
import {type BranchName, branchRef, findRef} from '../src/repo/refs.js';
import type {Repository} from '../src/repo/repository.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {followStart, upstreamsLike} from '../src/sync/remotes.js';
import {switchBranch} from '../src/worktree/switch.js';

export default class Switch extends StoreCommand {
  static override summary = 'Switch to a branch, and bring the work tree along.';
  static override description =
    'A branch that only one remote has is made here, and follows it; so does a new branch that starts at a branch of a remote. Stops before anything is touched if files that no commit holds would be lost. With --force they are saved in an automatic commit first.';
  static override examples = [
    '<%= config.bin %> switch main',
    {description: 'Go back to the branch before:', command: '<%= config.bin %> switch -'},
    {description: 'Start a branch here:', command: '<%= config.bin %> switch -c experiment'},
    {description: 'Start one at an earlier commit:', command: '<%= config.bin %> switch -c fix main~3'},
  ];
  static override args = {
    branch: Args.string({description: 'The branch; `-` is the one before.', required: true}),
    start: Args.string({description: 'Where a new branch starts (HEAD unless given).'}),
  };
  static override flags = {
    create: Flags.boolean({char: 'c', description: 'Make the branch.'}),
    force: Flags.boolean({char: 'f', description: 'Save what would be lost in an automatic commit, and go on.'}),
  };
  static override exits = [4, 6];
  static override completes = {branch: 'branch', start: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Switch);
    const {branch: typed, start} = args;
    const {create = false, force = false} = flags;
    if (start !== undefined && !create) throw this.usage('Only a new branch has a start: add -c.');
    return this.withRepository(async (repository, signal) => {
      const name = typed === '-' && !create ? await branchBefore(repository) : typed;
      const wish = create ? {create, start} : await wishFor(repository, name);
      const options = {
        create: wish.create,
        start: wish.start === undefined ? undefined : (await resolveRevision(repository, wish.start)).commit,
        force,
        signal,
        progress: this.showProgress,
      };
      const result = await switchBranch(repository, name, options).catch(async error => {
        throw wish.create ? error : await betterError(repository, name, error);
      });
      const upstream = wish.create ? followStart(repository, name, wish.start ?? 'HEAD') : undefined;
      this.progress.finish();
      const {branch, commit, move} = result;
      if (move === undefined) this.note(`Already on branch ${branch}.`);
      else {
        const follows = upstream === undefined ? '' : `, which follows ${upstream}`;
        const done = `Switched to ${wish.create ? 'the new ' : ''}branch ${branch}${follows}.`;
        for (const line of [...savedNote(move, true), ...leftNote(repository, result), done]) this.note(line);
        for (const line of moveWarnings(move)) this.warning(line);
      }
      const head = commit === undefined ? null : formatId(commit);
      return {branch, head, created: wish.create, ...(upstream !== undefined && {upstream}), ...moveJson(move)};
    });
  }
}

/** What to switch to. */
interface Wish {
  /** Make the branch. */
  readonly create: boolean;
  /** The revision that a new branch starts at. */
  readonly start: string | undefined;
}

/** Returns how to come to a branch: one that is only at one remote is made here. Throws BRANCH_UNKNOWN if several have it. */
async function wishFor(repository: Repository, name: string): Promise<Wish> {
  const there = {create: false, start: undefined};
  const {objects, view} = repository;
  const isHere = findRef(objects, view.refs, branchRef(name as BranchName)) !== undefined;
  if (isHere || repository.head().branch === name) return there;
  const found = upstreamsLike(repository, name);
  if (found.length < 2) return found.length === 0 ? there : {create: true, start: found[0]};
  throw new DbosError('BRANCH_UNKNOWN', `There is no branch '${name}' here, and several remotes have one.`, {
    hint: `Choose one with \`dbos switch -c ${name} ${found[0]}\`; they are ${found.join(', ')}.`,
    data: {branch: name, remotes: found},
  });
}

async function branchBefore(repository: Repository): Promise<string> {
  const {previousBranch} = await import('../src/cli/last-branch.js');
  const name = previousBranch(repository);
  if (name !== undefined) return name;
  throw new DbosError('BRANCH_UNKNOWN', 'HEAD was on no other branch that is still there.', {
    hint: 'See `dbos branch` for the branches.',
  });
}

/** Returns an error that says what else the name is, if it is no branch. */
async function betterError(repository: Repository, name: string, error: unknown): Promise<unknown> {
  if (!isDbosError(error, 'BRANCH_UNKNOWN') && !isDbosError(error, 'REF_NAME_INVALID')) return error;
  const found = await resolveRevision(repository, name).catch(() => undefined);
  if (found === undefined) return error;
  const what = found.kind === 'tag' ? 'a tag' : found.kind === 'time' ? 'a time' : 'a commit';
  return new DbosError('BRANCH_UNKNOWN', `'${name}' is ${what}, not a branch.`, {
    hint: `Look at it with \`dbos checkout\`, or start a branch there with \`dbos switch -c NAME ${shortId(found.commit)}\`.`,
    data: error.data,
  });
}
