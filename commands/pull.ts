import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {moveJson, moveWarnings} from '../src/cli/move-text.js';
import {transferText, updatesJson} from '../src/cli/sync-text.js';
import {formatId, shortId} from '../src/objects/id.js';
import '../src/sync/repository-sync.js';

export default class Pull extends StoreCommand {
  static override summary = 'Fetch, and bring the current branch up to what it follows.';
  static override description =
    'The branch moves forward, or is merged row by row where both sides have gone on; the work tree follows. If that conflicts, or files that no commit holds are in the way, nothing moves.';
  static override examples = [
    '<%= config.bin %> pull',
    {description: 'Only if there is nothing to merge:', command: '<%= config.bin %> pull --ff-only origin main'},
  ];
  static override args = {
    remote: Args.string({description: 'The remote: that of the current branch unless given, else origin.'}),
    branch: Args.string({description: 'The branch there: the one followed unless given, else that of the same name.'}),
  };
  static override flags = {
    'ff-only': Flags.boolean({description: 'Only move forward: make no merge.'}),
  };
  static override exits = [3, 4, 5, 6];
  static override completes = {remote: 'none', branch: 'branch'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Pull);
    return this.withRepository(async (repository, signal) => {
      const options = {
        branch: args.branch,
        ffOnly: flags['ff-only'] === true,
        signal,
        progress: this.showProgress,
      };
      const pulled = await repository.pull(args.remote, options);
      const {kind, branch, before, commit, move, upstream, fetched} = pulled;
      this.progress.finish();
      const name = `${upstream.remote}/${upstream.branch}`;
      if (kind === 'up-to-date') this.note(`${branch} has everything that ${name} has.`);
      else {
        const done = kind === 'merge' ? `Merged ${name} into ${branch}` : `Moved ${branch} forward to ${name}`;
        this.note(`${done}: ${shortId(commit)} (${transferText(fetched)}).`);
      }
      if (move) for (const line of moveWarnings(move)) this.warning(line);
      return {
        kind,
        branch,
        upstream: name,
        before: before === undefined ? null : formatId(before),
        id: formatId(commit),
        fetched: updatesJson(fetched.updates),
        objects: fetched.objects,
        bytes: fetched.bytes,
        ...moveJson(move),
      };
    });
  }
}
