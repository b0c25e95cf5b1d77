/** The engine against sqlite3, and the differential test against itself. */
import test, {type ExecutionContext} from 'ava';
import {compareOutcomes} from './compare.js';
import {DATABASE} from './database-engine.js';
import type {Engine, Outcome} from './engine.js';
import {expr, list, optional, query, render, simplifications} from './grammar.js';
import {readLiteral} from './literal.js';
import {runOracle} from './run.js';
import {SQLITE, sqliteVersion} from './sqlite.js';

/** Whether sqlite3 knows RIGHT JOIN, IS DISTINCT FROM, and `->`. */
function usable(): boolean {
  const [major, minor] = sqliteVersion() ?? [0, 0];
  return major === 3 && minor >= 39;
}

/** Declares a test that needs sqlite3; without one it says so. */
function whenThere(title: string, run: (t: ExecutionContext) => void): void {
  test(title, t => {
    if (usable()) run(t);
    else {
      t.log('there is no sqlite3 3.39 or newer');
      t.pass();
    }
  });
}

for (const [title, seed, queries] of [
  ['a fixed seed', 20_240_515, 1500],
  ['another seed', 78, 700],
] as const) {
  whenThere(`the engine answers as sqlite3 does: ${title}`, t => {
    const result = runOracle(SQLITE, DATABASE, {seed, queries, report: 1});
    t.log(`seed ${seed}, ${result.unspecified.length} of ${queries} left open by SQLite`);
    const reports = result.differences.flatMap(({number, cause, report}) =>
      report === undefined ? [] : [`--seed ${seed} --only ${number}: ${cause}\n${report}`],
    );
    t.is(result.differences.length, 0, reports.slice(0, 3).join('\n\n'));
    // a generator whose queries are refused, or open, would prove nothing
    t.true(result.refused < queries / 6);
    t.true(result.unspecified.length <= queries / 50);
  });
}

/** Returns sqlite3 with every statement of the preparation changed. */
function alteredSqlite(alter: (setup: readonly string[]) => string[]): Engine {
  return {ask: batches => SQLITE.ask(batches.map(({setup, questions}) => ({setup: alter(setup), questions})))};
}

whenThere('sqlite3 agrees with itself whichever way it goes about it', t => {
  const otherWays = alteredSqlite(setup => [
    '.testctrl optimizations 0xffffffff',
    ...setup,
    'PRAGMA reverse_unordered_selects = 1',
  ]);
  const {differences} = runOracle(SQLITE, otherWays, {seed: 5, queries: 500});
  t.deepEqual(
    differences.filter(({kind}) => kind !== 'slow').map(({report}) => report),
    [],
  );
});

whenThere('an engine with a fault is found out, and the report is small', t => {
  const faulty = alteredSqlite(setup => setup.map(statement => statement.replaceAll('COLLATE NOCASE', '')));
  const {differences} = runOracle(SQLITE, faulty, {seed: 1, queries: 1200, report: 1});
  t.true(differences.length > 0);
  const [first] = differences;
  t.regex(first?.report ?? '', /NOCASE/);
  t.true((first?.report?.length ?? 0) < 1500, first?.report);
});

test('every place of a query can be made simpler', t => {
  const node = query`SELECT ${list([expr`(${expr`a`} + ${expr`b`})`, 'c'])} FROM t${optional` WHERE ${expr`d`}`}`;
  const seen = new Set([...simplifications(node)].map(render));
  t.true(seen.has('SELECT c FROM t WHERE d'));
  t.true(seen.has('SELECT (a + b), c FROM t'));
  t.true(seen.has('SELECT a, c FROM t WHERE d'));
  t.true(seen.has('SELECT (NULL + b), c FROM t WHERE d'));
});

test('outcomes are compared by type and value', t => {
  const rows = (...values: string[]): Outcome => ({
    kind: 'rows',
    names: undefined,
    rows: values.map(text => [readLiteral(text)]),
  });
  const exact = {order: 'none', tolerant: false} as const;
  t.is(compareOutcomes(rows('1', "'a'"), rows("'a'", '1'), exact), undefined);
  t.is(compareOutcomes(rows('1', "'a'"), rows("'a'", '1'), {...exact, order: 'total'}), 'order');
  t.is(compareOutcomes(rows('1'), rows('1.0'), exact), 'rows');
  t.is(compareOutcomes(rows('1'), rows("'1'"), exact), 'rows');
  t.is(compareOutcomes(rows('1', '1'), rows('1'), exact), 'rows');
  t.is(compareOutcomes(rows('0.1'), rows('0.10000000000000002'), exact), 'rows');
  t.is(compareOutcomes(rows('0.1'), rows('0.10000000000000002'), {...exact, tolerant: true}), undefined);
  t.is(compareOutcomes(rows("'A'"), rows("'a'"), {...exact, order: 'weak'}), undefined);
  const error: Outcome = {kind: 'error', message: 'no', running: false};
  t.is(compareOutcomes(error, error, exact), undefined);
  t.is(compareOutcomes(rows(), error, exact), 'refused');
  t.is(compareOutcomes(error, rows(), exact), 'accepted');
  t.is(compareOutcomes(error, {kind: 'crash', message: 'TypeError'}, exact), 'crash');
});
