/**
 * Transactions of a program: `repo.transact()`. What the function does is one commit, or nothing; where others have committed
 * what contradicts it, it is run again on what is there then. The work tree follows. Layer: worktree.
 */
import {encodeText} from '../bytes.js';
import type {Isolation} from '../repo/opentransaction.js';
import {Repository} from '../repo/repository.js';
import {retryConflicts} from '../repo/retry.js';
import type {Parameters} from '../sql/query.js';
import type {PlainValue} from '../sql/repository-query.js';
import {toPlain} from '../sql/values/convert.js';
import type {Value} from '../sql/values/value.js';
import {HeadDestination, type Unit} from '../sql/write/destination.js';
import {ReadTracker} from '../sql/write/read-tracker.js';
import {writableOn} from '../sql/write/script-writes.js';
import {UnitSink} from '../sql/write/unit-sink.js';
import type {WritableDatabase} from '../sql/write/writable-database.js';
import {publishAndFollow} from './follow.js';

export interface TransactOptions {
  /** The message of the commit; the statements, shortened, unless given. */
  readonly message?: string;
  readonly isolation?: Isolation;
  /** How often it is run again after a conflict; 10 times unless given. */
  readonly retries?: number;
}

/** What a function that is run as a transaction sees: HEAD as it was when it began, and what it has done itself. */
export class TransactionScope {
  constructor(private readonly database: WritableDatabase) {}

  /** Yields the rows of a statement as objects, as `Repository.query` does; what it writes is part of the transaction. */
  async *query(sql: string, parameters?: Parameters): AsyncGenerator<Record<string, PlainValue>, void, undefined> {
    const statement = await this.database.statement(sql, parameters);
    for (const batch of statement.batches(parameters)) {
      for (const row of batch) {
        yield Object.fromEntries(statement.columns.map(({name}, index) => [name, toPlain(row[index] ?? null)]));
      }
    }
  }

  /** Runs a statement and returns how many rows it changed. Throws errors of SQL. */
  async execute(sql: string, parameters?: Parameters): Promise<number> {
    const {session} = this.database;
    const before = session.totalChanges;
    const statement = await this.database.statement(sql, parameters);
    statement.all(parameters);
    return session.totalChanges - before;
  }

  /** Returns the body of a file, or undefined if there is none at the path. */
  async readFile(path: string): Promise<Uint8Array | undefined> {
    const statement = await this.database.statement("SELECT content FROM files WHERE path = ? AND type = 'file'", [
      path,
    ]);
    const content = statement.get([path])?.[0];
    // a body that is text comes as that
    return typeof content === 'string' ? encodeText(content) : content instanceof Uint8Array ? content : undefined;
  }

  /** Writes a file, and the directories above it that are missing. Throws as INSERT into `files` does. */
  async writeFile(path: string, body: Uint8Array): Promise<void> {
    const values: Value[] = [path, body];
    await this.execute(WRITE_FILE, values);
  }

  /** Removes a file or an empty directory, and returns whether there was one. */
  async removeFile(path: string): Promise<boolean> {
    return (await this.execute('DELETE FROM files WHERE path = ?', [path])) > 0;
  }
}

const WRITE_FILE =
  'INSERT INTO files(path, content) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET content = excluded.content';

const RETRIES = 10;
/** The longest wait before the first retry, in milliseconds; it grows with each. */
const FIRST_WAIT = 4;

declare module '../repo/repository.js' {
  interface Repository {
    /**
     * Runs a function as a transaction and returns what it returns, once that is committed on HEAD's branch. The function may
     * be run several times, so it should do nothing else. Throws what it throws, and nothing is changed then;
     * TRANSACTION_CONFLICT when the last retry met a conflict too; WOULD_OVERWRITE as `publishAndFollow`.
     */
    transact<T>(work: (tx: TransactionScope) => Promise<T> | T, options?: TransactOptions): Promise<T>;
  }
}

Repository.prototype.transact = function (work, options = {}) {
  const {retries = RETRIES} = options;
  return retryConflicts(() => once(this, work, options), {retries, firstWait: FIRST_WAIT});
};

async function once<T>(
  repo: Repository,
  work: (tx: TransactionScope) => Promise<T> | T,
  {message, isolation}: TransactOptions,
): Promise<T> {
  const sink = new UnitSink(repo);
  const destination = new HeadDestination(repo);
  const tracker = isolation === 'serializable' ? new ReadTracker() : undefined;
  const units: Unit[] = [];
  const database = writableOn(repo, sink, destination, {makeParents: true}, tracker, unit => {
    units.push(unit);
  });
  try {
    database.prepare('BEGIN').all();
    const result = await work(new TransactionScope(database));
    database.prepare('COMMIT').all();
    await inTurn(repo, () =>
      destination.publish(sink, units, {
        message,
        last: true,
        reads: tracker?.reads,
        publish: async (transaction, publication) =>
          (await publishAndFollow(repo, publication, {transaction})).operation,
      }),
    );
    return result;
  } finally {
    sink.discard();
  }
}

/** What is being published in each repository: one at a time. */
const publishing = new WeakMap<Repository, Promise<unknown>>();

async function inTurn<T>(repo: Repository, publish: () => Promise<T>): Promise<T> {
  const before = publishing.get(repo) ?? Promise.resolve();
  const mine = before.then(publish, publish);
  publishing.set(repo, mine);
  return mine;
}
