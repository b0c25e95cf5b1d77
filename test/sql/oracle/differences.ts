/**
 * Where the engine differs from SQLite on purpose: each with its reason, which `docs/sql.md` tells too.
 */
import type {Value} from '../../../src/sql/values/value.js';
import {Real} from '../../../src/tree/cell.js';
import type {DifferenceKind} from './compare.js';
import type {Outcome} from './engine.js';

export interface Difference {
  readonly sql: string;
  readonly kind: DifferenceKind;
  readonly expected: Outcome;
  readonly actual: Outcome;
}

export interface KnownDifference {
  readonly reason: string;
  readonly applies: (difference: Difference) => boolean;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    reason: 'a column of a join in parentheses keeps its name; SQLite numbers it (`b:1`) where another has the same',
    applies: ({kind, expected}) =>
      kind === 'names' && expected.kind === 'rows' && (expected.names ?? []).some(name => /:\d+$/.test(name)),
  },
  {
    reason: 'SQLite refuses GROUP BY and HAVING in the last arm of a compound that is ordered with COLLATE',
    applies: ({sql, kind, expected}) =>
      kind === 'accepted' &&
      expected.kind === 'error' &&
      /^(HAVING clause on a non-aggregate query|no such column)/.test(expected.message) &&
      /(UNION|EXCEPT|INTERSECT)[\s\S]*(GROUP BY|HAVING)[\s\S]*ORDER BY[\s\S]*COLLATE/.test(sql),
  },
  {
    reason: 'a column of a derived UNION ALL keeps the types of its arms; SQLite turns integers into REAL there',
    applies: ({sql, kind, expected, actual}) =>
      kind === 'rows' &&
      /UNION ALL/.test(sql) &&
      expected.kind === 'rows' &&
      actual.kind === 'rows' &&
      numbersOf(expected.rows) === numbersOf(actual.rows),
  },
  {
    reason: 'SQLite drops DISTINCT inside an arm of a UNION, and the collation with it',
    applies: ({sql, kind}) => kind === 'rows' && /UNION SELECT DISTINCT|SELECT DISTINCT[\s\S]*UNION SELECT/.test(sql),
  },
  {
    reason:
      'with a RIGHT or FULL JOIN, SQLite finds a name of USING ambiguous that stands in a later table in parentheses',
    applies: ({sql, kind, expected}) =>
      kind === 'accepted' &&
      expected.kind === 'error' &&
      expected.message.startsWith('ambiguous column name') &&
      /(FULL|RIGHT)[\s\S]*USING/.test(sql),
  },
  {
    reason: 'what stands in a condition that is always true is checked all the same: `x NOT IN ()`',
    applies: ({sql, kind, actual}) =>
      kind === 'refused' &&
      actual.kind === 'error' &&
      actual.message.startsWith('ambiguous') &&
      /NOT IN \(\)/.test(sql),
  },
  {
    reason: 'a table with a primary key other than INTEGER PRIMARY KEY has no rowid',
    applies: ({kind, actual}) =>
      kind === 'refused' && actual.kind === 'error' && /no such column: (\w+\.)?rowid/.test(actual.message),
  },
  {
    reason: 'json_tree and json_each from a path give the key of the element there, as newer versions of SQLite do',
    applies: ({sql, kind}) => kind === 'rows' && /json_(tree|each)\([^()]*, '\$./.test(sql),
  },
  {
    reason:
      'a frame with EXCLUDE NO OTHERS slides as one without it; SQLite computes it anew, so a sum may turn INTEGER again',
    applies: ({sql, kind}) => kind === 'rows' && /EXCLUDE NO OTHERS/.test(sql),
  },
  {
    reason: '%c without an argument gives nothing; SQLite gives a NUL',
    applies: ({sql, kind}) => kind === 'rows' && /(format|printf)\('[^']*%c/.test(sql),
  },
];

/** Returns a text that rows share whose numbers are the same whatever their type. */
function numbersOf(rows: readonly (readonly Value[])[]): string {
  const plain = rows.map(row =>
    JSON.stringify(row.map(value => (value instanceof Real ? value.value : `${value}`)).map(String)),
  );
  return plain.sort().join();
}
