import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {leftNote, moveJson, moveWarnings, savedNote} from '../src/cli/move-text.js';
import {DbosError, isDbosError} from '../src/errors.js';
import {formatId, shortId} from '../src/objects/id.js';
import type {Repository} from '../src/repo/repository.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {switchBranch} from '../src/worktree/switch.js';

export default class Switch extends StoreCommand {
  static override summary = 'Switch to a branch, and bring the work tree along.';
  static override description =
    'Stops before anything is touched if files that no commit holds would be lost. With --force they are saved in an automatic commit first.';
  static override examples = [
    '<%= config.bin %> switch main',
    {description: 'Start a branch here:', command: '<%= config.bin %> switch -c experiment'},
    {description: 'Start one at an earlier commit:', command: '<%= config.bin %> switch -c fix main~3'},
  ];
  static override args = {
    branch: Args.string({description: 'The branch.', required: true}),
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
    const {branch: name, start} = args;
    const create = flags.create === true;
    if (start !== undefined && !create) throw this.usage('Only a new branch has a start: add -c.');
    return this.withRepository(async (repository, signal) => {
      const options = {
        create,
        start: start === undefined ? undefined : (await resolveRevision(repository, start)).commit,
        force: flags.force === true,
        signal,
        progress: this.showProgress,
      };
      const result = await switchBranch(repository, name, options).catch(async error => {
        throw create ? error : await betterError(repository, name, error);
      });
      this.progress.finish();
      const {branch, commit, move} = result;
      if (move === undefined) this.note(`Already on branch ${branch}.`);
      else {
        const done = `Switched to ${create ? 'the new ' : ''}branch ${branch}.`;
        for (const line of [...savedNote(move, true), ...leftNote(repository, result), done]) this.note(line);
        for (const line of moveWarnings(move)) this.warning(line);
      }
      return {branch, head: commit === undefined ? null : formatId(commit), created: create, ...moveJson(move)};
    });
  }
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
