/**
 * Where scripts that write differ from sqlite3 on purpose, each with its reason, which `docs/sql.md` tells too; and the ways
 * of sqlite3 to run one that may change only what it leaves open.
 */
import type {Value} from '../../../src/sql/values/value.js';
import {Real} from '../../../src/tree/cell.js';
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
  {
    reason:
      'a generated column of NEW in a BEFORE UPDATE trigger; SQLite takes columns that the trigger does not name for NULL',
    applies: ({statements, at}) =>
      statements.slice(0, at).some((statement, _, earlier) => readsGenerated(statement, earlier)),
  },
  {
    reason: 'RETURNING gives what is stored; SQLite changes the type of a key that it compares for a foreign key',
    applies: ({statements, expected, actual, at}) => {
      const [a, b] = [expected[at], actual[at]];
      const texts = (outcome: Outcome | undefined) =>
        outcome?.kind === 'rows'
          ? outcome.rows
              .map(row => row.map(plainText).join('|'))
              .sort()
              .join('\n')
          : undefined;
      const compares = statements.slice(0, at).some(each => /^CREATE TABLE [\s\S]*REFERENCES \w+\(/.test(each));
      return compares && /RETURNING/.test(statements[at] as string) && texts(a) !== undefined && texts(a) === texts(b);
    },
  },
  {
    reason:
      'a foreign key that names no key is told of when OR REPLACE comes to it in a trigger; SQLite tells before the statement begins',
    applies: ({statements, expected, at}) =>
      /^(REPLACE|INSERT OR REPLACE|UPDATE OR REPLACE)/.test(statements[at] as string) &&
      failsWith(expected[at], 'foreign key mismatch') &&
      statements.slice(0, at).some(statement => statement.startsWith('CREATE TRIGGER')),
  },
  {
    reason:
      'a row is found by each of two foreign keys; SQLite changes the type of the key for the first and misses the second',
    applies: ({statements, expected, actual, at}) =>
      failsWith(expected[at], 'FOREIGN KEY constraint failed') &&
      actual[at]?.kind === 'rows' &&
      statements.slice(0, at).some(each => /^CREATE TABLE [\s\S]*REFERENCES (\w+)\([\s\S]*REFERENCES \1\(/.test(each)),
  },
  {
    reason:
      'a foreign key that names no key is told of where a trigger could replace rows; SQLite tells not where the statement says OR ROLLBACK, which keeps it from that',
    applies: ({statements, expected, actual, at}) =>
      /^(INSERT|UPDATE) OR (ROLLBACK|ABORT|FAIL|IGNORE)/.test(statements[at] as string) &&
      failsWith(actual[at], 'foreign key mismatch') &&
      expected[at]?.kind === 'rows' &&
      statements.slice(0, at).some(statement => statement.startsWith('CREATE TRIGGER')),
  },
];

function plainText(value: Value): string {
  return value instanceof Real ? `${value.value}` : `${value}`;
}

/** Whether a statement makes a trigger BEFORE UPDATE that reads a generated column of its table. */
function readsGenerated(statement: string, earlier: readonly string[]): boolean {
  const [, table] = /^CREATE TRIGGER \w+ BEFORE UPDATE[\s\S]*? ON (\w+)/.exec(statement) ?? [];
  const create = earlier.find(each => each.startsWith(`CREATE TABLE ${table}(`));
  const generated = [...(create ?? '').matchAll(/(\w+) AS \(/g)].map(([, name]) => name);
  return generated.some(name => new RegExp(`\\bnew\\.${name}\\b`).test(statement));
}

/** Rows that no index and no ORDER BY puts in order are visited from the other end. */
export const TURNED = 'PRAGMA reverse_unordered_selects = 1';
