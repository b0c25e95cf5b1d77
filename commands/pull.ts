import {streamed} from '../src/cli/bundle-text.js';
import {Args, StoreCommand} from '../src/cli/command.js';
import {mergeFlags, mergePreferences, settledJson, settledNotes} from '../src/cli/merge-flags.js';
import {moveJson, moveWarnings} from '../src/cli/move-text.js';
import {transferText, updatesJson} from '../src/cli/sync-text.js';
import {formatId, shortId} from '../src/objects/id.js';
import {urlNamed} from '../src/sync/connect.js';
import '../src/sync/repository-sync.js';

export default class Pull extends StoreCommand {
  static override summary = 'Fetch, and bring the current branch up to what it follows.';
  static override description =
    'The branch moves forward, or is merged where both sides have gone on: tables by row and cell, text files by lines. The work tree follows. If both changed the same and no side is preferred, or files that no commit holds are in the way, nothing moves.';
  static override examples = [
    '<%= config.bin %> pull',
    {
      description: 'From a bundle that comes through a pipe:',
      command: 'ssh host "cd project && dbos bundle create - main" | <%= config.bin %> pull - main',
    },
    {
      description: 'Where both changed the same, take what is there, but keep the table jobs:',
      command: '<%= config.bin %> pull --prefer theirs --ours jobs',
    },
    {description: 'Only if there is nothing to merge:', command: '<%= config.bin %> pull --ff-only origin main'},
  ];
  static override args = {
    remote: Args.string({
      description:
        'The remote, or a URL, or a bundle (- is stdin): the remote of the current branch unless given, else origin.',
    }),
    branch: Args.string({description: 'The branch there: the one followed unless given, else that of the same name.'}),
  };
  static override flags = mergeFlags;
  static override exits = [3, 4, 5, 6];
  static override completes = {remote: 'file', branch: 'branch'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Pull);
    const bundle = streamed(this.workingDirectory(), args.remote);
    return this.withRepository(async (repository, signal) => {
      const options = {
        ...mergePreferences(flags, repository.location, this.workingDirectory()),
        branch: args.branch,
        ffOnly: flags['ff-only'] === true,
        signal,
        progress: this.showProgress,
        lend: true,
      };
      const url = args.remote === undefined ? undefined : urlNamed(repository, args.remote, this.workingDirectory());
      const pulled = await repository.pull(bundle ?? url ?? args.remote, options);
      const {kind, branch, before, commit, move, settled, source: name, fetched} = pulled;
      this.progress.finish();
      if (kind === 'up-to-date') this.note(`${branch} has everything that ${name} has.`);
      else {
        const done = kind === 'merge' ? `Merged ${name} into ${branch}` : `Moved ${branch} forward to ${name}`;
        this.note(`${done}: ${shortId(commit)} (${transferText(fetched)}).`);
        for (const line of settledNotes(settled)) this.note(line);
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
        ...settledJson(settled),
        ...moveJson(move),
      };
    });
  }
}
