import {Args, Flags, messageFlag, StoreCommand, txnFlag} from '../src/cli/command.js';
import {subjectOf} from '../src/cli/commit-text.js';
import {parseIdentity} from '../src/cli/identity.js';
import {leftOutWarnings} from '../src/cli/move-text.js';
import {statePath} from '../src/cli/paths.js';
import {formatCount} from '../src/cli/progress.js';
import {formatId, shortId} from '../src/objects/id.js';
import {readCommit} from '../src/repo/commit.js';
import type {Repository} from '../src/repo/repository.js';
import {parseTime} from '../src/repo/time.js';
import {plainText} from '../src/state/quote.js';
import {type CommitResult, commitWorkTree} from '../src/worktree/commit.js';

const NOTHING = Symbol('nothing to commit');

export default class Commit extends StoreCommand {
  static override summary = 'Record the work tree as a commit, or commit an open transaction.';
  static override description =
    'Records everything that changed since HEAD, or only what the paths name; there is no staging area. Without -m the message is written in an editor, if this is a terminal. What .dbosignore names, sockets and devices are left out. With --txn, or where DBOS_TXN names one, the open transaction is committed instead: what it made is merged with what its branch has now, and the work tree follows if that is the current branch.';
  static override examples = [
    "<%= config.bin %> commit -m 'Add the report'",
    {description: 'Only one directory:', command: "<%= config.bin %> commit -m 'New logo' images"},
    {description: 'Put what was forgotten into the last commit:', command: '<%= config.bin %> commit --amend'},
  ];
  static override args = {
    paths: Args.string({description: 'Record only these files and directories.', multiple: true}),
  };
  static override flags = {
    ...messageFlag,
    amend: Flags.boolean({description: 'Replace the last commit; without -m its message stays.'}),
    author: Flags.string({description: 'The author, as: Name <email>.', helpValue: 'AUTHOR'}),
    date: Flags.string({description: 'When it was authored.', helpValue: 'TIME'}),
    'skip-unreadable': Flags.boolean({description: 'Leave what cannot be read as it is in HEAD, instead of failing.'}),
    ...txnFlag,
  };
  static override exits = [3, 4, 6];
  static override looksInside = false;
  static override completes = {paths: 'file', message: 'none', author: 'none', date: 'none', txn: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Commit);
    const typed = (args.paths as unknown as string[] | undefined) ?? [];
    const pathsIn = (repository: Repository) =>
      typed.map(path => statePath(repository.location, this.workingDirectory(), path));
    if (this.txn !== undefined) {
      const others = ['amend', 'author', 'date', 'skip-unreadable'].filter(name => name in flags);
      if (typed.length > 0 || others.length > 0) {
        throw this.usage('A transaction is committed as it is: paths and flags of the work tree do not go with it.');
      }
      return this.commitTransaction(flags.message?.join('\n\n'));
    }
    const author = flags.author === undefined ? undefined : parseIdentity(flags.author);
    const amend = flags.amend === true;
    let message = flags.message?.join('\n\n');
    if (message === undefined && !this.json) {
      const asked = await this.askMessage(pathsIn, amend);
      if (asked === NOTHING) {
        this.report('Nothing to commit.');
        return undefined;
      }
      message = asked;
    }
    return this.withWorkTree(async (repository, signal, early) => {
      const {now, zone} = repository.context;
      const result = await commitWorkTree(repository, {
        message,
        ...(typed.length > 0 && {paths: pathsIn(repository)}),
        amend,
        author,
        date: flags.date === undefined ? undefined : await parseTime(flags.date, now(), zone),
        skipUnreadable: flags['skip-unreadable'] === true,
        signal,
        progress: this.showProgress,
        early,
      });
      this.progress.finish();
      return this.tell(repository, result);
    });
  }

  /**
   * Returns the message that the user writes, NOTHING if there is nothing to commit, undefined where nobody can be asked.
   * The store is closed while the editor runs, so that others can work.
   */
  private async askMessage(
    pathsIn: (repository: Repository) => readonly string[],
    amend: boolean,
  ): Promise<string | typeof NOTHING | undefined> {
    const {askMessage, canEdit} = await import('../src/cli/message.js');
    if (!canEdit()) return undefined;
    const {readStatus} = await import('../src/worktree/status.js');
    const {statusLines} = await import('../src/cli/status-text.js');
    const {createStyle} = await import('../src/cli/style.js');
    const {changes, branch, before, editor} = await this.withRepository(async (repository, signal) => {
      const paths = pathsIn(repository);
      const status = await readStatus(repository, {...(paths.length > 0 && {paths}), signal});
      const amended = amend ? status.head : undefined;
      return {
        ...status,
        before: amended === undefined ? '' : readCommit(repository.objects, amended).message,
        editor: repository.config.get('core.editor'),
      };
    });
    if (changes.length === 0 && !amend) return NOTHING;
    const lines = [...statusLines(changes, false, createStyle(false))].map(line => `  ${line}`);
    const where = branch === undefined ? 'HEAD is on no branch.' : `On branch ${branch}.`;
    return askMessage(before, [`${where} Changes:`, ...lines], editor);
  }

  /** Commits the open transaction. */
  private async commitTransaction(message: string | undefined): Promise<unknown> {
    const {commitTransaction} = await import('../src/sql/commit-transaction.js');
    return this.withTransaction(async (repository, open, signal) => {
      const {green, yellow} = this.style;
      const publish = this.following(repository, signal);
      const {commit, branch, parent, merged} = await commitTransaction(repository, open, {message, publish});
      if (commit === undefined) this.report(`Transaction ${yellow(open.name)} committed: it had changed nothing.`);
      else {
        const subject = subjectOf(readCommit(repository.objects, commit).message);
        this.report(`[${green(plainText(branch))} ${yellow(shortId(commit))}] ${subject}`);
        if (merged) this.note('Merged with what others had committed meanwhile.');
      }
      return {
        id: commit === undefined ? null : formatId(commit),
        branch,
        parents: parent === undefined || commit === undefined ? [] : [formatId(parent)],
        transaction: open.name,
        merged,
      };
    });
  }

  private tell(repository: Repository, result: CommitResult): unknown {
    const {id, branch, parents, changes, skipped, unreadable} = result;
    if (id === null) this.report('Nothing to commit.');
    else {
      const {green, yellow} = this.style;
      const where = branch === undefined ? 'detached' : green(plainText(branch));
      const first = parents.length === 0 ? ' (first commit)' : '';
      const subject = subjectOf(readCommit(repository.objects, id).message);
      this.report(`[${where}${first} ${yellow(shortId(id))}] ${subject}`);
      const {added, modified, deleted} = changes;
      const counts = Object.entries({added, modified, deleted}).filter(([, count]) => count > 0);
      if (counts.length > 0)
        this.report(` ${counts.map(([what, count]) => `${formatCount(count)} ${what}`).join(', ')}`);
      if (branch === undefined)
        this.note('HEAD is on no branch; `dbos switch -c NAME` makes one that keeps this commit.');
    }
    for (const line of leftOutWarnings(skipped, unreadable)) this.warning(line);
    return {
      id: id === null ? null : formatId(id),
      branch: branch ?? null,
      parents: parents.map(parent => formatId(parent)),
      changes,
      skipped,
      unreadable,
    };
  }
}
