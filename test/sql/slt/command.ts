/**
 * sqllogictest as a command: `npm run test:slt -- [--verbose] [--stop] [--table] [--engine sqlite] [FILTER…]`. It runs the
 * files of the folder that `SLT_DIR` names (else `../shared/sqllogictest`) whose names contain one of the filters; `--table` ends with
 * the table that `docs/sql.md` has.
 */
import {basename, join} from 'node:path';
import {parseArgs} from 'node:util';
import {DATABASE_SCRIPTS} from './database-engine.js';
import {runScript, type ScriptResult} from './runner.js';
import {findScripts, readScript} from './script.js';
import {SQLITE_SCRIPTS} from './sqlite-engine.js';

/** How many failures of a file are shown, unless all are asked for. */
const SHOWN = 5;

/** Returns the folder of the test files; `root` is that of the project. */
export function scriptFolder(root: string): string {
  return process.env.SLT_DIR ?? join(root, '../shared/sqllogictest');
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function lineFor(name: string, {passed, failed, notRun}: ScriptResult, seconds: number): string {
  const skipped = sum(notRun);
  const state = failed > 0 ? `, ${failed} FAILED` : '';
  return `${name}: ${passed} passed${state}${skipped > 0 ? `, ${skipped} not run` : ''} (${seconds.toFixed(1)} s)`;
}

/** Returns the results of files as a table of Markdown. */
function tableOf(results: readonly (readonly [name: string, result: ScriptResult])[]): string {
  const lines = results.map(([name, {passed, failed, notRun, queries}]) => {
    return `| ${name} | ${queries} | ${passed - queries} | ${failed} | ${sum(notRun)} |`;
  });
  return ['| file | queries passed | statements passed | failed | not run |', '|---|--:|--:|--:|--:|', ...lines].join(
    '\n',
  );
}

/** Runs the command and returns whether all was well. `root` is the folder of the project. */
export function scriptCommand(args: readonly string[], root: string): boolean {
  const {values, positionals} = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      verbose: {type: 'boolean', default: false},
      stop: {type: 'boolean', default: false},
      table: {type: 'boolean', default: false},
      engine: {type: 'string', default: 'dbos'},
    },
  });
  const engine = values.engine === 'sqlite' ? SQLITE_SCRIPTS : DATABASE_SCRIPTS;
  const folder = scriptFolder(root);
  const paths = findScripts(folder).filter(
    path => positionals.length === 0 || positionals.some(filter => basename(path).includes(filter)),
  );
  if (paths.length === 0) console.log(`no test files in ${folder}`);
  const notRun = new Map<string, number>();
  const results: [string, ScriptResult][] = [];
  let passed = 0;
  let failed = 0;
  for (const path of paths) {
    const began = performance.now();
    const script = readScript(path);
    const result = runScript(engine, script, {stop: values.stop});
    results.push([script.name, result]);
    passed += result.passed;
    failed += result.failed;
    for (const [reason, count] of result.notRun) notRun.set(reason, (notRun.get(reason) ?? 0) + count);
    console.log(lineFor(script.name, result, (performance.now() - began) / 1000));
    for (const {record, message} of result.failures.slice(0, values.verbose ? undefined : SHOWN)) {
      console.log(`  line ${record.line}: ${record.sql.replaceAll('\n', '\n    ')}\n  ${message}`);
    }
    if (values.stop && result.failed > 0) break;
  }
  if (notRun.size > 0) {
    const reasons = [...notRun].map(([reason, count]) => `${reason} (${count})`);
    console.log(`${sum(notRun)} not run: ${reasons.join(', ')}`);
  }
  if (values.table) console.log(`\n${tableOf(results)}\n`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0;
}
