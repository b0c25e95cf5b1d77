/**
 * Runs random scripts through both engines, and makes one that differs shorter.
 */
import {DATABASE} from '../oracle/database-engine.js';
import type {Batch, Outcome} from '../oracle/engine.js';
import {Random} from '../oracle/random.js';
import {SQLITE} from '../oracle/sqlite.js';
import {differenceOf} from './compare.js';
import {KNOWN_DIFFERENCES, TURNED} from './differences.js';
import {randomScript} from './scripts.js';

/** A script whose outcomes differ. */
export interface Finding {
  readonly seed: number;
  readonly statements: readonly string[];
  /** The number of the statement. */
  readonly at: number;
  readonly message: string;
}

/** What came of a run. */
export interface ScriptsResult {
  /** Scripts that differ, made shorter. */
  readonly findings: readonly Finding[];
  /** Known differences by their reason. */
  readonly known: ReadonlyMap<string, number>;
  /** How many scripts SQLite itself ends otherwise where it visits rows in another order. */
  readonly unspecified: number;
}

type Verdict = Finding | {readonly known: string} | 'unspecified' | undefined;

const SETUP = ['PRAGMA foreign_keys = ON'];

function asked(statements: readonly string[], setup: readonly string[]): Batch {
  return {setup: [...SETUP, ...setup], questions: statements.map(sql => ({sql}))};
}

function isFinding(verdict: Verdict): verdict is Finding {
  return typeof verdict === 'object' && 'message' in verdict;
}

/** Whether sqlite3 itself comes to something else, up to a statement, where it visits rows in another order. */
function isLeftOpen(statements: readonly string[], at: number, expected: readonly Outcome[]): boolean {
  const turned = SQLITE.ask([asked(statements, [TURNED])])[0] as Outcome[];
  return statements
    .slice(0, at + 1)
    .some((sql, i) => differenceOf(sql, expected[i] as Outcome, turned[i] as Outcome) !== undefined);
}

function verdictsOf(scripts: readonly {readonly seed: number; readonly statements: readonly string[]}[]): Verdict[] {
  const batches = scripts.map(({statements}) => asked(statements, []));
  const allExpected = SQLITE.ask(batches);
  const allActual = DATABASE.ask(batches);
  return scripts.map(({seed, statements}, i): Verdict => {
    const expected = allExpected[i] as Outcome[];
    const actual = allActual[i] as Outcome[];
    for (const [at, sql] of statements.entries()) {
      const a = expected[at];
      const b = actual[at];
      const message = a && b && differenceOf(sql, a, b);
      if (message !== undefined) {
        const known = KNOWN_DIFFERENCES.find(({applies}) => applies({statements, expected, actual, at}));
        if (known) return {known: known.reason};
        return isLeftOpen(statements, at, expected) ? 'unspecified' : {seed, statements, at, message};
      }
      // sqlite3 keeps the rows that came before one of a wrong type, though the statement fails
      if (a?.kind === 'error' && /datatype mismatch|cannot store/.test(a.message)) return undefined;
    }
    return undefined;
  });
}

/** Returns a shorter script that still differs. */
function shrink(finding: Finding): Finding {
  let smallest = {...finding, statements: finding.statements.slice(0, finding.at + 1)};
  for (;;) {
    const {statements, seed} = smallest;
    const candidates = statements
      .slice(0, -1)
      .map((_, i) => ({seed, statements: statements.filter((__, j) => j !== i)}));
    const smaller = verdictsOf(candidates).find(
      (found): found is Finding => isFinding(found) && found.message.slice(0, 8) === finding.message.slice(0, 8),
    );
    if (smaller === undefined) return smallest;
    smallest = {...smaller, statements: smaller.statements.slice(0, smaller.at + 1)};
  }
}

/** Runs scripts with these seeds; ends when `most` of them differ. */
export function runScripts(from: number, count: number, most: number): ScriptsResult {
  const findings: Finding[] = [];
  const known = new Map<string, number>();
  let unspecified = 0;
  for (let seed = from; seed < from + count && findings.length < most; seed += 100) {
    const scripts = Array.from({length: Math.min(100, from + count - seed)}, (_, i) => ({
      seed: seed + i,
      ...randomScript(new Random(seed + i)),
    }));
    for (const verdict of verdictsOf(scripts)) {
      if (verdict === undefined) continue;
      if (verdict === 'unspecified') unspecified++;
      else if (!isFinding(verdict)) known.set(verdict.known, (known.get(verdict.known) ?? 0) + 1);
      else if (findings.length < most) findings.push(shrink(verdict));
    }
  }
  return {findings, known, unspecified};
}

/** Returns a finding as a text. */
export function describe({seed, statements, message}: Finding): string {
  return `seed ${seed}:\n${statements.map(sql => `${sql};`).join('\n')}\n-- ${message.replaceAll('\n', '\n-- ')}`;
}
