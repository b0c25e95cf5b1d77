import {Args, StoreCommand} from '../src/cli/command.js';
import {pickFlags, pickJson, pickNotes, pickOptions} from '../src/cli/pick-flags.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {revertCommit} from '../src/worktree/pick.js';

export default class Revert extends StoreCommand {
  static override summary = 'Take back what one commit changed, and keep what came after it.';
  static override description =
    'Makes a commit in which everything that the commit changed is as it was before: files, lines of text files, rows and cells of tables. The work tree follows. Where something has changed again since, that is a conflict: nothing moves unless a side is preferred; ours is what is here, theirs what was before the commit.';
  static override examples = [
    '<%= config.bin %> revert HEAD~3',
    {
      description: 'Take back what a branch brought in by a merge:',
      command: '<%= config.bin %> revert --parent 1 main',
    },
    {
      description: 'Where it has changed since, leave it as it is here:',
      command: '<%= config.bin %> revert --prefer ours 4f6ybdzc',
    },
  ];
  static override args = {revision: Args.string({description: 'The commit.', required: true})};
  static override flags = pickFlags;
  static override exits = [3, 4, 5, 6];
  static override completes = {revision: 'revision', message: 'none', parent: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Revert);
    return this.withRepository(async (repository, signal) => {
      const {commit: id} = await resolveRevision(repository, args.revision);
      const options = pickOptions(flags, repository.location, this.workingDirectory());
      const picked = await revertCommit(repository, id, {...options, signal, progress: this.showProgress});
      this.progress.finish();
      const {notes, warnings} = pickNotes(repository, 'Took back', id, picked);
      for (const line of notes) this.note(line);
      for (const line of warnings) this.warning(line);
      return pickJson(id, picked);
    });
  }
}
