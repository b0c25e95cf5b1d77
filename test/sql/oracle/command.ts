/**
 * The differential test as a command: `npm run test:sql-oracle -- [--queries N] [--seed S] [--only N] [--report N]`. What it
 * prints is enough to ask the same again: `--seed S --only N` runs one query.
 */
import {parseArgs} from 'node:util';
import {DATABASE} from './database-engine.js';
import {type RunResult, runOracle} from './run.js';
import {SQLITE, sqliteVersion} from './sqlite.js';

/** Returns what a run came to, in lines. */
function summary({asked, refused, stopped, unspecified, known, differences}: RunResult, seed: number): string[] {
  const causes = new Map<string, number[]>();
  for (const {cause, number} of differences) causes.set(cause, [...(causes.get(cause) ?? []), number]);
  return [
    `seed ${seed}: ${asked} queries, ${refused} that SQLite refuses, ${stopped} that it does not finish, ${unspecified.length} whose result it leaves open`,
    ...[...known].map(([reason, count]) => `known difference, ${count} times: ${reason}`),
    ...[...causes].map(([cause, numbers]) => `${numbers.length} × ${cause}: ${numbers.slice(0, 12).join(' ')}`),
  ];
}

/** Runs the command and returns whether all was well. */
export function oracleCommand(args: readonly string[]): boolean {
  const {values} = parseArgs({
    args: [...args],
    options: {
      queries: {type: 'string', default: '20000'},
      seed: {type: 'string', default: String(Math.floor(Math.random() * 2 ** 31))},
      only: {type: 'string'},
      report: {type: 'string', default: '3'},
    },
  });
  const version = sqliteVersion();
  if (version === undefined) {
    console.log('sqlite3 is not installed: nothing to compare with');
    console.log('0 passed, 0 failed');
    return true;
  }
  const seed = Number(values.seed);
  console.log(`against SQLite ${version.join('.')}, seed ${seed}`);
  const result = runOracle(SQLITE, DATABASE, {
    seed,
    queries: Number(values.queries),
    only: values.only === undefined ? undefined : Number(values.only),
    report: Number(values.report),
    progress: done => {
      if (done % 5000 === 0) console.error(`${done} queries`);
    },
  });
  for (const {number, cause, report} of result.differences) {
    if (report !== undefined) console.log(`\n--seed ${seed} --only ${number}: ${cause}\n${report}`);
  }
  for (const line of summary(result, seed)) console.log(line);
  console.log(`${result.asked - result.differences.length} passed, ${result.differences.length} failed`);
  return result.differences.length === 0;
}
