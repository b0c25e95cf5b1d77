import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {transferText, updateLines, updatesJson} from '../src/cli/sync-text.js';
import {shortName} from '../src/repo/refs.js';
import type {Repository} from '../src/repo/repository.js';
import {connect} from '../src/sync/connect.js';
import {fetchRemote} from '../src/sync/fetch.js';
import {currentRemote, listRemotes, type Remote, readRemote} from '../src/sync/remotes.js';

export default class Fetch extends StoreCommand {
  static override summary = 'Bring what another store has into this one.';
  static override description =
    'Its branches are here as REMOTE/BRANCH then, and its tags are here; no branch of this store moves. What comes is checked as fsck would, before anything shows it.';
  static override examples = [
    '<%= config.bin %> fetch',
    {description: 'See what came:', command: '<%= config.bin %> log main..origin/main'},
  ];
  static override args = {
    remote: Args.string({description: 'The remote: that of the current branch unless given, else origin.'}),
  };
  static override flags = {
    all: Flags.boolean({description: 'Fetch from every remote.'}),
    prune: Flags.boolean({char: 'p', description: 'Forget branches that the remote no longer has.'}),
  };
  static override exits = [4, 5];
  static override completes = {remote: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Fetch);
    if (flags.all && args.remote !== undefined) throw this.usage('Either name a remote or say --all.');
    return this.withRepository(async (repository, signal) => {
      if (!flags.all) {
        const remote = args.remote === undefined ? currentRemote(repository) : readRemote(repository, args.remote);
        return this.fetch(repository, remote, flags.prune === true, signal);
      }
      const results = [];
      for (const remote of listRemotes(repository)) {
        results.push(await this.fetch(repository, remote, flags.prune === true, signal));
      }
      return results;
    });
  }

  private async fetch(repository: Repository, {name, url}: Remote, prune: boolean, signal: AbortSignal) {
    const peer = await connect(repository, url);
    try {
      const fetched = await fetchRemote(repository, peer, name, {prune, signal, progress: this.showProgress});
      const {updates, keptTags, objects, bytes} = fetched;
      for (const line of updateLines(updates)) this.print(line);
      for (const tag of keptTags) this.warning(`${name} has another tag ${shortName(tag)}; the one here stays.`);
      this.note(updates.length === 0 ? `Nothing new in ${name}.` : `Fetched from ${name}: ${transferText(fetched)}.`);
      return {remote: name, updates: updatesJson(updates), keptTags, objects, bytes};
    } finally {
      await peer.close();
    }
  }
}
