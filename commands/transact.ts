import {beginFlags, beginOptions} from '../src/cli/begin-flags.js';
import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {subjectOf} from '../src/cli/commit-text.js';
import {outlivesSignals} from '../src/cli/interrupt.js';
import {stderr, stdout} from '../src/cli/output.js';
import {TransactionProgram} from '../src/cli/transaction-program.js';
import {isDbosError} from '../src/errors.js';
import {formatId, shortId} from '../src/objects/id.js';
import {readCommit} from '../src/repo/commit.js';
import {
  type BeginOptions,
  beginTransaction,
  openTransaction,
  rollbackTransaction,
  type TransactionName,
} from '../src/repo/opentransactions.js';
import {retryConflicts} from '../src/repo/retry.js';
import type {CommittedTransaction} from '../src/sql/commit-transaction.js';
import {plainText} from '../src/state/quote.js';

/** The longest wait before the first retry, in milliseconds: about what a few commands take. */
const FIRST_WAIT = 200;

/** What became of one run. */
interface Ended {
  readonly name: TransactionName;
  /** The exit status of the program. */
  readonly status: number;
  /** Undefined where it was rolled back, or the program ended the transaction itself. */
  readonly committed: CommittedTransaction | undefined;
}

export default class Transact extends StoreCommand {
  static override summary = 'Run a program as one transaction.';
  static override description =
    'Begins a transaction and runs the program with its id in DBOS_TXN, so that the commands in it act inside; the store is not held meanwhile. If the program ends with status 0 the transaction is committed, else it is rolled back, and its exit status is that of this command; 126 and 127 may be its own, or say as in a shell that it cannot be run or is not there. With --retry the program is run again, in a new transaction, when what it did contradicts what others have committed meanwhile: it gets the same stdin, and only what the last run prints is shown. It should do nothing but what its transaction does.';
  static override examples = [
    {
      description: 'Two statements, one commit:',
      command:
        '<%= config.bin %> transact -- sh -c \'dbos query "UPDATE a SET x = x - 1" && dbos query "UPDATE b SET x = x + 1"\'',
    },
    {
      description: 'As if nobody else were there:',
      command: '<%= config.bin %> transact --isolation serializable --retry 10 -- ./move-savings.sh',
    },
  ];
  static override args = {
    program: Args.string({description: 'The program and its arguments.', multiple: true, required: true}),
  };
  static override flags = {
    ...beginFlags,
    retry: Flags.integer({description: 'After a conflict, run it again up to so many times.', helpValue: 'N', min: 0}),
  };
  static override exits = [3, 4, 6, 126, 127];
  static override completes = {branch: 'branch', message: 'none', program: 'file'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Transact);
    if (outlivesSignals()) throw this.usage('The shell runs no programs: it has `begin` and `commit`.');
    const retries = flags.retry ?? 0;
    const options = beginOptions(flags);
    const program = new TransactionProgram({
      words: args.program as unknown as [string, ...string[]],
      directory: this.workingDirectory(),
      repeats: retries > 0,
      aside: this.json,
    });
    let attempts = 0;
    try {
      const ended = await retryConflicts(
        attempt => {
          attempts = attempt + 1;
          return this.once(program, options);
        },
        {retries, firstWait: FIRST_WAIT},
      );
      return this.tell(ended, attempts);
    } finally {
      for (const chunk of program.printed()) (this.json ? stderr : stdout).writeBytes(chunk);
      program.close();
    }
  }

  /** Throws TRANSACTION_CONFLICT when it is rolled back; what else a commit throws leaves it open. */
  private async once(program: TransactionProgram, options: BeginOptions): Promise<Ended> {
    const {name} = await this.withRepository(repository => beginTransaction(repository, options));
    let status: number;
    try {
      status = await program.run({DBOS_TXN: name});
    } catch (error) {
      await this.rollBack(name);
      throw error;
    }
    if (status !== 0) {
      await this.rollBack(name);
      return {name, status, committed: undefined};
    }
    try {
      return {name, status, committed: await this.commit(name)};
    } catch (error) {
      if (isDbosError(error, 'TRANSACTION_CONFLICT')) await this.rollBack(name);
      throw error;
    }
  }

  /** Returns undefined if the program has ended the transaction itself. */
  private commit(name: TransactionName): Promise<CommittedTransaction | undefined> {
    return this.withRepository(async (repository, signal) => {
      const {commitTransaction} = await import('../src/sql/commit-transaction.js');
      try {
        const publish = this.following(repository, signal);
        const committed = await commitTransaction(repository, openTransaction(repository, name), {publish});
        const {commit, branch, merged} = committed;
        if (commit === undefined) this.note(`Transaction ${name} committed: it had changed nothing.`);
        else {
          const subject = subjectOf(readCommit(repository.objects, commit).message);
          this.note(`[${plainText(branch)} ${shortId(commit)}] ${subject}`);
          if (merged) this.note('Merged with what others had committed meanwhile.');
        }
        return committed;
      } catch (error) {
        if (!isDbosError(error, 'TRANSACTION_UNKNOWN')) throw error;
        this.note(`The program has ended transaction ${name} itself.`);
        return undefined;
      }
    });
  }

  private rollBack(name: TransactionName): Promise<void> {
    return this.withRepository(async repository => {
      try {
        await rollbackTransaction(repository, openTransaction(repository, name));
      } catch (error) {
        if (!isDbosError(error, 'TRANSACTION_UNKNOWN')) throw error;
      }
    });
  }

  private tell({name, status, committed}: Ended, attempts: number): unknown {
    this.exitStatus = status;
    if (status !== 0) this.warning(`the program ended with status ${status}: transaction ${name} is rolled back.`);
    else if (attempts > 1) this.note(`It was run ${attempts} times.`);
    const {commit, branch, parent, merged} = committed ?? {};
    return {
      id: commit === undefined ? null : formatId(commit),
      branch: branch ?? null,
      parents: parent === undefined || commit === undefined ? [] : [formatId(parent)],
      transaction: name,
      merged: merged ?? false,
      status,
      attempts,
    };
  }
}
