/** Aggregates and window functions answer as SQLite does: every frame, bound and EXCLUDE, on small random tables. */
import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import {AGGREGATE_FUNCTIONS} from '../../src/sql/functions/aggregates.js';
import type {FrameEdge, WindowFrame} from '../../src/sql/functions/frames.js';
import type {FunctionContext} from '../../src/sql/functions/function.js';
import {quoted} from '../../src/sql/functions/text.js';
import {DEFAULT_FRAME, evaluateWindow, WINDOW_FUNCTIONS, type WindowFunction} from '../../src/sql/functions/windows.js';
import {comparator} from '../../src/sql/values/compare.js';
import type {CollationName, Value} from '../../src/sql/values/value.js';
import {realCell} from '../../src/tree/cell.js';
import {agree, answerOf, askRows, literal, oracleMissing} from './values-oracle.js';
import {SAMPLES} from './values-samples.js';

const missing = oracleMissing();
const FUNCTIONS = new Map<string, WindowFunction>(
  [...AGGREGATE_FUNCTIONS, ...WINDOW_FUNCTIONS].map(each => [each.name, each]),
);

function contextOf(collation: CollationName): FunctionContext {
  return {now: 0, zone: () => 0, random: () => 0, collation, changes: 0, totalChanges: 0, lastInsertRowid: 0};
}

/** A row: the order key, the value, and how it stands to FILTER. */
interface Row {
  readonly key: Value;
  readonly value: Value;
  readonly kept: boolean;
}

interface Window {
  readonly rows: readonly Row[];
  readonly name: string;
  /** The arguments after the value. */
  readonly others: readonly Value[];
  readonly ordered: boolean;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  readonly frame: WindowFrame | undefined;
  readonly filtered: boolean;
}

/** What takes no value as its first argument. */
const BARE = new Set(['row_number', 'rank', 'dense_rank', 'percent_rank', 'cume_dist', 'ntile']);

function argsOf(window: Window, value: Value): Value[] {
  return BARE.has(window.name) ? [...window.others] : [value, ...window.others];
}

function edgeText(edge: FrameEdge): string {
  // Not as `literal` does: SQLite takes the result of a function for no constant, and that for NULL.
  return 'offset' in edge ? `${quoted(edge.offset)} ${edge.kind}` : edge.kind;
}

function queryOf(window: Window, table: string): string {
  const {name, frame, ordered, descending, nullsFirst, filtered, others} = window;
  const args = [...(BARE.has(name) ? [] : ['v']), ...others.map(literal)].join(', ');
  const order = `ORDER BY k ${descending ? 'DESC' : 'ASC'} NULLS ${nullsFirst ? 'FIRST' : 'LAST'}`;
  // EXCLUDE NO OTHERS is left out: where it is written, SQLite computes each frame anew.
  const exclude = frame === undefined || frame.exclude === 'no others' ? '' : `EXCLUDE ${frame.exclude}`;
  const bounds = frame && `${frame.unit} BETWEEN ${edgeText(frame.start)} AND ${edgeText(frame.end)} ${exclude}`;
  const over = [ordered ? order : '', bounds ?? ''].join(' ');
  return `SELECT ${name}(${args})${filtered ? ' FILTER (WHERE f)' : ''} OVER (${over}) AS x FROM ${table} ORDER BY i`;
}

/** Returns our results. The rows come sorted, as SQLite's table has them. */
function evaluate(window: Window): string[] {
  const {rows, ordered, frame, filtered, descending, nullsFirst} = window;
  const compare = comparator('binary');
  try {
    return evaluateWindow({
      rows: rows.length,
      peers: (a, b) => !ordered || compare((rows[a] as Row).key, (rows[b] as Row).key) === 0,
      orderValue: row => (rows[row] as Row).key,
      descending,
      nullsFirst,
      frame: frame ?? DEFAULT_FRAME,
      args: row => argsOf(window, (rows[row] as Row).value),
      ...(filtered ? {filter: (row: number) => (rows[row] as Row).kept} : {}),
      function: FUNCTIONS.get(window.name) as WindowFunction,
      context: contextOf('binary'),
    }).map(answerOf);
  } catch (error) {
    if (!isDbosError(error)) throw error;
    return [`error:${error.message}`];
  }
}

function sorted(rows: readonly Row[], descending: boolean, nullsFirst: boolean): Row[] {
  const compare = comparator('binary');
  return [...rows].sort((a, b) => {
    if (a.key === null || b.key === null) return a.key === b.key ? 0 : (a.key === null) === nullsFirst ? -1 : 1;
    return descending ? compare(b.key, a.key) : compare(a.key, b.key);
  });
}

const anyKey = fc.oneof(
  {weight: 6, arbitrary: fc.integer({min: 0, max: 6})},
  {weight: 1, arbitrary: fc.constantFrom<Value>(null, 'a', 'b', realCell(1.5), realCell(2), new Uint8Array([1]), -4)},
);
const anyNumber = fc.oneof(
  {weight: 6, arbitrary: fc.integer({min: -9, max: 99})},
  {weight: 1, arbitrary: fc.constantFrom<Value>(null, realCell(0.5), realCell(-2.25), 'x', '12')},
);
const anyRows = (key: fc.Arbitrary<Value>, value: fc.Arbitrary<Value>) =>
  fc.array(fc.record({key, value, kept: fc.boolean()}), {maxLength: 12});
const EDGES = ['unbounded preceding', 'preceding', 'current row', 'following', 'unbounded following'] as const;
const anyFrame = fc
  .record({
    unit: fc.constantFrom('rows' as const, 'range' as const, 'groups' as const),
    edges: fc.tuple(fc.integer({min: 0, max: 3}), fc.integer({min: 1, max: 4})).filter(([start, end]) => start <= end),
    offsets: fc.tuple(fc.integer({min: 0, max: 4}), fc.integer({min: 0, max: 4})),
    exclude: fc.constantFrom(
      'no others' as const,
      'no others' as const,
      'current row' as const,
      'group' as const,
      'ties' as const,
    ),
  })
  .map(({unit, edges, offsets, exclude}): WindowFrame => {
    const edge = (i: 0 | 1): FrameEdge => {
      const kind = EDGES[edges[i]] as (typeof EDGES)[number];
      return kind === 'preceding' || kind === 'following' ? {kind, offset: offsets[i]} : {kind};
    };
    return {unit, start: edge(0), end: edge(1), exclude};
  });

const anyCall: fc.Arbitrary<{name: string; others: readonly Value[]}> = fc.oneof(
  fc
    .constantFrom('count', 'sum', 'total', 'avg', 'min', 'max', 'group_concat', 'first_value', 'last_value')
    .map(name => ({name, others: []})),
  fc.constantFrom('row_number', 'rank', 'dense_rank', 'percent_rank', 'cume_dist').map(name => ({name, others: []})),
  fc.constantFrom('count', 'sum', 'min', 'max', 'group_concat', 'first_value').map(name => ({name, others: []})),
  fc.integer({min: 1, max: 4}).map(n => ({name: 'nth_value', others: [n]})),
  fc.integer({min: 1, max: 5}).map(n => ({name: 'ntile', others: [n]})),
  fc
    .constantFrom<readonly Value[]>([], [0], [2], [1, 'none'], [3, -1])
    .chain(others => fc.constantFrom('lag', 'lead').map(name => ({name, others}))),
  fc.constant({name: 'group_concat', others: ['; ']}),
);

const FILTERED = ['count', 'sum', 'total', 'avg', 'group_concat'];

const anyWindow: fc.Arbitrary<Window> = fc
  .record({
    rows: fc.oneof(anyRows(anyKey, anyNumber), anyRows(fc.integer({min: 0, max: 4}), fc.integer({min: 0, max: 50}))),
    call: anyCall,
    ordered: fc.integer({min: 0, max: 9}).map(n => n > 0),
    descending: fc.boolean(),
    nullsFirst: fc.boolean(),
    frame: fc.option(anyFrame, {nil: undefined, freq: 6}),
    filtered: fc.boolean(),
  })
  .map(({rows, call, ...rest}) => ({
    ...rest,
    ...call,
    // SQLite demands an order for these offsets.
    ordered: rest.ordered || rest.frame?.unit !== 'rows',
    rows: sorted(rows, rest.descending, rest.nullsFirst),
    // SQLite 3.40 forgets the FILTER of min() and max() in frames that slide.
    filtered: rest.filtered && FILTERED.includes(call.name),
  }));

function compareAll(windows: readonly Window[]): string[] {
  const before = windows.flatMap(({rows}, n) => [
    `CREATE TABLE t${n}(i INTEGER PRIMARY KEY, k, v, f);`,
    ...(rows.length === 0
      ? []
      : [
          `INSERT INTO t${n} VALUES ${rows.map((row, i) => `(${i}, ${literal(row.key)}, ${literal(row.value)}, ${row.kept})`).join(', ')};`,
        ]),
  ]);
  const queries = windows.map((window, n) => queryOf(window, `t${n}`));
  const theirs = askRows(queries, before);
  const wrong: string[] = [];
  for (const [n, window] of windows.entries()) {
    const ours = evaluate(window);
    const answers = theirs[n] as string[];
    const same =
      ours.length === answers.length && ours.every((answer, i) => agree(answer, answers[i] as string, 1e-14));
    if (!same)
      wrong.push(
        `${before.filter(line => line.includes(`t${n} `)).join('\n')}\n${queries[n]}\n  ours ${ours.join(' ')}\n  sqlite3 ${answers.join(' ')}`,
      );
  }
  return wrong;
}

test('sqlite3: window functions over random frames', t => {
  if (missing !== undefined) {
    t.pass(missing);
    return;
  }
  const windows = fc.sample(anyWindow, {numRuns: 4000, seed: 6});
  const wrong = compareAll(windows);
  t.is(wrong.length, 0, wrong.slice(0, 5).join('\n\n'));
});

test('sqlite3: aggregates', t => {
  if (missing !== undefined) {
    t.pass(missing);
    return;
  }
  const names = ['count', 'sum', 'total', 'avg', 'min', 'max', 'group_concat'];
  const anySample = fc.oneof(
    fc.constantFrom(...SAMPLES),
    fc.constantFrom<Value>(1, 2, null, '3', realCell(0.5), realCell(2)),
  );
  const anyNumbers = fc.oneof(
    fc.maxSafeInteger(),
    fc.constantFrom<Value>(2n ** 62n, -(2n ** 62n), 2n ** 63n - 1n, 1, -1, null),
  );
  const lists = [
    ...fc.sample(fc.array(anySample, {maxLength: 8}), {numRuns: 400, seed: 7}),
    ...fc.sample(fc.array(anyNumbers, {maxLength: 8}), {numRuns: 400, seed: 8}),
  ];
  const before = lists.flatMap((list, n) => [
    `CREATE TABLE t${n}(i INTEGER PRIMARY KEY, v);`,
    ...(list.length === 0
      ? []
      : [`INSERT INTO t${n} VALUES ${list.map((v, i) => `(${i}, ${literal(v)})`).join(', ')};`]),
  ]);
  const cases = lists.flatMap((list, n) =>
    names.map(name => ({list, name, query: `SELECT ${name}(v) AS x FROM t${n}`})),
  );
  const theirs = askRows(
    cases.map(({query}) => query),
    before,
  );
  const wrong: string[] = [];
  for (const [n, {list, name, query}] of cases.entries()) {
    const found = FUNCTIONS.get(name);
    if (found === undefined || !('create' in found)) throw new TypeError(name);
    const state = found.create(contextOf('binary'));
    for (const v of list) state.step(v);
    let ours: string;
    try {
      ours = answerOf(state.value());
    } catch (error) {
      ours = `error:${(error as Error).message}`;
    }
    if (!agree(ours, theirs[n]?.[0] as string, 1e-15))
      wrong.push(`${query} of ${list.map(literal).join(', ')}: ${ours}, sqlite3 ${theirs[n]}`);
  }
  t.deepEqual(wrong.slice(0, 20), []);
});

const NUMBERED: readonly Row[] = Array.from({length: 40}, (_, i) => ({
  key: Math.floor(i / 3),
  value: (i * 7) % 11,
  kept: i % 4 !== 0,
}));

function windowOf(name: string, frame: WindowFrame | undefined, others: readonly Value[] = []): Window {
  return {rows: NUMBERED, name, others, ordered: true, descending: false, nullsFirst: true, frame, filtered: false};
}

// of integers: a sum that had a REAL in it stays REAL when that has left the frame, as in SQLite
test('frames that slide give what computing each anew gives', t => {
  fc.assert(
    fc.property(anyWindow, window => {
      if (!AGGREGATE_FUNCTIONS.some(({name}) => name === window.name) || window.frame?.exclude !== 'no others') return;
      const real = FUNCTIONS.get(window.name) as WindowFunction;
      if (!('create' in real) || window.rows.some(({value}) => !Number.isSafeInteger(value))) return;
      const anew: WindowFunction = {
        ...real,
        name: 'anew',
        create: context => {
          const state = real.create(context);
          return {step: (...args) => state.step(...args), value: () => state.value()};
        },
      };
      FUNCTIONS.set('anew', anew);
      t.deepEqual(evaluate(window), evaluate({...window, name: 'anew'}));
    }),
    {numRuns: 2000},
  );
});

test('min() and max() heed FILTER in frames that slide', t => {
  const frame: WindowFrame = {
    unit: 'rows',
    start: {kind: 'preceding', offset: 1},
    end: {kind: 'current row'},
    exclude: 'no others',
  };
  const rows: Row[] = [5, 9, 1, 2].map((value, key) => ({key, value, kept: key !== 1}));
  const window = {...windowOf('max', frame), rows, filtered: true};
  t.deepEqual(evaluate(window), [5, 5, 1, 2].map(answerOf));
  t.deepEqual(evaluate({...window, name: 'min'}), [5, 5, 1, 1].map(answerOf));
});

test('of equal values min() and max() give the last of a frame that slides, the first of one that grows', t => {
  const rows: Row[] = ['a', 'A', 'A', 'a'].map((value, key) => ({key, value, kept: true}));
  const results = (name: string, start: FrameEdge) => {
    return evaluateWindow({
      rows: rows.length,
      peers: () => false,
      frame: {unit: 'rows', start, end: {kind: 'current row'}, exclude: 'no others'},
      args: row => [(rows[row] as Row).value],
      function: FUNCTIONS.get(name) as WindowFunction,
      context: contextOf('nocase'),
    });
  };
  for (const name of ['min', 'max']) {
    t.deepEqual(results(name, {kind: 'preceding', offset: 2}), ['a', 'A', 'A', 'a']);
    t.deepEqual(results(name, {kind: 'unbounded preceding'}), ['a', 'a', 'a', 'a']);
  }
});

test('separators that change leave with the values they stand before', t => {
  const values = ['a', 'b', null, 'c', 'd', 'e'];
  const frame: WindowFrame = {
    unit: 'rows',
    start: {kind: 'preceding', offset: 1},
    end: {kind: 'current row'},
    exclude: 'no others',
  };
  const results = evaluateWindow({
    rows: values.length,
    peers: () => false,
    frame,
    args: row => [values[row] as Value, row < 4 ? ',' : String(row)],
    function: FUNCTIONS.get('group_concat') as WindowFunction,
    context: contextOf('binary'),
  });
  t.deepEqual(results, ['a', 'a,b', 'b', 'c', 'c4d', 'd5e']);
});

test('wrong offsets and arguments are refused in the words of SQLite', t => {
  const frame = (unit: 'rows' | 'range' | 'groups', offset: Value, side: 'start' | 'end'): WindowFrame => ({
    unit,
    start: side === 'start' ? {kind: 'preceding', offset} : {kind: 'current row'},
    end: side === 'end' ? {kind: 'following', offset} : {kind: 'current row'},
    exclude: 'no others',
  });
  const offsets: readonly Value[] = [
    -1,
    null,
    'x',
    realCell(1.5),
    realCell(2),
    '2',
    '1.5',
    new Uint8Array([1]),
    2n ** 60n,
    realCell(-0.5),
    '-1',
  ];
  const windows = (['rows', 'range', 'groups'] as const).flatMap(unit =>
    (['start', 'end'] as const).flatMap(side => offsets.map(offset => windowOf('sum', frame(unit, offset, side)))),
  );
  windows.push(...offsets.map(offset => windowOf('nth_value', undefined, [offset])));
  windows.push(...offsets.map(offset => windowOf('ntile', undefined, [offset])));
  windows.push(
    ...offsets.flatMap(offset => [windowOf('lag', undefined, [offset]), windowOf('lead', undefined, [offset, 'none'])]),
  );
  if (missing === undefined) {
    const wrong = compareAll(windows);
    t.is(wrong.length, 0, wrong.slice(0, 5).join('\n\n'));
  }
  t.deepEqual(evaluate(windowOf('sum', frame('rows', -1, 'start'))), [
    'error:frame starting offset must be a non-negative integer.',
  ]);
  t.deepEqual(evaluate(windowOf('sum', frame('range', 'x', 'end'))), [
    'error:frame ending offset must be a non-negative number.',
  ]);
});

test('texts are compared by the collation of the call', t => {
  const values = ['b', 'A', 'a', 'B'];
  const state = (name: string, collation: CollationName) => {
    const found = FUNCTIONS.get(name) as WindowFunction;
    if (!('create' in found)) throw new TypeError(name);
    const accumulator = found.create(contextOf(collation));
    for (const v of values) accumulator.step(v);
    return accumulator.value();
  };
  t.is(state('max', 'binary'), 'b');
  t.is(state('max', 'nocase'), 'b');
  t.is(state('min', 'nocase'), 'A');
  t.is(state('min', 'binary'), 'A');
});
