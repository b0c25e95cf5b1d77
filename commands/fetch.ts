import {STREAM, streamed} from '../src/cli/bundle-text.js';
import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {transferText, updateLines, updatesJson} from '../src/cli/sync-text.js';
import {shortName} from '../src/repo/refs.js';
import type {Repository} from '../src/repo/repository.js';
import {WHOLE_DEPTH} from '../src/sync/journal.js';
import {listRemotes} from '../src/sync/remotes.js';
import type {RemoteFetchOptions} from '../src/sync/repository-sync.js';
import '../src/sync/repository-sync.js';

export default class Fetch extends StoreCommand {
  static override summary = 'Bring what another store has into this one.';
  static override description =
    'Its branches are here as REMOTE/BRANCH then, and its tags are here; no branch of this store moves. What comes is checked as fsck would, before anything shows it.';
  static override examples = [
    '<%= config.bin %> fetch',
    {
      description: 'From a bundle that comes through a pipe:',
      command: 'ssh host "cd project && dbos bundle create - --all" | <%= config.bin %> fetch origin -',
    },
    {description: 'See what came:', command: '<%= config.bin %> log main..origin/main'},
  ];
  static override args = {
    remote: Args.string({description: 'The remote: that of the current branch unless given, else origin.'}),
    bundle: Args.string({
      description: 'With -, a bundle that comes through stdin is taken in place of what is at its URL.',
    }),
  };
  static override flags = {
    all: Flags.boolean({description: 'Fetch from every remote.'}),
    prune: Flags.boolean({char: 'p', description: 'Forget branches that the remote no longer has.'}),
    depth: Flags.integer({
      description: 'History back to so many commits of each branch, into a shallow store.',
      min: 1,
      max: WHOLE_DEPTH - 1,
      helpValue: 'N',
    }),
    unshallow: Flags.boolean({description: 'All of the history that a shallow store lacks.', exclusive: ['depth']}),
  };
  static override exits = [4, 5];
  static override completes = {remote: 'remote'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Fetch);
    if (flags.all && args.remote !== undefined) throw this.usage('Either name a remote or say --all.');
    // the remote may be left out
    const [remote, typed] = args.remote === STREAM ? [undefined, args.remote] : [args.remote, args.bundle];
    if ((typed ?? STREAM) !== STREAM || (typed === args.remote && args.bundle !== undefined)) {
      throw this.usage('After the remote there is nothing but - for a bundle that comes through stdin.');
    }
    const from = streamed(this.workingDirectory(), typed);
    return this.withRepository(async (repository, signal) => {
      const depth = flags.unshallow ? WHOLE_DEPTH : flags.depth;
      const options = {prune: flags.prune === true, depth, from, signal, progress: this.showProgress, lend: true};
      if (!flags.all) return this.fetch(repository, remote, options);
      const results = [];
      for (const {name} of listRemotes(repository)) results.push(await this.fetch(repository, name, options));
      return results;
    });
  }

  private async fetch(repository: Repository, name: string | undefined, options: RemoteFetchOptions) {
    const fetched = await repository.fetch(name, options);
    this.progress.finish();
    const {remote, updates, keptTags, objects, bytes} = fetched;
    const shallow = repository.shallow.size > 0;
    for (const line of updateLines(updates)) this.print(line);
    for (const tag of keptTags) this.warning(`${remote} has another tag ${shortName(tag)}; the one here stays.`);
    const isNew = updates.length > 0 || objects > 0;
    this.note(isNew ? `Fetched from ${remote}: ${transferText(fetched)}.` : `Nothing new in ${remote}.`);
    if (options.depth === WHOLE_DEPTH && shallow) this.warning(`${remote} does not have all of the history either.`);
    return {remote, updates: updatesJson(updates), keptTags, shallow, objects, bytes};
  }
}
