import {STREAM, streamed} from '../src/cli/bundle-text.js';
import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {transferText, updateLines, updatesJson} from '../src/cli/sync-text.js';
import {shortName} from '../src/repo/refs.js';
import type {Repository} from '../src/repo/repository.js';
import {urlNamed} from '../src/sync/connect.js';
import type {Fetched} from '../src/sync/fetch.js';
import {WHOLE_DEPTH} from '../src/sync/journal.js';
import {listRemotes, ORIGIN, readRemote} from '../src/sync/remotes.js';
import type {RemoteFetchOptions} from '../src/sync/repository-sync.js';
import '../src/sync/repository-sync.js';

export default class Fetch extends StoreCommand {
  static override summary = 'Bring what another store has into this one.';
  static override description =
    'Its branches are here as REMOTE/BRANCH then, and its tags are here; no branch of this store moves. Of a URL only the branches that are named come, as FETCH_HEAD/BRANCH until the next fetch from a URL; FETCH_HEAD is the one if one was fetched. What comes is checked as fsck would, before anything shows it.';
  static override examples = [
    '<%= config.bin %> fetch',
    {
      description: 'From a bundle that comes through a pipe:',
      command: 'ssh host "cd project && dbos bundle create - --all" | <%= config.bin %> fetch origin -',
    },
    {description: 'See what came:', command: '<%= config.bin %> log main..origin/main'},
    {
      description: 'Look at what somebody else has, without naming a remote:',
      command: '<%= config.bin %> fetch ../theirs topic && <%= config.bin %> diff HEAD FETCH_HEAD',
    },
  ];
  static override args = {
    names: Args.string({
      description:
        'The remote (that of the current branch unless given, else origin), and - for a bundle that comes through stdin in place of what is at its URL; or a URL, then the branches or tags there (its current branch unless given).',
      multiple: true,
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
  static override completes = {names: 'remote'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Fetch);
    const words = (args.names as unknown as string[] | undefined) ?? [];
    if (flags.all && words.length > 0) throw this.usage('Either name a remote or say --all.');
    // the remote may be left out
    const [word, names] = words[0] === STREAM ? [undefined, words] : [words[0], words.slice(1)];
    if (names.includes(STREAM) && names.length > 1) {
      throw this.usage('With - for a bundle that comes through stdin nothing else is named after the remote.');
    }
    const from = streamed(this.workingDirectory(), names[0]);
    return this.withRepository(async (repository, signal) => {
      const depth = flags.unshallow ? WHOLE_DEPTH : flags.depth;
      const common = {depth, signal, progress: this.showProgress, lend: true};
      const url = word === undefined ? undefined : urlNamed(repository, word, this.workingDirectory());
      if (url !== undefined) {
        if (from !== undefined) throw this.usage('A bundle that comes through stdin has no URL beside it.');
        if (flags.prune) throw this.usage('Nothing is kept of a URL that could be pruned.');
        return this.tell(repository, {url}, await repository.fetchUrl(url, names, common), depth);
      }
      const options = {...common, prune: flags.prune === true, from};
      if (!flags.all) return this.fetch(repository, word, names, options);
      const results = [];
      for (const {name} of listRemotes(repository)) results.push(await this.fetch(repository, name, [], options));
      return results;
    });
  }

  private async fetch(
    repository: Repository,
    name: string | undefined,
    [branch]: readonly string[],
    options: RemoteFetchOptions,
  ) {
    if (branch !== undefined && options.from === undefined) {
      // a name that is none is the first thing to be told of
      readRemote(repository, name ?? ORIGIN);
      throw this.usage(`All branches of a remote come at once: leave out ${branch}, or give the URL of the remote.`);
    }
    const fetched = await repository.fetch(name, options);
    return this.tell(repository, {remote: fetched.remote}, fetched, options.depth);
  }

  /** Prints what a fetch from a remote or a URL did, and returns it as scripts get it. */
  private tell(
    repository: Repository,
    {remote = null, url}: {readonly remote?: string | null; readonly url?: string},
    fetched: Fetched,
    depth: number | undefined,
  ) {
    this.progress.finish();
    const source = remote ?? url;
    const {updates, keptTags, objects, bytes} = fetched;
    const shallow = repository.shallow.size > 0;
    // what stood in the place of FETCH_HEAD before is nobody's loss
    const shown = url === undefined ? updates : updates.filter(({after}) => after !== null);
    for (const line of updateLines(shown)) this.print(line);
    for (const tag of keptTags) this.warning(`${source} has another tag ${shortName(tag)}; the one here stays.`);
    const isNew = updates.length > 0 || objects > 0;
    this.note(isNew ? `Fetched from ${source}: ${transferText(fetched)}.` : `Nothing new in ${source}.`);
    if (depth === WHOLE_DEPTH && shallow) this.warning(`${source} does not have all of the history either.`);
    return {remote, ...(url && {url}), updates: updatesJson(updates), keptTags, shallow, objects, bytes};
  }
}
