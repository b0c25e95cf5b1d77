import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {subjectOf} from '../src/cli/commit-text.js';
import {trackingText} from '../src/cli/sync-text.js';
import {alignRows} from '../src/cli/table.js';
import {formatId, shortId} from '../src/objects/id.js';
import {createBranch, deleteBranch, listBranches, renameBranch} from '../src/repo/branches.js';
import {readCommit} from '../src/repo/commit.js';
import type {Repository} from '../src/repo/repository.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {quotePath} from '../src/state/quote.js';
import {trackingOf} from '../src/sync/tracking.js';

export default class Branch extends StoreCommand {
  static override summary = 'List, create, rename or delete branches.';
  static override examples = [
    '<%= config.bin %> branch',
    {description: 'Start a branch at an earlier commit:', command: '<%= config.bin %> branch fix main~3'},
    {description: 'Rename the current branch:', command: '<%= config.bin %> branch -m trunk'},
  ];
  static override args = {
    name: Args.string({description: 'The branch to create, rename or delete.'}),
    revision: Args.string({description: 'Where the new branch starts (HEAD unless given); with -m the new name.'}),
  };
  static override flags = {
    delete: Flags.boolean({char: 'd', description: 'Delete the branch.', exclusive: ['force-delete', 'move']}),
    'force-delete': Flags.boolean({
      char: 'D',
      description: 'Delete the branch even if HEAD does not have all of its commits.',
      exclusive: ['move'],
    }),
    move: Flags.boolean({char: 'm', description: 'Rename the branch, the current one if only the new name is given.'}),
    verbose: Flags.boolean({
      char: 'v',
      description: 'List also the commit of each branch, and how it stands to what it follows.',
      exclusive: ['delete', 'force-delete', 'move'],
    }),
  };
  static override exits = [4, 6];
  static override completes = {name: 'branch', revision: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Branch);
    return this.withRepository(async repository => {
      const {name, revision} = args;
      if (flags.move) return this.rename(repository, name, revision);
      if (flags.delete || flags['force-delete']) return this.remove(repository, name, flags['force-delete'] === true);
      if (name === undefined && flags.verbose) return this.listWhole(repository);
      return name === undefined ? this.list(repository) : this.create(repository, name, revision ?? 'HEAD');
    });
  }

  private async list(repository: Repository): Promise<unknown> {
    const {branch, commit} = repository.head();
    const branches = [...listBranches(repository)].map(({name, id, current}) => ({name, id: formatId(id), current}));
    if (branch === undefined && commit !== undefined) this.print(`* (detached at ${shortId(commit)})`);
    for (const {name, current} of branches) {
      this.print(current ? `* ${this.style.green(quotePath(name))}` : `  ${quotePath(name)}`);
    }
    return branches;
  }

  private async listWhole(repository: Repository): Promise<unknown> {
    const branches = [...listBranches(repository)].map(branch => ({
      ...branch,
      tracking: trackingOf(repository, branch.name, branch.id),
      subject: subjectOf(readCommit(repository.objects, branch.id).message),
    }));
    const lines = branches.map(({name, id, current, tracking, subject}) => {
      const mark = current ? `* ${this.style.green(quotePath(name))}` : `  ${quotePath(name)}`;
      return [mark, this.style.yellow(shortId(id)), tracking ? `[${trackingText(tracking)}] ${subject}` : subject];
    });
    await this.printLines(alignRows(lines));
    return branches.map(({name, id, current, tracking, subject}) => {
      return {name, id: formatId(id), current, subject, tracking: tracking ?? null};
    });
  }

  private async create(repository: Repository, name: string, revision: string): Promise<unknown> {
    const {commit} = await resolveRevision(repository, revision);
    await createBranch(repository, name, commit);
    this.note(`Created branch ${name} at ${shortId(commit)}.`);
    return {name, id: formatId(commit)};
  }

  private async remove(repository: Repository, name: string | undefined, force: boolean): Promise<unknown> {
    if (name === undefined) throw this.usage('Missing argument NAME.');
    await deleteBranch(repository, name, force);
    this.note(`Deleted branch ${name}. \`dbos undo\` brings it back.`);
    return {name, deleted: true};
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
    this.note(`Renamed branch ${from} to ${to}.`);
    return {from, name: to};
  }
}
