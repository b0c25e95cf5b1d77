import test from 'ava';
import fc from 'fast-check';
import {formatId, type ObjectId} from '../../src/objects/id.js';
import type {ObjectSink} from '../../src/objects/store.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import {walk} from '../../src/repo/history.js';
import {pathHistory} from '../../src/repo/pathhistory.js';
import type {Repository} from '../../src/repo/repository.js';
import {repositoryCatalog} from '../../src/sql/catalog/repository-catalog.js';
import type {Value} from '../../src/sql/values/value.js';
import {Real} from '../../src/tree/cell.js';
import {commitContent, commitFiles, type Files, makeRepo, START, writeFiles} from '../support/repo.js';
import {commitTables, type Made, writeTables} from '../support/tables.js';
import {call, type Named, pick, table} from './sources.js';

const CREATE = 'CREATE TABLE t(k TEXT COLLATE NOCASE, n INTEGER, v, w TEXT, PRIMARY KEY(k, n))';

/** One commit of a random history: on which earlier ones, and what it changes. */
interface Step {
  readonly parents: readonly number[];
  readonly edits: readonly (readonly [key: number, value: number])[];
}

const step = fc.record({
  parents: fc.array(fc.nat(), {minLength: 1, maxLength: 2}),
  edits: fc.array(fc.tuple(fc.nat(11), fc.nat(4)), {maxLength: 5}),
});
const steps = fc.array(step, {minLength: 1, maxLength: 14});

const PATHS = ['a', 'b', 'd/a', 'd/b', 'd/e/a', 'd/e/b', 'd-/a', 'é', 'z', 'd/e-', 'x/y/z', 'x/y'];

/** Returns what a commit holds: for each key a value, 0 for none. */
function contentsOf(
  list: readonly Step[],
): {readonly parents: readonly number[]; readonly values: readonly number[]}[] {
  const commits: {parents: number[]; values: number[]}[] = [];
  for (const [i, {parents, edits}] of list.entries()) {
    const chosen = i === 0 ? [] : [...new Set(parents.map(parent => parent % i))];
    const values = [...(commits[chosen[0] ?? -1]?.values ?? PATHS.map(() => 0))];
    for (const [key, value] of edits) values[key] = value;
    commits.push({parents: chosen, values});
  }
  return commits;
}

function filesOf(values: readonly number[]): Files {
  // a path cannot be a file and a directory
  const present = PATHS.filter((_, i) => values[i] !== 0);
  return Object.fromEntries(
    PATHS.flatMap((path, i) =>
      values[i] === 0 || present.some(other => other.startsWith(`${path}/`)) ? [] : [[path, `${values[i]}`]],
    ),
  );
}

function rowsOf(values: readonly number[]): Value[][] {
  return values.flatMap((value, i) =>
    value === 0 ? [] : [[`K${Math.floor(i / 3)}`, i % 3, value, value > 2 ? 'x'.repeat(value * 700) : null]],
  );
}

async function write(
  repo: Repository,
  list: readonly Step[],
  stateOf: (objects: ObjectSink, values: readonly number[]) => ObjectId,
) {
  const transaction = repo.begin();
  const ids: ObjectId[] = [];
  for (const [i, {parents, values}] of contentsOf(list).entries()) {
    const state = stateOf(transaction.objects, values);
    const ancestors = parents.map(parent => ids[parent] as ObjectId);
    ids.push(writeCommit(transaction.objects, commitContent(state, ancestors, `commit ${i}`, START + i * 1000)));
  }
  await transaction.publish({kind: 'normal', head: {detached: ids.at(-1) as ObjectId}});
  return ids;
}

const withBoth = (objects: ObjectSink, values: readonly number[]) =>
  writeTables(objects, filesOf(values), [[CREATE, rowsOf(values)]]);

/** Returns the rows of a but not of b, but for some columns. */
function except(a: readonly Named[], b: readonly Named[], leave: readonly string[]): Named[] {
  const text = (row: Named) =>
    JSON.stringify(
      Object.entries(row).map(([name, value]) =>
        leave.includes(name) ? 0 : typeof value === 'bigint' ? `${value}` : value,
      ),
    );
  const there = new Set(b.map(text));
  return a.filter(row => !there.has(text(row)));
}

test('diff() is the set difference both ways, and diff_stat() counts it', async t => {
  const {repo} = await makeRepo(t);
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), fc.nat(), async (list, x, y) => {
      const ids = await write(repo, list, withBoth);
      const catalog = repositoryCatalog(repo);
      const from = formatId(ids[x % ids.length] as ObjectId);
      const to = formatId(ids[y % ids.length] as ObjectId);
      const counts: Value[][] = [];
      for (const [name, keys, leave] of [
        ['files', ['path', 'dir', 'name'], ['mtime', 'mtime_ns']],
        ['t', ['k', 'n'], []],
      ] as const) {
        const before = await table(catalog, name, from);
        const after = await table(catalog, name, to);
        const changes = await call(catalog, name === 't' ? 'DIFF'.toLowerCase() : 'diff', name, from, to);
        const side = (prefix: string, kinds: readonly string[]) =>
          changes
            .filter(row => kinds.includes(row.change as string))
            .map(row =>
              Object.fromEntries(
                Object.keys(before[0] ?? after[0] ?? {}).map(column => [
                  column,
                  (keys as readonly string[]).includes(column) ? row[column] : row[`${prefix}_${column}`],
                ]),
              ),
            ) as Named[];
        t.deepEqual(side('old', ['deleted', 'modified']), except(before, after, leave));
        t.deepEqual(side('new', ['added', 'modified']), except(after, before, leave));
        const keyOf = (row: Named) => JSON.stringify(keys.map(key => row[key] as Value));
        t.is(new Set(changes.map(keyOf)).size, changes.length, 'each row once');
        const count = (change: string) => changes.filter(row => row.change === change).length;
        if (changes.length > 0) counts.push([name, count('added'), count('modified'), count('deleted')]);
      }
      t.deepEqual(
        pick(await call(catalog, 'diff_stat', from, to), 'table_name', 'added', 'modified', 'deleted'),
        counts,
      );
    }),
    {numRuns: 25},
  );
});

test('history() of a path is that of pathHistory, and of any key what comparing all commits gives', async t => {
  const {repo} = await makeRepo(t);
  await fc.assert(
    fc.asyncProperty(steps, async list => {
      const ids = await write(repo, list, withBoth);
      const head = ids.at(-1) as ObjectId;
      const catalog = repositoryCatalog(repo);
      // of a directory pathHistory tells what happened below it too
      for (const path of [...PATHS.filter(each => each !== 'x/y'), 'nowhere']) {
        const entries = [...pathHistory(repo, {include: [head]}, [path])].flatMap(({id, changes}) =>
          [...changes]
            .filter(change => change.path === path)
            .map(({before, after}) => [
              formatId(id),
              before ? (after ? 'modified' : 'deleted') : 'added',
              after?.content?.size ?? null,
            ]),
        );
        t.deepEqual(pick(await call(catalog, 'history', 'files', path), 'commit_id', 'change', 'size'), entries, path);
      }
      const states = contentsOf(list);
      const at = new Map(ids.map((id, i) => [id, i]));
      // the same state may make the same commit twice
      const expected: Value[][] = [];
      for (const {id} of walk(repo, {include: [head]})) {
        const {parents, values} = states[at.get(id) as number] as (typeof states)[number];
        for (const [key, value] of values.entries()) {
          const before = parents.map(parent => states[parent]?.values[key] as number);
          if (before.length === 0) before.push(0);
          if (before.includes(value)) continue;
          const change = before[0] === 0 ? 'added' : value === 0 ? 'deleted' : 'modified';
          expected.push([formatId(id), change, `K${Math.floor(key / 3)}`, key % 3, value === 0 ? null : value]);
        }
      }
      const columns = ['commit_id', 'change', 'k', 'n', 'v'];
      const key = (k: number) => expected.filter(row => row[2] === `K${Math.floor(k / 3)}` && row[3] === k % 3);
      for (let k = 0; k < 12; k++) {
        const rows = await call(catalog, 'history', 'T', `k${Math.floor(k / 3)}`, `${k % 3}`);
        t.deepEqual(pick(rows, ...columns), key(k));
        for (const row of rows)
          t.is(row.w, row.v === null || (row.v as number) <= 2 ? null : 'x'.repeat((row.v as number) * 700));
      }
      // of more than one row: what a merge took from either side of it is not all in it, so only lines of commits agree
      if (states.every(({parents}) => parents.length < 2)) {
        t.deepEqual(pick(await call(catalog, 'history', 't'), ...columns), expected);
        t.deepEqual(
          pick(await call(catalog, 'history', 't', 'K1'), ...columns),
          expected.filter(row => row[2] === 'K1'),
        );
      }
      t.deepEqual(await call(catalog, 'history', 't', null), []);
    }),
    {numRuns: 25},
  );
});

test('blame() finds for every row the commit that made it so', async t => {
  const {repo} = await makeRepo(t);
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), async (list, which) => {
      const ids = await write(repo, list, withBoth);
      const catalog = repositoryCatalog(repo);
      const states = contentsOf(list);
      const at = new Map(ids.map((id, i) => [id, i]));
      const start = ids[which % ids.length] as ObjectId;
      const origin = (commit: number, key: number): number => {
        const {parents, values} = states[commit] as (typeof states)[number];
        const same = parents.find(parent => states[parent]?.values[key] === values[key]);
        return same === undefined ? commit : origin(same, key);
      };
      const expected = (states[at.get(start) as number] as (typeof states)[number]).values.flatMap((value, key) =>
        value === 0
          ? []
          : [[`K${Math.floor(key / 3)}`, key % 3, formatId(ids[origin(at.get(start) as number, key)] as ObjectId)]],
      );
      const revision = formatId(start);
      t.deepEqual(pick(await call(catalog, 'blame', 't', revision), 'k', 'n', 'commit_id'), expected);
      const blamed = await call(catalog, 'blame', 'files', revision);
      t.deepEqual(pick(blamed, 'path'), pick(await table(catalog, 'files', revision), 'path'));
      for (const row of blamed) {
        const [last] = await call(catalog, 'history', 'files', row.path as string);
        if (start === ids.at(-1) && states.every(({parents}) => parents.length < 2))
          t.is(row.commit_id, last?.commit_id as Value);
      }
    }),
    {numRuns: 25},
  );
});

test('a new time alone is no change of a file', async t => {
  const {repo} = await makeRepo(t);
  const transaction = repo.begin();
  const a = writeFiles(transaction.objects, {f: '1', g: '1'});
  const first = writeCommit(transaction.objects, commitContent(a, [], 'a', START));
  const {editFiles, filesTable, findFile, FILES_TABLE} = await import('../../src/state/files.js');
  const {writeState} = await import('../../src/state/state.js');
  const {writeTable} = await import('../../src/state/table.js');
  const {filesRootOf} = await import('../../src/repo/filesroot.js');
  const root = filesRootOf(transaction.objects, a);
  const f = findFile(transaction.objects, root, 'f');
  const later = f && {...f, mtime: 5n};
  const edited = editFiles(transaction.objects, root, [
    {path: 'f', file: later ?? null},
    {path: 'g', file: null},
  ]);
  const b = writeState(
    transaction.objects,
    new Map([[FILES_TABLE, writeTable(transaction.objects, filesTable(transaction.objects, edited))]]),
  );
  const second = writeCommit(transaction.objects, commitContent(b, [first], 'b', START + 1));
  await transaction.publish({kind: 'normal', head: {detached: second}});
  const catalog = repositoryCatalog(repo);
  t.deepEqual(pick(await call(catalog, 'diff', 'files', 'HEAD~1'), 'change', 'path'), [['deleted', 'g']]);
  t.deepEqual(pick(await call(catalog, 'history', 'files', 'f'), 'change'), [['added']]);
  t.deepEqual(pick(await call(catalog, 'blame', 'files'), 'path', 'commit_id'), [['f', formatId(first)]]);
});

test('versions of a table are compared across a change of its columns or its key', async t => {
  const {repo} = await makeRepo(t);
  const rows: Made = [
    'CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)',
    [
      [1, 'x', 'p'],
      [2, 'y', 'q'],
      [3, 'z', 'r'],
    ],
  ];
  const a = await commitTables(repo, {}, [rows], 'a');
  const b = await commitTables(
    repo,
    {},
    [
      [
        'CREATE TABLE t(id INTEGER PRIMARY KEY, c TEXT, a)',
        [
          [1, null, 'x'],
          [2, 'new', 'y'],
          [4, 'n', 'w'],
        ],
      ],
    ],
    'b',
  );
  const c = await commitTables(repo, {}, [['CREATE TABLE t(c TEXT PRIMARY KEY, id)', [['new', 2]]]], 'c');
  const d = await commitTables(repo, {}, [], 'd');
  const catalog = repositoryCatalog(repo);
  const diff = await call(catalog, 'diff', 't', 'HEAD~3', 'HEAD~2');
  t.deepEqual(diff, [
    {change: 'modified', id: 1, old_c: null, old_a: 'x', old_b: 'p', new_c: null, new_a: 'x', new_b: null},
    {change: 'modified', id: 2, old_c: null, old_a: 'y', old_b: 'q', new_c: 'new', new_a: 'y', new_b: null},
    {change: 'deleted', id: 3, old_c: null, old_a: 'z', old_b: 'r', new_c: null, new_a: null, new_b: null},
    {change: 'added', id: 4, old_c: null, old_a: null, old_b: null, new_c: 'n', new_a: 'w', new_b: null},
  ]);
  const rekeyed = await call(catalog, 'diff', 't', 'HEAD~2', 'HEAD~1');
  t.deepEqual(pick(rekeyed, 'change', 'c', 'old_id', 'new_id'), [
    ['deleted', null, 1, null],
    ['deleted', 'new', 2, null],
    ['deleted', 'n', 4, null],
    ['added', 'new', null, 2],
  ]);
  t.deepEqual(pick(await call(catalog, 'diff', 't', 'HEAD~1'), 'change', 'c', 'old_id'), [['deleted', 'new', 2]]);
  t.deepEqual(await call(catalog, 'diff_stat', 'HEAD~1'), [{table_name: 't', added: 0, modified: 0, deleted: 1}]);
  t.deepEqual(
    pick(await call(catalog, 'history', 't'), 'commit_id', 'change', 'c', 'id').map(([id, ...rest]) => [id, ...rest]),
    [
      [d, 'deleted', 'new', null],
      [c, 'deleted', null, null],
      [c, 'deleted', 'new', null],
      [c, 'deleted', 'n', null],
      [c, 'added', 'new', 2],
      [b, 'modified', null, 1],
      [b, 'modified', 'new', 2],
      [b, 'deleted', null, null],
      [b, 'added', 'n', 4],
      [a, 'added', null, 1],
      [a, 'added', null, 2],
      [a, 'added', null, 3],
    ].map(([id, ...rest]) => [formatId(id as ObjectId), ...rest]),
  );
  t.deepEqual(pick(await call(catalog, 'blame', 't', 'HEAD~1'), 'c', 'commit_id'), [['new', formatId(c)]]);
  t.deepEqual(pick(await call(catalog, 'blame', 't', 'HEAD~2'), 'id', 'commit_id'), [
    [1, formatId(b)],
    [2, formatId(b)],
    [4, formatId(b)],
  ]);
  // only the text of the definition changed
  await commitTables(repo, {}, [rows], 'e');
  await commitTables(
    repo,
    {},
    [
      [
        'CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b)',
        [
          [1, 'x', 'p'],
          [2, 'y', 'q'],
          [3, 'z', 'R'],
        ],
      ],
    ],
    'f',
  );
  const later = repositoryCatalog(repo);
  t.deepEqual(pick(await call(later, 'diff', 't', 'HEAD~1'), 'change', 'id', 'old_b', 'new_b'), [
    ['modified', 3, 'r', 'R'],
  ]);
});

test('what cannot be compared says so', async t => {
  const {repo} = await makeRepo(t);
  await commitTables(repo, {}, [['CREATE TABLE notes(a, change, commit_id, PRIMARY KEY(a))', [[new Real(1), 2, 3]]]]);
  await commitFiles(repo, {f: '1'});
  const catalog = repositoryCatalog(repo);
  await t.throwsAsync(call(catalog, 'diff', 'note', 'HEAD~1'), {
    code: 'TABLE_UNKNOWN',
    message: 'no such table: note.',
  });
  await t.throwsAsync(call(catalog, 'diff', 'commits', 'HEAD~1'), {code: 'SQL_UNSUPPORTED'});
  await t.throwsAsync(call(catalog, 'blame', 'tables'), {code: 'SQL_UNSUPPORTED'});
  await t.throwsAsync(call(catalog, 'history', 'files', 'a', 'b'), {code: 'SQL_MISUSE'});
  await t.throwsAsync(call(catalog, 'history', 1), {code: 'SQL_MISUSE'});
  await t.throwsAsync(call(catalog, 'diff', 'files', 'nowhere'), {code: 'REVISION_UNKNOWN'});
  // a column of the table that has the name of one of ours
  const [row] = await call(catalog, 'history', 'notes', 1);
  t.deepEqual([row?.change, row?.a, row?.row_change, row?.row_commit_id], ['deleted', new Real(1), null, null]);
  t.is(readCommit(repo.objects, repo.head().commit as ObjectId).generation, 2);
});

test('columns that nobody reads are not read', async t => {
  const {repo} = await makeRepo(t);
  await commitFiles(repo, {f: '1'});
  await commitFiles(repo, {f: '2'});
  const catalog = repositoryCatalog(repo);
  await call(catalog, 'diff', 'files', 'HEAD~1');
  const bound = catalog.findFunction('diff')?.bind(['files', 'HEAD~1']);
  const used = bound?.columns.map(({name}) => name === 'path' || name === 'new_content');
  const [row] = bound?.call(['files', 'HEAD~1'], used) ?? [];
  t.deepEqual(
    row?.map((value, i) => [bound?.columns[i]?.name, value]).filter(([, value]) => value !== null),
    [
      ['change', 'modified'],
      ['path', 'f'],
      ['new_content', '2'],
    ],
  );
});
