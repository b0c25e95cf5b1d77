/**
 * Where scripts that write differ from sqlite3 on purpose, each with its reason, which `docs/sql.md` tells too; and the ways
 * of sqlite3 to run one that may change only what it leaves open.
 */
import type {Outcome} from '../oracle/engine.js';

/** A statement whose outcome differs, and all before it in its script. */
export interface ScriptDifference {
  readonly statements: readonly string[];
  readonly expected: readonly Outcome[];
  readonly actual: readonly Outcome[];
  readonly at: number;
}

interface KnownDifference {
  readonly reason: string;
  readonly applies: (difference: ScriptDifference) => boolean;
}

function failsWith(outcome: Outcome | undefined, words: string): boolean {
  return outcome?.kind === 'error' && outcome.message.startsWith(words);
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    reason: 'a deferred foreign key that a failed INSERT has broken is mended with it; SQLite goes on counting it',
    applies: ({statements, expected, at}) =>
      /^(COMMIT|RELEASE)/.test(statements[at] as string) &&
      failsWith(expected[at], 'FOREIGN KEY constraint failed') &&
      expected.slice(0, at).some(outcome => failsWith(outcome, 'FOREIGN KEY constraint failed')),
  },
];

/** Rows that no index and no ORDER BY puts in order are visited from the other end. */
export const TURNED = 'PRAGMA reverse_unordered_selects = 1';
