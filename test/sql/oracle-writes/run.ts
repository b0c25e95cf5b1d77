/**
 * Runs random scripts through both engines, and makes one that differs shorter.
 */
import {DATABASE} from '../oracle/database-engine.js';
import {Random} from '../oracle/random.js';
import {SQLITE} from '../oracle/sqlite.js';
import {differenceOf} from './compare.js';
import {randomScript} from './scripts.js';

/** A script whose outcomes differ. */
export interface Finding {
  readonly seed: number;
  readonly statements: readonly string[];
  /** The number of the statement. */
  readonly at: number;
  readonly message: string;
}

const SETUP = ['PRAGMA foreign_keys = ON'];

function findingsOf(
  scripts: readonly {readonly seed: number; readonly statements: readonly string[]}[],
): (Finding | undefined)[] {
  const batches = scripts.map(({statements}) => ({setup: SETUP, questions: statements.map(sql => ({sql}))}));
  const expected = SQLITE.ask(batches);
  const actual = DATABASE.ask(batches);
  return scripts.map(({seed, statements}, i) => {
    for (const [at, sql] of statements.entries()) {
      const a = expected[i]?.[at];
      const b = actual[i]?.[at];
      const message = a && b && differenceOf(sql, a, b);
      if (message !== undefined) return {seed, statements, at, message};
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
    const smaller = findingsOf(candidates).find(
      found => found !== undefined && found.message.slice(0, 8) === finding.message.slice(0, 8),
    );
    if (smaller === undefined) return smallest;
    smallest = {...smaller, statements: smaller.statements.slice(0, smaller.at + 1)};
  }
}

/** Runs scripts with these seeds, and returns those that differ, made shorter. */
export function runScripts(from: number, count: number, most: number): Finding[] {
  const findings: Finding[] = [];
  for (let seed = from; seed < from + count && findings.length < most; seed += 100) {
    const scripts = Array.from({length: Math.min(100, from + count - seed)}, (_, i) => ({
      seed: seed + i,
      ...randomScript(new Random(seed + i)),
    }));
    for (const finding of findingsOf(scripts)) {
      if (finding === undefined || findings.length >= most) continue;
      findings.push(shrink(finding));
    }
  }
  return findings;
}

/** Returns a finding as a text. */
export function describe({seed, statements, message}: Finding): string {
  return `seed ${seed}:\n${statements.map(sql => `${sql};`).join('\n')}\n-- ${message.replaceAll('\n', '\n-- ')}`;
}
