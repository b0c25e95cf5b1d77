import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {moveJson, moveWarnings} from '../src/cli/move-text.js';
import {transferText, updatesJson} from '../src/cli/sync-text.js';
import {DbosError} from '../src/errors.js';
import {formatId, shortId} from '../src/objects/id.js';
import {branchName} from '../src/repo/refs.js';
import {connect} from '../src/sync/connect.js';
import {fetchRemote} from '../src/sync/fetch.js';
import {bringIn} from '../src/sync/pull.js';
import {currentRemote, findUpstream, readRemote} from '../src/sync/remotes.js';

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
      const {branch} = repository.head();
      if (branch === undefined) {
        throw new DbosError('UPSTREAM_MISSING', 'HEAD is on no branch that could be brought up to date.', {
          hint: 'Switch to a branch first.',
        });
      }
      const remote = args.remote === undefined ? currentRemote(repository) : readRemote(repository, args.remote);
      const followed = findUpstream(repository, branch);
      const theirs =
        args.branch !== undefined
          ? branchName(args.branch)
          : followed?.remote === remote.name
            ? followed.branch
            : branch;
      const peer = await connect(repository, remote.url);
      const fetched = await fetchRemote(repository, peer, remote.name, {signal, progress: this.showProgress}).finally(() => peer.close());
      const upstream = {remote: remote.name, branch: theirs};
      const options = {ffOnly: flags['ff-only'] === true, signal, progress: this.showProgress};
      const {kind, before, commit, move} = await bringIn(repository, upstream, options);
      this.progress.finish();
      const name = `${remote.name}/${theirs}`;
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
