import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {transferText, updateLines, updatesJson} from '../src/cli/sync-text.js';
import {DbosError} from '../src/errors.js';
import {readBranch} from '../src/repo/branches.js';
import {
  BRANCHES,
  branchName,
  branchRef,
  findRef,
  listRefs,
  type RefName,
  shortName,
  TAGS,
  tagRef,
} from '../src/repo/refs.js';
import type {Repository} from '../src/repo/repository.js';
import {connect} from '../src/sync/connect.js';
import {pushRemote, type RefWish} from '../src/sync/push.js';
import {currentRemote, readRemote, setUpstream} from '../src/sync/remotes.js';

export default class Push extends StoreCommand {
  static override summary = 'Bring branches and tags of this store into another one.';
  static override description =
    'All of them move there, or none. A branch only moves forward: if the other store has commits that are not here, pull first. A branch that is checked out there takes its work tree along, or is refused if files there are in the way.';
  static override examples = [
    '<%= config.bin %> push',
    {description: 'Push a new branch and follow it:', command: '<%= config.bin %> push -u origin experiment'},
    {description: 'Delete a branch there:', command: '<%= config.bin %> push --delete origin experiment'},
  ];
  static override args = {
    names: Args.string({
      description:
        'The remote (that of the current branch unless given, else origin), then branches and tags (the current branch unless given).',
      multiple: true,
    }),
  };
  static override flags = {
    all: Flags.boolean({description: 'Push every branch.', exclusive: ['delete']}),
    delete: Flags.boolean({char: 'd', description: 'Delete the branches and tags there.'}),
    'force-with-lease': Flags.boolean({
      description: 'Also move what does not move forward, if it is where this store last saw it.',
    }),
    'set-upstream': Flags.boolean({char: 'u', description: 'Let the branches here follow those there.'}),
    tags: Flags.boolean({description: 'Push every tag.', exclusive: ['delete']}),
  };
  static override exits = [3, 4, 5, 6];
  static override completes = {names: 'branch'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Push);
    const [remoteName, ...names] = (args.names as unknown as string[] | undefined) ?? [];
    if (flags.delete && names.length === 0) throw this.usage('Name what to delete.');
    if ((flags.all || flags.tags) && names.length > 0)
      throw this.usage('Either name what to push or say --all or --tags.');
    return this.withRepository(async (repository, signal) => {
      const remote = remoteName === undefined ? currentRemote(repository) : readRemote(repository, remoteName);
      const peer = await connect(repository, remote.url);
      try {
        const there = flags.delete ? (await peer.refs()).refs : undefined;
        const requests = there
          ? names.map(name => deletion(name, there))
          : requestsOf(repository, names, flags.all === true, flags.tags === true);
        const withLease = flags['force-with-lease'] === true;
        const pushed = await pushRemote(repository, peer, remote.name, requests, {withLease, signal, progress: this.showProgress});
        if (flags['set-upstream']) {
          for (const {name} of requests.filter(each => each.name.startsWith(BRANCHES))) {
            const branch = branchName(shortName(name));
            setUpstream(repository, branch, {remote: remote.name, branch});
          }
        }
        const {updates, objects, bytes} = pushed;
        for (const line of updateLines(updates)) this.print(line);
        this.note(
          updates.length === 0
            ? `${remote.name} has it already.`
            : `Pushed to ${remote.name}: ${transferText(pushed)}.`,
        );
        return {remote: remote.name, updates: updatesJson(updates), objects, bytes};
      } finally {
        await peer.close();
      }
    });
  }
}

function deletion(name: string, there: ReadonlyMap<RefName, unknown>): RefWish {
  const tag = tagRef(name);
  return {
    name: there.has(tag) && !there.has(branchRef(branchName(name))) ? tag : branchRef(branchName(name)),
    next: null,
  };
}

/** Returns what is to be there afterwards: what is named, else what is asked for, else the current branch. */
function requestsOf(repo: Repository, names: readonly string[], all: boolean, tags: boolean): RefWish[] {
  const {objects, view} = repo;
  const requests: RefWish[] = names.map(name => {
    const tag = tagRef(name);
    const id =
      findRef(objects, view.refs, branchRef(branchName(name))) === undefined
        ? findRef(objects, view.refs, tag)
        : undefined;
    return id === undefined
      ? {name: branchRef(branchName(name)), next: readBranch(repo, name).id}
      : {name: tag, next: id};
  });
  for (const folder of [...(all ? [BRANCHES] : []), ...(tags ? [TAGS] : [])]) {
    for (const {name, id} of listRefs(objects, view.refs, folder)) requests.push({name, next: id});
  }
  if (names.length > 0 || all || tags) return requests;
  const {branch, commit} = repo.head();
  if (branch === undefined || commit === undefined) {
    throw new DbosError('NO_COMMITS', 'HEAD is on no branch with commits.', {hint: 'Name the branch to push.'});
  }
  return [{name: branchRef(branch), next: commit}];
}
