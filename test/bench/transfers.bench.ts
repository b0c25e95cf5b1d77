/**
 * The full size of `test/e2e/transfers.test.ts`; run with `node dist/test/bench/transfers.bench.js [processes] [transactions]
 * [kills]`. Prints what is wrong, and how many transactions there were a second; ends with status 1 if anything is.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {runTransfers} from '../e2e/transfers.js';

const [processes = 8, transactions = 500, kills = 50] = process.argv.slice(2).map(Number);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'dbos-transfers-'));
const {seconds, acknowledged, wrong} = await runTransfers(directory, {processes, transactions, kills});
for (const problem of wrong) console.log(problem);
console.log(
  `${acknowledged} transactions of ${processes} processes, up to ${kills} of them killed, in ${seconds.toFixed(1)} s: ${(acknowledged / seconds).toFixed(0)}/s`,
);
fs.rmSync(directory, {recursive: true});
if (wrong.length > 0) process.exitCode = 1;
