import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {leftOutWarnings} from '../src/cli/move-text.js';
import {statePath} from '../src/cli/paths.js';
import {statusLines} from '../src/cli/status-text.js';
import {trackingText} from '../src/cli/sync-text.js';
import {formatId, shortId} from '../src/objects/id.js';
import type {Repository} from '../src/repo/repository.js';
import type {TableChanges} from '../src/sql/transaction-changes.js';
import {plainText} from '../src/state/quote.js';
import type {Tracking} from '../src/sync/tracking.js';
import {readStatus, type WorkTreeStatus} from '../src/worktree/status.js';

export default class Status extends StoreCommand {
  static override summary = 'Show what changed in the work tree since the last commit.';
  static override description =
    'A line for each change: A for added, M for modified, D for deleted, T for another type. There is no staging area: `dbos commit` records all of it. What .dbosignore names is left out. Inside an open transaction: what that has changed.';
  static override examples = ['<%= config.bin %> status', '<%= config.bin %> status src --json'];
  static override args = {
    paths: Args.string({description: 'Show only these files and directories.', multiple: true}),
  };
  static override flags = {
    all: Flags.boolean({char: 'a', description: 'List also what is in new and in deleted directories.'}),
    ...txnFlag,
  };
  static override pages = true;
  static override exits = [4];
  static override completes = {paths: 'file'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Status);
    if (this.txn !== undefined) return this.ofTransaction();
    return this.withWorkTree(async (repository, signal, early) => {
      const typed = (args.paths as unknown as string[] | undefined) ?? [];
      const status = await readStatus(repository, {
        ...(typed.length > 0 && {
          paths: typed.map(path => statePath(repository.location, this.workingDirectory(), path)),
        }),
        signal,
        progress: this.showProgress,
        early,
      });
      this.progress.finish();
      const {branch, head, clean, changes, skipped, unreadable} = status;
      const tracking = await this.tracking(repository, status);
      if (!this.json) await this.show(repository, status, tracking, flags.all === true, typed.length > 0);
      for (const line of leftOutWarnings(skipped, unreadable)) this.warning(line);
      return {
        branch: branch ?? null,
        head: head === undefined ? null : formatId(head),
        clean,
        changes: changes.map(({path, change}) => ({path, change})),
        // tables that are not committed are those of an open transaction
        tables: [],
        skipped,
        unreadable,
        ...(tracking && {tracking}),
      };
    });
  }

  /** Returns how HEAD's branch stands to what it follows. Most stores have nothing to follow, and load nothing for it. */
  private async tracking(repository: Repository, {branch, head}: WorkTreeStatus): Promise<Tracking | undefined> {
    if (branch === undefined || !repository.config.record('upstreams').has(branch)) return undefined;
    const {trackingOf} = await import('../src/sync/tracking.js');
    return trackingOf(repository, branch, head);
  }

  /** Shows what an open transaction has changed. */
  private ofTransaction(): Promise<unknown> {
    return this.withTransaction(async (repository, {name, transaction}) => {
      const {changesOfTransaction} = await import('../src/sql/transaction-changes.js');
      const {branch, base} = transaction;
      const {files, tables} = changesOfTransaction(repository, transaction);
      const {green, yellow} = this.style;
      const from = base === null ? 'before its first commit' : `from ${yellow(shortId(base))}`;
      await this.printLines([`In transaction ${yellow(name)} on branch ${green(branch)}, ${from}`]);
      if (files.length + tables.length === 0) await this.printLines(['Nothing changed.']);
      else {
        await this.printLines(['', 'Changed:']);
        await this.printLines(indented(statusLines(files, true, this.style)));
        await this.printLines(indented(tables.map(tableLine)));
      }
      const head = base === null ? null : formatId(base);
      const clean = files.length + tables.length === 0;
      return {
        transaction: name,
        branch,
        head,
        clean,
        changes: files.map(({path, change}) => ({path, change})),
        tables,
      };
    });
  }

  private async show(
    repository: Repository,
    status: WorkTreeStatus,
    tracking: Tracking | undefined,
    all: boolean,
    limited: boolean,
  ): Promise<void> {
    const {branch, head, clean, changes, interrupted} = status;
    const {green, red} = this.style;
    const lines: string[] = [];
    if (branch !== undefined) lines.push(`On branch ${green(branch)}${head === undefined ? ', no commits yet' : ''}`);
    else {
      const {lastBranch, returnHint} = await import('../src/cli/last-branch.js');
      lines.push(`HEAD is ${red('detached')} at ${shortId(head as NonNullable<typeof head>)}`);
      lines.push(`  ${returnHint(lastBranch(repository))}`);
    }
    if (tracking) lines.push(`It follows ${trackingText(tracking)}`);
    if (interrupted !== undefined) {
      lines.push(`${red('A checkout was interrupted:')} run it again, or go back with \`dbos restore --force .\`.`);
    }
    if (clean) {
      lines.push(limited ? 'Nothing changed there.' : head === undefined ? 'Nothing to commit.' : 'Nothing changed.');
    } else {
      lines.push('', head === undefined ? 'To be committed:' : 'Changed since HEAD:');
    }
    await this.printLines(lines);
    if (clean) return;
    await this.printLines(indented(statusLines(changes, all, this.style)));
    const restore = head === undefined ? '' : ', `dbos restore --force PATH` takes them back';
    await this.printLines(['', `\`dbos commit -m MESSAGE\` records these changes${restore}.`]);
  }
}

function tableLine({table, added, modified, deleted}: TableChanges): string {
  const counts = Object.entries({added, modified, deleted}).filter(([, count]) => count > 0);
  const rows = counts.map(([what, count]) => `${count} ${what}`).join(', ') || 'another definition';
  return plainText(`table ${table}: ${rows}`);
}

function* indented(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `  ${line}`;
}
