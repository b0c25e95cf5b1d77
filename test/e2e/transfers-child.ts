/**
 * A process that moves amounts between accounts and writes a line into a file of its own, each time as one transaction, and then
 * prints the line: for `transfers.ts`, which kills it now and then. It opens the store for each step, as commands do; every
 * third transaction stays open over several of them.
 */
import {isDbosError} from '../../src/errors.js';
import {
  beginTransaction,
  enterTransaction,
  type NamedTransaction,
  openTransaction,
  rollbackTransaction,
} from '../../src/repo/opentransactions.js';
import {Repository} from '../../src/repo/repository.js';
import {commitTransaction} from '../../src/sql/commit-transaction.js';
import {ScriptWrites} from '../../src/sql/write/script-writes.js';
import '../../src/worktree/transact.js';
import {ACCOUNTS, storeContext, storeLocation} from './transfers.js';

const [directory = '', name = '', from = '0', to = '0'] = process.argv.slice(2);

async function using<T>(work: (repo: Repository) => Promise<T>): Promise<T> {
  const repo = await Repository.open(storeLocation(directory), storeContext());
  try {
    return await work(repo);
  } finally {
    await repo.close();
  }
}

function statementsOf(token: string): string[] {
  const [a, b] = [Math.random(), Math.random()].map(part => Math.floor(part * ACCOUNTS));
  const amount = Math.floor(Math.random() * 10);
  return [
    `UPDATE accounts SET amount = amount - ${amount} WHERE id = ${a}`,
    `UPDATE accounts SET amount = amount + ${amount} WHERE id = ${b}`,
    `INSERT INTO moves VALUES ('${token}')`,
    `INSERT INTO files(path, content) VALUES ('${name}', '${token}\n')
       ON CONFLICT (path) DO UPDATE SET content = files.content || excluded.content`,
  ];
}

/** Runs statements in a transaction that stays open over three openings of the store; returns whether it met no conflict. */
async function openly(statements: readonly string[]): Promise<boolean> {
  const open = await using(repo => beginTransaction(repo));
  await using(async repo => {
    const transaction: NamedTransaction = openTransaction(repo, open.name);
    enterTransaction(repo, transaction);
    const writes = new ScriptWrites(repo, {transaction});
    for (const sql of statements) writes.database.prepare(sql).all();
    await writes.publish();
  });
  return using(async repo => {
    const transaction = openTransaction(repo, open.name);
    try {
      await commitTransaction(repo, transaction);
      return true;
    } catch (error) {
      if (!isDbosError(error, 'TRANSACTION_CONFLICT')) throw error;
      await rollbackTransaction(repo, transaction);
      return false;
    }
  });
}

for (let i = Number(from); i < Number(to); i++) {
  const token = `${name}-${i}-${process.pid}`;
  if (i % 3 < 2) {
    await using(repo =>
      repo.transact(async tx => {
        for (const sql of statementsOf(token)) await tx.execute(sql);
      }),
    );
  } else while (!(await openly(statementsOf(token))));
  process.stdout.write(`${token}\n`);
}
