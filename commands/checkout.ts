import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {subjectOf} from '../src/cli/commit-text.js';
import {leftNote, moveJson, moveWarnings, restoredText, savedNote} from '../src/cli/move-text.js';
import {statePath} from '../src/cli/paths.js';
import {formatId, shortId} from '../src/objects/id.js';
import {readCommit} from '../src/repo/commit.js';
import {shortName} from '../src/repo/refs.js';
import type {Repository} from '../src/repo/repository.js';
import {type Resolved, resolveRevision} from '../src/repo/revisions.js';
import {checkoutCommit} from '../src/worktree/detach.js';
import type {MoveWorkOptions} from '../src/worktree/move.js';
import {restorePaths} from '../src/worktree/restore.js';
import {switchBranch} from '../src/worktree/switch.js';

export default class Checkout extends StoreCommand {
  static override summary = 'Go to a branch, a tag, a commit or a time; or take paths from there.';
  static override description =
    'A branch is switched to. Anything else detaches HEAD: commits made then are on no branch until you make one. A time means what the current branch held then. With paths HEAD stays, and only those files become what they were. Stops before anything is touched if files that no commit holds would be lost; with --force they are saved in an automatic commit first.';
  static override examples = [
    '<%= config.bin %> checkout main',
    {description: 'The files as they were:', command: '<%= config.bin %> checkout "2 hours ago"'},
    {description: 'One file of a tag:', command: '<%= config.bin %> checkout v1.0 -- notes.txt'},
  ];
  static override args = {
    revision: Args.string({description: 'A branch, tag, id, revision or time; may be left out before paths (HEAD).'}),
  };
  static override flags = {
    force: Flags.boolean({char: 'f', description: 'Save what would be lost in an automatic commit, and go on.'}),
    'restore-times': Flags.boolean({description: 'Give files the times that they had when they were committed.'}),
  };
  static override takesPaths = true;
  static override exits = [4, 6];
  static override completes = {revision: 'revision', paths: 'tracked'} as const;

  async run(): Promise<unknown> {
    const {args, flags, paths} = await this.parse(Checkout);
    const {revision} = args;
    if (revision === undefined && paths.length === 0) throw this.usage('Missing argument REVISION.');
    return this.withRepository(async (repository, signal) => {
      const options: MoveWorkOptions = {
        force: flags.force === true,
        restoreTimes: flags['restore-times'] === true,
        signal,
        progress: this.showProgress,
      };
      const {branch} = repository.head();
      // the current branch may have no commits yet
      if (revision !== undefined && revision === branch && paths.length === 0)
        return this.toBranch(repository, revision, options);
      const resolved = await resolveRevision(repository, revision ?? 'HEAD');
      if (paths.length > 0) return this.takePaths(repository, resolved, paths, options);
      if (resolved.kind === 'branch' && resolved.ref)
        return this.toBranch(repository, shortName(resolved.ref), options);
      if (resolved.kind === 'head' && branch !== undefined) return this.toBranch(repository, branch, options);
      return this.detach(repository, resolved, revision as string, options);
    });
  }

  private async toBranch(repository: Repository, name: string, options: MoveWorkOptions): Promise<unknown> {
    const result = await switchBranch(repository, name, options);
    const {branch, commit, move} = result;
    this.progress.finish();
    if (move === undefined) this.note(`Already on branch ${branch}.`);
    else {
      const done = `Switched to branch ${branch}.`;
      for (const line of [...savedNote(move, true), ...leftNote(repository, result), done]) this.note(line);
      for (const line of moveWarnings(move)) this.warning(line);
    }
    return {branch, head: commit === undefined ? null : formatId(commit), ...moveJson(move)};
  }

  private async detach(
    repository: Repository,
    {commit}: Resolved,
    name: string,
    options: MoveWorkOptions,
  ): Promise<unknown> {
    const result = await checkoutCommit(repository, commit, name, options);
    const {move} = result;
    this.progress.finish();
    const {lastBranch, returnHint} = await import('../src/cli/last-branch.js');
    const subject = subjectOf(readCommit(repository.objects, commit).message);
    const at = `${shortId(commit)}, on no branch: ${subject}`;
    if (move === undefined) this.note(`HEAD is already at ${at}`);
    else {
      for (const line of [...savedNote(move, true), ...leftNote(repository, result)]) this.note(line);
      this.note(`HEAD is now at ${at}`);
    }
    this.note(`To go back: ${returnHint(lastBranch(repository))}`);
    if (move !== undefined) for (const line of moveWarnings(move)) this.warning(line);
    return {branch: null, head: formatId(commit), ...moveJson(move)};
  }

  private async takePaths(
    repository: Repository,
    {commit, kind}: Resolved,
    typed: readonly string[],
    options: MoveWorkOptions,
  ): Promise<unknown> {
    const paths = typed.map(path => statePath(repository.location, this.workingDirectory(), path));
    const source = kind === 'head' ? undefined : commit;
    const move = await restorePaths(repository, {...options, paths, source});
    this.progress.finish();
    for (const line of [...savedNote(move, true), restoredText(move, commit)]) this.note(line);
    for (const line of moveWarnings(move)) this.warning(line);
    return {branch: repository.head().branch ?? null, source: formatId(commit), ...moveJson(move)};
  }
}
