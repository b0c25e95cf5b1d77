import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {moveJson, moveWarnings} from '../src/cli/move-text.js';
import {formatId, shortId} from '../src/objects/id.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {bringInCommit} from '../src/sync/pull.js';

export default class Merge extends StoreCommand {
  static override summary = 'Bring another branch, or any commit, into the current branch.';
  static override description =
    'The branch moves forward, or is merged row by row where both sides have gone on, as by a pull; the work tree follows. If that conflicts, or files that no commit holds are in the way, nothing moves.';
  static override examples = [
    '<%= config.bin %> merge experiment',
    {description: 'Only if there is nothing to merge:', command: '<%= config.bin %> merge --ff-only origin/main'},
  ];
  static override args = {revision: Args.string({description: 'The branch or commit.', required: true})};
  static override flags = {'ff-only': Flags.boolean({description: 'Only move forward: make no merge.'})};
  static override exits = [3, 4, 5, 6];
  static override completes = {revision: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Merge);
    const {revision: name} = args;
    return this.withRepository(async (repository, signal) => {
      const {commit: theirs} = await resolveRevision(repository, name);
      const options = {ffOnly: flags['ff-only'] === true, verb: 'merge', signal, progress: this.showProgress} as const;
      const {kind, branch, before, commit, move} = await bringInCommit(repository, theirs, name, options);
      this.progress.finish();
      if (kind === 'up-to-date') this.note(`${branch} has everything that ${name} has.`);
      else {
        const done = kind === 'merge' ? `Merged ${name} into ${branch}` : `Moved ${branch} forward to ${name}`;
        this.note(`${done}: ${shortId(commit)}.`);
      }
      if (move) for (const line of moveWarnings(move)) this.warning(line);
      const id = before === undefined ? null : formatId(before);
      return {kind, branch, before: id, id: formatId(commit), ...moveJson(move)};
    });
  }
}
