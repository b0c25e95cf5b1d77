import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {moveJson, moveWarnings, restoredText, savedNote} from '../src/cli/move-text.js';
import {statePath} from '../src/cli/paths.js';
import {formatId} from '../src/objects/id.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {restorePaths} from '../src/worktree/restore.js';

export default class Restore extends StoreCommand {
  static override summary = 'Make files of the work tree what they are in a commit.';
  static override description =
    'Takes back deletions, and brings files from another commit; HEAD does not move, and what is untracked stays. Changes that no commit holds are not thrown away: with --force they are saved in an automatic commit first.';
  static override examples = [
    {description: 'A file that was deleted:', command: '<%= config.bin %> restore notes.txt'},
    {description: 'A directory as it was yesterday:', command: '<%= config.bin %> restore --source yesterday src'},
    {description: 'Take back every change, saving them first:', command: '<%= config.bin %> restore --force .'},
  ];
  static override args = {
    paths: Args.string({description: 'Files and directories.', required: true, multiple: true}),
  };
  static override flags = {
    source: Flags.string({char: 's', description: 'The revision or time (HEAD unless given).', helpValue: 'REV'}),
    force: Flags.boolean({char: 'f', description: 'Save what would be lost in an automatic commit, and go on.'}),
    'restore-times': Flags.boolean({description: 'Give files the times that they had when they were committed.'}),
  };
  static override exits = [4, 6];
  static override completes = {paths: 'tracked', source: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Restore);
    return this.withRepository(async (repository, signal) => {
      const {commit} = await resolveRevision(repository, flags.source ?? 'HEAD');
      const typed = args.paths as unknown as string[];
      const move = await restorePaths(repository, {
        paths: typed.map(path => statePath(repository.location, this.workingDirectory(), path)),
        source: flags.source === undefined ? undefined : commit,
        force: flags.force === true,
        restoreTimes: flags['restore-times'] === true,
        signal,
        progress: this.showProgress,
      });
      this.progress.finish();
      for (const line of [...savedNote(move, true), restoredText(move, commit)]) this.note(line);
      for (const line of moveWarnings(move)) this.warning(line);
      return {source: formatId(commit), ...moveJson(move)};
    });
  }
}
