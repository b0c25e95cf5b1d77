import {Args, StoreCommand} from '../src/cli/command.js';
import {pickFlags, pickJson, pickNotes, pickOptions} from '../src/cli/pick-flags.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {pickCommit} from '../src/worktree/pick.js';

export default class CherryPick extends StoreCommand {
  static override summary = 'Do here what one commit of another branch changed.';
  static override description =
    'Makes a commit with the change, the author and the message of another one: of files, lines of text files, rows and cells of tables. The work tree follows. Where something has changed here too, that is a conflict: nothing moves unless a side is preferred; ours is what is here, theirs what the commit made of it.';
  static override examples = [
    '<%= config.bin %> cherry-pick experiment~2',
    {
      description: 'Where both changed the same, take what the commit has:',
      command: '<%= config.bin %> cherry-pick --prefer theirs 4f6ybdzc',
    },
  ];
  static override args = {revision: Args.string({description: 'The commit.', required: true})};
  static override flags = pickFlags;
  static override exits = [3, 4, 5, 6];
  static override completes = {revision: 'revision', message: 'none', parent: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(CherryPick);
    return this.withRepository(async (repository, signal) => {
      const {commit: id} = await resolveRevision(repository, args.revision);
      const options = pickOptions(flags, repository.location, this.workingDirectory());
      const picked = await pickCommit(repository, id, {...options, signal, progress: this.showProgress});
      this.progress.finish();
      const {notes, warnings} = pickNotes(repository, 'Did', id, picked);
      for (const line of notes) this.note(line);
      for (const line of warnings) this.warning(line);
      return pickJson(id, picked);
    });
  }
}
