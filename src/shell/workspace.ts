/**
 * The files that the shell shows and changes: those of the moment that it looks at, of its transaction, or of HEAD. The store
 * is open only while one command reads or writes. Layer: shell.
 */
import {DbosError} from '../errors.js';
import {formatId} from '../objects/id.js';
import type {ObjectSink} from '../objects/store.js';
import {filesRootOf} from '../repo/filesroot.js';
import {headEdit} from '../repo/headmove.js';
import {
  changeTransaction,
  listOpenTransactions,
  type NamedTransaction,
  resolveTransaction,
} from '../repo/opentransactions.js';
import type {Repository} from '../repo/repository.js';
import {publishReads, ReadTracker} from '../sql/write/read-tracker.js';
import {shortened} from '../sql/write/unit-message.js';
import {FileEdits} from '../state/file-edits.js';
import {parentOf} from '../state/path.js';
import {StoredFiles} from '../state/stored-files.js';
import type {TreeRoot} from '../tree/spec.js';
import {writeFilesCommit, writeFilesState} from '../worktree/commitrecord.js';
import {publishAndFollow} from '../worktree/follow.js';
import {ownOwner} from '../worktree/owners.js';
import type {ShellHost} from './host.js';
import {Session} from './session.js';

/** Nobody waits longer for a prompt while another process has the store. */
const LOOK_TIMEOUT_MS = 300;

export class Workspace {
  constructor(
    private readonly host: ShellHost,
    private readonly session: Session,
    /** The line that is carried out. */
    private readonly line: string,
  ) {}

  /** Runs `work` on the files as they are looked at; what it reads in a transaction is noted. */
  read<T>(work: (files: StoredFiles, signal: AbortSignal, repo: Repository) => T): Promise<T> {
    return this.open(async (repo, signal) => {
      const open = this.session.past === undefined ? this.transactionOf(repo) : undefined;
      const reads = open && ReadTracker.of(open);
      try {
        return work(new StoredFiles(repo.objects, this.rootOf(repo), reads?.noteFiles), signal, repo);
      } finally {
        if (open && reads) await publishReads(repo, open, reads);
      }
    });
  }

  /** Runs `work` on the same files, for what helps with a line and is no part of it; waits so many milliseconds for another process. */
  peek<T>(work: (files: StoredFiles) => T, lockTimeout: number): Promise<T> {
    return this.open(repo => work(new StoredFiles(repo.objects, this.rootOf(repo))), lockTimeout);
  }

  /**
   * Changes files: in the transaction, or by a commit of its own. Throws READ_ONLY while the past is looked at, and as the edits
   * and `publishAndFollow`; then nothing has changed.
   */
  change(work: (edits: FileEdits, signal: AbortSignal, files: StoredFiles, sink: ObjectSink) => void): Promise<void> {
    const {line, session} = this;
    if (session.past !== undefined) throw readOnly(session.past.label);
    return this.open(async (repo, signal) => {
      const staging = repo.begin();
      try {
        const open = this.transactionOf(repo);
        const head = repo.head();
        const base = open === undefined ? repo.filesRoot(head.commit) : filesOf(repo, open);
        const tracker = open && ReadTracker.of(open);
        const onRead = tracker?.noteFiles;
        const edits = new FileEdits(staging.objects, base, {
          owner: ownOwner(),
          now: () => BigInt(repo.context.now()) * 1_000_000n,
          onRead,
        });
        work(edits, signal, new StoredFiles(staging.objects, base, onRead), staging.objects);
        const root = edits.root();
        if (root === base) {
          if (open && tracker) await publishReads(repo, open, tracker);
          return;
        }
        if (open !== undefined) {
          const state = await writeFilesState(staging.objects, open.transaction.state ?? undefined, root);
          const {summary} = open.transaction;
          const changes = {
            state,
            summary: shortened(summary === '' ? [line] : [summary, line]),
            reads: tracker?.reads ?? open.transaction.reads,
          };
          await changeTransaction(repo, open, {changes, description: line}, staging);
          return;
        }
        const commit = await writeFilesCommit(staging.objects, repo.context, {
          base: head.commit,
          files: root,
          parents: head.commit === undefined ? [] : [head.commit],
          message: line,
          cause: line,
        });
        const publication = {kind: 'normal', description: `commit: ${line}`, ...headEdit(head, commit)} as const;
        await publishAndFollow(repo, publication, {transaction: staging, signal});
      } finally {
        staging.discard();
      }
    });
  }

  /** Runs a command of the program: with `moment` on the moment that is looked at. */
  program(words: readonly string[], moment = true): Promise<number> {
    const {past, transaction} = this.session;
    const at = past === undefined || !moment ? [] : ['--at', formatId(past.commit)];
    const [name = '', ...rest] = words;
    return this.host.program([name, ...at, ...rest], {transaction});
  }

  /** Notes the branch, and leaves a directory or a transaction that is gone. */
  async look(): Promise<void> {
    const {session, host} = this;
    const gone = await this.open(repo => {
      session.branch = repo.head().branch;
      const {transaction} = session;
      const isOpen =
        transaction === undefined || [...listOpenTransactions(repo)].some(({name}) => name === transaction);
      if (!isOpen) session.transaction = undefined;
      const files = new StoredFiles(repo.objects, this.rootOf(repo));
      while (!files.isDirectory(session.directory)) session.directory = parentOf(session.directory);
      return isOpen ? undefined : transaction;
    }, LOOK_TIMEOUT_MS);
    if (gone !== undefined) host.note(`The transaction ${gone} was ended by another process.`);
  }

  /** Returns a path as commands of the program take it, which run at the top. */
  programPath(typed: string): string {
    const path = this.session.resolve(typed);
    return this.host.location.workTree === undefined ? Session.shown(path) : `./${path}`;
  }

  /** Runs `work` on the repository, which is open meanwhile. */
  async open<T>(work: (repo: Repository, signal: AbortSignal) => T | Promise<T>, lockTimeout?: number): Promise<T> {
    const repo = await this.host.open(this.line, lockTimeout);
    return this.host.interruptible(
      async signal => work(repo, signal),
      () => repo.close(),
    );
  }

  private transactionOf(repo: Repository): NamedTransaction | undefined {
    const {transaction} = this.session;
    return transaction === undefined ? undefined : resolveTransaction(repo, transaction);
  }

  private rootOf(repo: Repository): TreeRoot {
    const {past} = this.session;
    if (past !== undefined) return repo.filesRoot(past.commit);
    const open = this.transactionOf(repo);
    return open === undefined ? repo.filesRoot(repo.head().commit) : filesOf(repo, open);
  }
}

function filesOf(repo: Repository, {transaction: {state}}: NamedTransaction): TreeRoot {
  return state === null ? null : filesRootOf(repo.objects, state);
}

/** Returns the error for a change of the past. */
export function readOnly(label: string): DbosError {
  return new DbosError('READ_ONLY', `This is the past (${label}), which cannot be changed.`, {
    hint: 'Go back with `now`; there `branch NAME REVISION` makes a branch that begins at this moment.',
  });
}
