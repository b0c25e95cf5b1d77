/**
 * Where the engine differs from SQLite on purpose: each with its reason, which `docs/sql.md` tells too.
 */
import type {Value} from '../../../src/sql/values/value.js';
import {Real} from '../../../src/tree/cell.js';
import type {DifferenceKind} from './compare.js';
import type {Outcome} from './engine.js';
import {quoteValue} from './literal.js';
import {
  computesBound,
  lastArmsOrderedWithCollate,
  picksFromUnorderedWindow,
  withoutConstantOn,
} from './sqlite-faults.js';

export interface Difference {
  readonly sql: string;
  readonly kind: DifferenceKind;
  readonly expected: Outcome;
  readonly actual: Outcome;
}

export interface KnownDifference {
  readonly reason: string;
  readonly applies: (difference: Difference) => boolean;
  /** Returns the query as SQLite answers it right: only where it then says the same is the difference this one. */
  readonly rephrased?: (sql: string) => string;
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
      lastArmsOrderedWithCollate(sql).some(({groupBy, having}) => groupBy.length > 0 || having !== undefined),
  },
  {
    reason: 'SQLite takes DISTINCT in the last arm of a compound that is ordered with COLLATE for one of the whole',
    applies: ({sql, kind, expected, actual}) =>
      kind === 'rows' &&
      lastArmsOrderedWithCollate(sql).some(({distinct}) => distinct) &&
      expected.kind === 'rows' &&
      actual.kind === 'rows' &&
      setOf(expected.rows) === setOf(actual.rows),
  },
  {
    reason:
      'a term of ORDER BY takes the collation of the first arm that has one; beside a term with COLLATE, SQLite asks the first arm only',
    applies: ({sql, kind}) => kind === 'order' && lastArmsOrderedWithCollate(sql).length > 0,
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
    reason:
      'beside a RIGHT or FULL JOIN, a name of USING must mean one column of a join in parentheses; SQLite takes the first',
    applies: ({sql, kind, actual}) =>
      kind === 'refused' &&
      actual.kind === 'error' &&
      actual.message.startsWith('ambiguous reference') &&
      /JOIN \([\s\S]*\b(RIGHT|FULL)\b/.test(sql),
  },
  {
    reason:
      'a * takes the columns of a join in parentheses as they are; SQLite seeks them by names that may be ambiguous',
    applies: ({sql, kind, expected}) =>
      kind === 'accepted' &&
      expected.kind === 'error' &&
      expected.message.startsWith('ambiguous column name: *.') &&
      /JOIN \(/.test(sql),
  },
  {
    reason: 'what stands in a condition that is always true or false is checked all the same: `x IN ()`',
    applies: ({sql, kind, actual}) =>
      kind === 'refused' &&
      actual.kind === 'error' &&
      actual.message.startsWith('ambiguous') &&
      /\bIN \(\)|WHERE [^A-Za-z]*\b(0|NULL)\b/.test(sql),
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
  {
    reason: 'the local time, or UTC, of an impossible time is NULL; SQLite takes it for the year 2000 or -4713',
    applies: ({sql, kind, expected, actual}) =>
      kind === 'rows' &&
      /'(localtime|utc)'/.test(sql) &&
      cellsThatDiffer(expected, actual)?.some(([, value]) => value === null) === true,
  },
  {
    reason: 'the digits of a REAL are those of its value; SQLite 3.40 may be off in the last one',
    applies: ({kind, expected, actual}) =>
      kind === 'rows' &&
      cellsThatDiffer(expected, actual)?.every(([a, b]) => {
        if (typeof a === 'string' && typeof b === 'string' && roundedIn(a) === roundedIn(b)) return true;
        const [x, y] = [a, b].map(value => Number(value instanceof Real ? value.value : value)) as [number, number];
        return a !== null && b !== null && Math.abs(x - y) <= 5e-16 * Math.abs(x);
      }) === true,
  },
  {
    reason: 'a format of more than 200,000,000 characters is an error; SQLite gives NULL from 1,000,000,000 on',
    applies: ({sql, kind, actual}) =>
      kind === 'refused' &&
      /(format|printf)\(/.test(sql) &&
      actual.kind === 'error' &&
      actual.message.startsWith('string or blob too big'),
  },
  {
    reason: '-> takes negative indexes, as newer versions of SQLite do',
    applies: ({sql, kind}) => kind === 'rows' && /->>? -\d/.test(sql),
  },
  {
    reason: "json_set and the like of a whole document ('$') give JSON, as newer versions of SQLite do",
    applies: ({sql, kind}) => kind === 'rows' && /json_(set|replace)\([^']*('[^']*'[^']*)?, '\$',/.test(sql),
  },
  {
    reason:
      'a compound compares rows as its arms say; ordered with COLLATE, SQLite compares them for INTERSECT and EXCEPT by that collation',
    applies: ({sql, kind}) =>
      kind === 'rows' && /INTERSECT|EXCEPT/.test(sql) && lastArmsOrderedWithCollate(sql).length > 0,
  },
  {
    reason: 'rows that a window does not order come in any order, and so do what lead() and aggregates make of them',
    applies: ({sql, kind, expected, actual}) =>
      kind === 'rows' &&
      /OVER/.test(sql) &&
      expected.kind === 'rows' &&
      actual.kind === 'rows' &&
      columnsOf(expected.rows) === columnsOf(actual.rows),
  },
  {
    reason:
      'where nothing orders the rows of a window, or they are groups, they come in any order, and lead() and the like find others',
    applies: ({sql, kind, expected, actual}) =>
      kind === 'rows' &&
      picksFromUnorderedWindow(sql) &&
      expected.kind === 'rows' &&
      actual.kind === 'rows' &&
      expected.rows.length === actual.rows.length,
  },
  {
    reason:
      'an error in work that the query turns out not to need: an overflow right of EXCEPT or INTERSECT with nothing left',
    applies: ({sql, kind, expected, actual}) =>
      kind === 'refused' &&
      /EXCEPT|INTERSECT/.test(sql) &&
      actual.kind === 'error' &&
      actual.message.startsWith('integer overflow') &&
      expected.kind === 'rows',
  },
  {
    reason:
      'an error in what a condition turns out not to need: an overflow in one bound of BETWEEN, where the other decides',
    applies: ({sql, kind, expected}) =>
      kind === 'accepted' &&
      expected.kind === 'error' &&
      expected.message.startsWith('integer overflow') &&
      computesBound(sql),
  },
  {
    reason:
      'a RIGHT or FULL JOIN gives the rows of its right side also where a constant ON further left leaves nothing there; SQLite drops them',
    applies: ({sql, kind}) => kind === 'rows' && /\b(RIGHT|FULL)\b/.test(sql),
    rephrased: withoutConstantOn,
  },
];

/** Returns the pairs of values that differ, of rows that the other side does not have; undefined where they are not as many. */
function cellsThatDiffer(expected: Outcome, actual: Outcome): [Value, Value][] | undefined {
  if (expected.kind !== 'rows' || actual.kind !== 'rows' || expected.rows.length !== actual.rows.length)
    return undefined;
  const rest = new Map<string, (readonly Value[])[]>();
  const text = (row: readonly Value[]) => row.map(quoteValue).join();
  for (const row of expected.rows) rest.set(text(row), [...(rest.get(text(row)) ?? []), row]);
  const others = actual.rows.filter(row => rest.get(text(row))?.pop() === undefined);
  const left = [...rest.values()].flat();
  return others.flatMap(row => {
    const differing = (other: readonly Value[]) => {
      return other.flatMap((wanted, i): [Value, Value][] => {
        const value = row[i] ?? null;
        return quoteValue(value) === quoteValue(wanted) ? [] : [[wanted, value]];
      });
    };
    // the row that is most like it
    let best = 0;
    for (let i = 1; i < left.length; i++) {
      if (differing(left[i] as readonly Value[]).length < differing(left[best] as readonly Value[]).length) best = i;
    }
    return differing(left.splice(best, 1)[0] as readonly Value[]);
  });
}

/** Returns a text with the long numbers in it cut to 15 digits. */
function roundedIn(text: string): string {
  return text.replaceAll(/\d\.\d{14,}/g, number => Number(number).toPrecision(15));
}

/** Returns a text that rows share whose columns have the same values, and texts the same characters, in any order. */
function columnsOf(rows: readonly (readonly Value[])[]): string {
  const loose = (value: Value) => (typeof value === 'string' ? [...value].sort().join('') : quoteValue(value));
  return JSON.stringify((rows[0] ?? []).map((_, column) => rows.map(row => loose(row[column] ?? null)).sort()));
}

/** Returns a text that rows share which are the same but for how often each of them is there. */
function setOf(rows: readonly (readonly Value[])[]): string {
  return [...new Set(rows.map(row => row.map(quoteValue).join()))].sort().join('\n');
}

/** Returns a text that rows share whose numbers are the same whatever their type. */
function numbersOf(rows: readonly (readonly Value[])[]): string {
  const plain = rows.map(row =>
    JSON.stringify(row.map(value => (value instanceof Real ? value.value : `${value}`)).map(String)),
  );
  return plain.sort().join();
}
