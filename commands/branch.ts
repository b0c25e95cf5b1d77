import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {subjectOf} from '../src/cli/commit-text.js';
import {
  asksForList,
  REF_LIST_HELP,
  type RefListFlags,
  refListCompletes,
  refListFlags,
  refListLenient,
  selectRefs,
  sortRefs,
} from '../src/cli/ref-list.js';
import {trackingText} from '../src/cli/sync-text.js';
import {alignRows} from '../src/cli/table.js';
import {formatId, type ObjectId, shortId} from '../src/objects/id.js';
import {
  createBranch,
  deleteBranches,
  findBranch,
  listBranches,
  moveBranch,
  readBranch,
  renameBranch,
} from '../src/repo/branches.js';
import {readCommit} from '../src/repo/commit.js';
import type {BranchName} from '../src/repo/refs.js';
import type {Repository} from '../src/repo/repository.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {quotePath} from '../src/state/quote.js';
import {
  findUpstream,
  followStart,
  listRemotes,
  readUpstream,
  remoteRefs,
  removeUpstreams,
  setUpstream,
} from '../src/sync/remotes.js';
import {trackingOf} from '../src/sync/tracking.js';

/** A branch of this store, or of a remote. */
interface Listed {
  readonly name: string;
  readonly id: ObjectId;
  readonly current: boolean;
  readonly remote?: string;
}

function ownBranches(repository: Repository): Listed[] {
  return [...listBranches(repository)].map(({name, id, current}) => ({name, id, current}));
}

function remoteBranches(repository: Repository): Listed[] {
  return listRemotes(repository).flatMap(({name: remote}) =>
    Array.from(remoteRefs(repository, remote), ({branch, id}) => {
      return {name: `${remote}/${branch}`, id, current: false, remote};
    }),
  );
}

export default class Branch extends StoreCommand {
  static override summary = 'List, create, rename or delete branches.';
  static override description =
    `A branch that starts at a branch of a remote follows it. A branch that is renamed follows what it followed. What a branch followed is forgotten when it is deleted, and does not come back with it. ${REF_LIST_HELP}`;
  static override examples = [
    '<%= config.bin %> branch',
    {description: 'Start a branch at an earlier commit:', command: '<%= config.bin %> branch fix main~3'},
    {
      description: 'See which branches could go, since main has all of them:',
      command: '<%= config.bin %> branch --merged main',
    },
    {description: 'Rename the current branch:', command: '<%= config.bin %> branch -m trunk'},
    {description: 'Let the current branch follow one of a remote:', command: '<%= config.bin %> branch -u origin/main'},
  ];
  static override args = {
    names: Args.string({
      description:
        'The branch to create, then where it starts (HEAD unless given); the branch to rename, then its new name; the branches to delete; the patterns of a list.',
      multiple: true,
    }),
  };
  static override flags = {
    all: Flags.boolean({
      char: 'a',
      description: 'List also the branches of remotes, as they were when they were last looked at.',
    }),
    delete: Flags.boolean({char: 'd', description: 'Delete the branches.', exclusive: ['force-delete', 'move']}),
    'force-delete': Flags.boolean({
      char: 'D',
      description: 'Delete the branches even if HEAD does not have all of their commits.',
      exclusive: ['move'],
    }),
    force: Flags.boolean({
      char: 'f',
      description: 'Move the branch to where it is to start, if there is one of that name.',
      exclusive: ['delete', 'force-delete', 'move'],
    }),
    move: Flags.boolean({char: 'm', description: 'Rename the branch, the current one if only the new name is given.'}),
    remotes: Flags.boolean({char: 'r', description: 'List only the branches of remotes.'}),
    'set-upstream-to': Flags.string({
      char: 'u',
      description: 'Let the branch (the current one unless named) follow this branch of a remote.',
      helpValue: 'REMOTE/BRANCH',
    }),
    'unset-upstream': Flags.boolean({description: 'Let the branch follow nothing.', exclusive: ['set-upstream-to']}),
    verbose: Flags.boolean({
      char: 'v',
      description: 'List also the commit of each branch, and how it stands to what it follows.',
    }),
    ...refListFlags,
  };
  static override lenient = refListLenient;
  static override exits = [4, 6];
  static override completes = {names: 'branch', 'set-upstream-to': 'revision', ...refListCompletes} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Branch);
    const names = (args.names as unknown as string[] | undefined) ?? [];
    const [name, revision] = names;
    const {all, force, move, remotes, verbose} = flags;
    const upstream = flags['set-upstream-to'];
    const follow = upstream !== undefined || flags['unset-upstream'] === true;
    const deletes = flags.delete || flags['force-delete'];
    const selects = asksForList(flags);
    const lists = selects || all || remotes;
    if (force && name === undefined) throw this.usage('Missing argument NAME.');
    if ([lists || verbose, follow, deletes || move || force].filter(Boolean).length > 1) {
      throw this.usage('Either list branches, or delete or rename one, or say what it follows.');
    }
    if (lists && !selects && name !== undefined) throw this.usage(`To list the branches like '${name}', add --list.`);
    const extra = deletes || lists ? undefined : names[follow ? 1 : 2];
    if (extra !== undefined) throw this.usage(`Unexpected argument: ${extra}.`);
    return this.withRepository(async repository => {
      if (follow) return this.follow(repository, name, upstream);
      if (move) return this.rename(repository, name, revision);
      if (deletes) return this.remove(repository, names, flags['force-delete'] === true);
      if (!lists && name !== undefined) return this.create(repository, name, revision ?? 'HEAD', force === true);
      const own = remotes ? [] : ownBranches(repository);
      const listed = [...own, ...(all || remotes ? remoteBranches(repository) : [])];
      if (remotes !== true) await this.printDetached(repository, flags, names);
      const selected = await selectRefs(repository, listed, flags, names);
      const timeOf = ({id}: Listed) => readCommit(repository.objects, id).committer.time;
      return this.list(repository, sortRefs(selected, flags, timeOf), verbose === true);
    });
  }

  /** Prints where HEAD is if it is on no branch: it is listed as one without a name. */
  private async printDetached(repository: Repository, flags: RefListFlags, patterns: readonly string[]): Promise<void> {
    const {branch, commit} = repository.head();
    if (branch !== undefined || commit === undefined || patterns.length > 0) return;
    const [shown] = await selectRefs(repository, [{name: 'HEAD', id: commit}], flags, []);
    if (shown !== undefined) this.print(`* (detached at ${shortId(commit)})`);
  }

  private async list(repository: Repository, branches: readonly Listed[], verbose: boolean): Promise<unknown> {
    const {green, red, yellow} = this.style;
    const mark = ({name, current, remote}: Listed) => {
      const shown = quotePath(name);
      if (remote !== undefined) return `  ${red(shown)}`;
      return current ? `* ${green(shown)}` : `  ${shown}`;
    };
    if (!verbose) {
      for (const each of branches) this.print(mark(each));
      return branches.map(({name, id, ...rest}) => ({name, id: formatId(id), ...rest}));
    }
    const whole = branches.map(each => ({
      ...each,
      tracking: each.remote === undefined ? (trackingOf(repository, each.name as BranchName, each.id) ?? null) : null,
      subject: subjectOf(readCommit(repository.objects, each.id).message),
    }));
    const lines = whole.map(each => {
      const {id, tracking, subject} = each;
      return [mark(each), yellow(shortId(id)), tracking ? `[${trackingText(tracking)}] ${subject}` : subject];
    });
    await this.printLines(alignRows(lines));
    return whole.map(({name, id, current, subject, tracking, remote}) => {
      return {name, id: formatId(id), current, subject, tracking, ...(remote !== undefined && {remote})};
    });
  }

  private async create(repository: Repository, name: string, revision: string, force: boolean): Promise<unknown> {
    const {commit} = await resolveRevision(repository, revision);
    const before = force ? findBranch(repository, name) : undefined;
    if (before !== undefined) {
      if (before.id !== commit) await moveBranch(repository, name, commit);
      this.note(
        before.id === commit
          ? `${name} is at ${shortId(commit)} already.`
          : `Moved branch ${name} from ${shortId(before.id)} to ${shortId(commit)}. \`dbos undo\` brings it back.`,
      );
      return {name, before: formatId(before.id), id: formatId(commit)};
    }
    await createBranch(repository, name, commit);
    const upstream = followStart(repository, name, revision);
    this.note(
      `Created branch ${name} at ${shortId(commit)}${upstream === undefined ? '' : `; it follows ${upstream}`}.`,
    );
    return {name, id: formatId(commit), ...(upstream !== undefined && {upstream})};
  }

  private async remove(repository: Repository, names: readonly string[], force: boolean): Promise<unknown> {
    const [name] = names;
    if (name === undefined) throw this.usage('Missing argument NAME.');
    await deleteBranches(repository, names, force);
    const followed = names.filter(each => findUpstream(repository, each as BranchName) !== undefined);
    removeUpstreams(repository, followed);
    const [what, them] = names.length === 1 ? ['branch', 'it'] : ['branches', 'them'];
    const lost = followed.length === 0 ? '' : ', but not what was followed';
    this.note(`Deleted ${what} ${names.join(', ')}. \`dbos undo\` brings ${them} back${lost}.`);
    return {name, names, deleted: true};
  }

  private follow(repository: Repository, named: string | undefined, upstream: string | undefined): unknown {
    const current = repository.head().branch;
    if (named === undefined && current === undefined) {
      throw this.usage('HEAD is on no branch, so the branch must be named.');
    }
    const name = named === undefined ? (current as BranchName) : readBranch(repository, named).name;
    if (upstream === undefined) {
      removeUpstreams(repository, [name]);
      this.note(`${name} follows nothing.`);
      return {name, upstream: null};
    }
    setUpstream(repository, name, readUpstream(repository, upstream));
    this.note(`${name} follows ${upstream}.`);
    return {name, upstream};
  }

  private async rename(
    repository: Repository,
    first: string | undefined,
    second: string | undefined,
  ): Promise<unknown> {
    const from = second === undefined ? repository.head().branch : first;
    const to = second ?? first;
    if (to === undefined) throw this.usage('Missing argument NAME.');
    if (from === undefined) throw this.usage('HEAD is on no branch, so the branch to rename must be named.');
    await renameBranch(repository, from, to);
    const upstream = findUpstream(repository, from as BranchName);
    if (upstream !== undefined) setUpstream(repository, to as BranchName, upstream);
    else removeUpstreams(repository, [to]);
    this.note(`Renamed branch ${from} to ${to}.`);
    return {from, name: to};
  }
}
