import type {ExecutionContext} from 'ava';
import test from 'ava';
import {formatId, type ObjectId, shortId} from '../../src/objects/id.js';
import {createBranch} from '../../src/repo/branches.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import {walk} from '../../src/repo/history.js';
import {listOperations} from '../../src/repo/operations.js';
import {createTag} from '../../src/repo/tags.js';
import {SYSTEM_TABLES} from '../../src/sql/catalog/names.js';
import {repositoryCatalog} from '../../src/sql/catalog/repository-catalog.js';
import {parseStatement} from '../../src/sql/parser/parser.js';
import {answer, SourcePending} from '../../src/sql/source.js';
import type {Value} from '../../src/sql/values/value.js';
import {commitContent, commitFiles, HOUR, makeRepo, moveHead, START} from '../support/repo.js';
import {commitTables, writeTables} from '../support/tables.js';
import {call, pick, readRows, table} from './sources.js';

async function threeCommits(t: ExecutionContext) {
  const {repo, clock, directory} = await makeRepo(t);
  const a = await commitFiles(repo, {'etc/hosts': '1'}, 'first\n\nwith a body');
  clock.advance(HOUR);
  const b = await commitFiles(repo, {'etc/hosts': '2', new: 'x'}, 'second');
  clock.advance(HOUR);
  const c = await commitFiles(repo, {new: 'x'}, 'third');
  clock.advance(HOUR);
  return {repo, clock, directory, a, b, c};
}

test('before the first commit there are tables without rows', async t => {
  const {repo} = await makeRepo(t);
  const catalog = repositoryCatalog(repo, {status: () => []});
  for (const name of SYSTEM_TABLES) {
    if (['operations', 'refs', 'tables', 'columns'].includes(name)) continue;
    t.deepEqual(await table(catalog, name), [], name);
  }
  t.deepEqual(await table(catalog, 'refs'), [
    {name: 'HEAD', kind: 'head', short_name: 'HEAD', commit_id: null, target: 'branches/main'},
  ]);
  t.deepEqual(await call(catalog, 'log'), []);
  t.deepEqual(await call(catalog, 'history', 'files'), []);
  t.deepEqual(await call(catalog, 'blame', 'files'), []);
  await t.throwsAsync(table(catalog, 'files', 'HEAD'), {code: 'NO_COMMITS'});
});

test('AS OF: any revision or time, each looked up once', async t => {
  const {repo, a, b} = await threeCommits(t);
  await createTag(repo, 'v1', a);
  const catalog = repositoryCatalog(repo);
  const names = async (revision?: string) => (await table(catalog, 'FILES', revision)).map(row => row.path).join(' ');
  t.is(await names(), 'new');
  t.is(await names('HEAD~1'), 'etc new etc/hosts');
  for (const revision of [
    'v1',
    'main~2',
    formatId(a),
    shortId(a),
    '2024-05-15 10:59',
    'main@{150 minutes ago}',
    '@{2}',
  ]) {
    t.is(await names(revision), 'etc etc/hosts', revision);
  }
  t.is(await names('90 minutes ago'), 'etc new etc/hosts');
  await t.throwsAsync(names('nowhere'), {code: 'REVISION_UNKNOWN'});
  await t.throwsAsync(names('2020-01-01'), {code: 'REVISION_UNKNOWN'});
  // the second question about a revision has its answer, and the same source
  t.is(catalog.findTable('files', 'v1'), catalog.findTable('files', formatId(a)));
  t.throws(() => catalog.findTable('files', 'main~1'), {instanceOf: SourcePending});
  const past = repositoryCatalog(repo, {at: 'HEAD~1'});
  t.deepEqual(pick(await table(past, 'files'), 'path'), [['etc'], ['new'], ['etc/hosts']]);
  t.deepEqual(pick(await call(past, 'log'), 'seq', 'id'), [
    [1, formatId(b)],
    [2, formatId(a)],
  ]);
});

test('a state can be read instead of a commit', async t => {
  const {repo} = await threeCommits(t);
  const transaction = repo.begin();
  const state = writeTables(transaction.objects, {a: '1'}, [['CREATE TABLE Notes(x)', [['n']]]]);
  await transaction.flush();
  const catalog = repositoryCatalog(repo, {state});
  t.deepEqual(pick(await table(catalog, 'files'), 'path'), [['a']]);
  t.deepEqual(pick(await table(catalog, 'NOTES'), 'x', 'rowid'), [['n', 1]]);
  t.is(catalog.findTable('nowhere'), undefined);
  t.true(catalog.names().includes('Notes'));
  t.deepEqual(pick(await call(catalog, 'diff', 'files', 'HEAD'), 'change', 'path'), [
    ['added', 'a'],
    ['deleted', 'new'],
  ]);
  t.deepEqual(pick(await call(catalog, 'diff', 'notes', 'HEAD'), 'change', 'rowid', 'new_x'), [['added', 1, 'n']]);
  t.deepEqual(await call(catalog, 'history', 'notes'), []);
});

test('AS OF a commit is what a checkout of it shows', async t => {
  const {repo, a, b, c} = await threeCommits(t);
  const read = async (revision?: string) => {
    const catalog = repositoryCatalog(repo);
    return readRows(await answer(() => catalog.findTable('files', revision)));
  };
  for (const commit of [a, b, c]) {
    const asOf = await read(formatId(commit));
    await moveHead(repo, {detached: commit});
    t.deepEqual(await read(), asOf);
  }
});

test('commits and their parents', async t => {
  const {repo, clock, a, b, c} = await threeCommits(t);
  await createBranch(repo, 'side', a);
  await moveHead(repo, 'side');
  const d = await commitFiles(repo, {side: '1'}, 'on the side');
  clock.advance(HOUR);
  const merge = repo.begin();
  const content = commitContent(readCommit(repo.objects, c).state, [c, d], 'merge', clock.time);
  const m = writeCommit(merge.objects, {
    ...content,
    author: {name: 'Eve', email: 'eve@x', time: START + 1, zone: -90},
    cause: 'save',
  });
  await merge.publish({kind: 'normal', head: {detached: m}});
  const catalog = repositoryCatalog(repo);
  const rows = await table(catalog, 'commits');
  t.deepEqual(rows[0], {
    id: formatId(m),
    short_id: shortId(m),
    author_name: 'Eve',
    author_email: 'eve@x',
    author_time: '2024-05-15 10:30:00.001',
    author_zone: -90,
    committer_name: 'Ada',
    committer_email: 'ada@example.org',
    committer_time: '2024-05-15 14:30:00.000',
    committer_zone: 0,
    message: 'merge',
    summary: 'merge',
    state: formatId(content.state),
    generation: 4,
    cause: 'save',
  });
  t.deepEqual(
    pick(rows, 'id'),
    [m, d, c, b, a].map(id => [formatId(id)]),
  );
  t.deepEqual(pick(rows.slice(-1), 'message', 'summary', 'cause'), [['first\n\nwith a body', 'first', null]]);
  t.deepEqual(
    pick(await table(catalog, 'commit_parents'), 'commit_id', 'position', 'parent_id'),
    [
      [m, 1, c],
      [m, 2, d],
      [d, 1, a],
      [c, 1, b],
      [b, 1, a],
    ].map(([x, i, y]) => [formatId(x as ObjectId), i as number, formatId(y as ObjectId)]),
  );
  const ids = async (name: string, ...args: string[]) => pick(await call(catalog, name, ...args), 'id').flat();
  const logged = [...walk(repo, {include: [m]})].map(({id}) => formatId(id));
  t.deepEqual(await ids('log'), logged);
  t.deepEqual(
    await ids('log', 'main'),
    [c, b, a].map(id => formatId(id)),
  );
  t.deepEqual(await ids('log', 'main..side'), [formatId(d)]);
  t.deepEqual(
    pick(await call(catalog, 'ancestors', 'HEAD'), 'depth', 'id'),
    [
      [0, m],
      [1, c],
      [1, d],
      [2, b],
      [2, a],
    ].map(([n, id]) => [n as number, formatId(id as ObjectId)]),
  );
  t.deepEqual(await ids('merge_base', 'main', 'side'), [formatId(a)]);
  t.throws(() => catalog.findFunction('log')?.bind([undefined]), {
    code: 'SQL_MISUSE',
    message: /must not depend on a row/,
  });
  t.throws(() => catalog.findFunction('log')?.bind([1]), {code: 'SQL_MISUSE'});
});

test('branches, tags, refs and operations', async t => {
  const {repo, a, b, c} = await threeCommits(t);
  await createBranch(repo, 'fix', b);
  await createTag(repo, 'light', a);
  await createTag(repo, 'v1', b, {message: 'release'});
  const catalog = repositoryCatalog(repo);
  t.deepEqual(pick(await table(catalog, 'branches'), 'name', 'commit_id', 'current'), [
    ['fix', formatId(b), 0],
    ['main', formatId(c), 1],
  ]);
  t.deepEqual(pick(await table(catalog, 'tags'), 'name', 'commit_id', 'tagger_name', 'tagger_time', 'message'), [
    ['light', formatId(a), null, null, null],
    ['v1', formatId(b), 'Ada', '2024-05-15 13:30:00.000', 'release'],
  ]);
  t.deepEqual(pick(await table(catalog, 'refs'), 'name', 'kind', 'short_name', 'commit_id'), [
    ['HEAD', 'head', 'HEAD', formatId(c)],
    ['branches/fix', 'branch', 'fix', formatId(b)],
    ['branches/main', 'branch', 'main', formatId(c)],
    ['tags/light', 'tag', 'light', formatId(a)],
    ['tags/v1', 'tag', 'v1', formatId(b)],
  ]);
  const operations = await table(catalog, 'operations');
  t.deepEqual(
    pick(operations, 'id'),
    [...listOperations(repo)].map(({id}) => [formatId(id)]),
  );
  t.deepEqual(
    pick(operations.slice(0, 1), 'seq', 'kind', 'description', 'command', 'head_before', 'head_after', 'target'),
    [[6, 'normal', 'create tag v1', 'dbos test', 'branches/main', 'branches/main', null]],
  );
  t.deepEqual(pick(operations.slice(-2), 'pid', 'transaction', 'sql', 'affected'), [
    [42, null, null, '[{"ref":"branches/main","table":"files","added":2,"modified":0,"deleted":0}]'],
    [42, null, null, '[]'],
  ]);
  t.deepEqual(pick(await call(catalog, 'operations_on', '/etc/hosts'), 'seq', 'operation'), [
    [3, operations.at(-4)?.id as string],
    [2, operations.at(-3)?.id as string],
    [1, operations.at(-2)?.id as string],
  ]);
  t.deepEqual(await call(catalog, 'operations_on', 'nowhere'), []);
  t.throws(() => catalog.findFunction('operations_on')?.bind([1]), {code: 'SQL_MISUSE'});
  t.deepEqual(pick(await table(catalog, 'operation_refs'), 'seq', 'ref', 'before', 'after').slice(-2), [
    [2, 'branches/main', formatId(a), formatId(b)],
    [1, 'branches/main', null, formatId(a)],
  ]);
  for (const name of ['commits', 'branches', 'status', 'operation_refs']) {
    t.throws(() => catalog.findTable(name, 'HEAD'), {code: 'SQL_UNSUPPORTED', message: /has no versions/}, name);
  }
});

test('status comes from whoever knows the work tree', async t => {
  const {repo} = await threeCommits(t);
  t.throws(() => repositoryCatalog(repo).findTable('status'), {code: 'SQL_UNSUPPORTED'});
  let asked = 0;
  const status = async () => {
    asked++;
    return [
      {path: 'a', change: 'added', type: 'file'},
      {path: 'b', change: 'deleted'},
    ];
  };
  const catalog = repositoryCatalog(repo, {status});
  await table(catalog, 'files');
  t.is(asked, 0);
  const expected = [
    {path: 'a', change: 'added', type: 'file'},
    {path: 'b', change: 'deleted', type: null},
  ];
  // what a table is does not depend on its rows
  const listed = catalog.findFunction('pragma_table_list')?.bind([]).call([]) ?? [];
  t.true([...listed].some(([, name]) => name === 'status'));
  t.deepEqual(await table(catalog, 'status'), expected);
  t.deepEqual(await table(catalog, 'STATUS'), expected);
  t.is(asked, 1);
});

test('what tables there are', async t => {
  const {repo} = await makeRepo(t);
  const sql = `CREATE TABLE Notes(b TEXT DEFAULT 'x' NOT NULL, a INT, PRIMARY KEY(a))`;
  await commitTables(repo, {f: '1'}, [
    [
      sql,
      [
        ['p', 1],
        ['q', 2],
      ],
    ],
    ['CREATE TABLE plain(z)', []],
  ]);
  const view = 'CREATE VIEW recent AS SELECT 1';
  const catalog = repositoryCatalog(repo, {views: new Map([['recent', view]])});
  t.deepEqual(pick(await table(catalog, 'tables'), 'name', 'kind', 'rows', 'columns'), [
    ['files', 'table', 1, 15],
    ['Notes', 'table', 2, 2],
    ['plain', 'table', 0, 1],
    ['recent', 'view', null, null],
  ]);
  const columns = (await table(catalog, 'columns')).filter(row => row.table_name !== 'files');
  t.deepEqual(columns, [
    {
      table_name: 'Notes',
      position: 1,
      name: 'b',
      type: 'TEXT',
      affinity: 'TEXT',
      collation: 'BINARY',
      not_null: 1,
      default_value: "'x'",
      key_position: null,
    },
    {
      table_name: 'Notes',
      position: 2,
      name: 'a',
      type: 'INT',
      affinity: 'INTEGER',
      collation: 'BINARY',
      not_null: 1,
      default_value: null,
      key_position: 1,
    },
    {
      table_name: 'plain',
      position: 1,
      name: 'z',
      type: '',
      affinity: 'BLOB',
      collation: 'BINARY',
      not_null: 0,
      default_value: null,
      key_position: null,
    },
  ]);
  const schema = await table(catalog, 'sqlite_master');
  t.deepEqual(pick(schema, 'type', 'name'), [
    ['table', 'files'],
    ['table', 'Notes'],
    ['table', 'plain'],
    ['view', 'recent'],
  ]);
  t.deepEqual(pick(schema.slice(1), 'sql'), [[sql], ['CREATE TABLE plain(z)'], [view]]);
  t.notThrows(() => parseStatement(`${schema[0]?.sql}`));
  t.deepEqual(
    pick(await call(catalog, 'pragma_table_info', 'NOTES'), 'cid', 'name', 'type', 'notnull', 'dflt_value', 'pk'),
    [
      [0, 'b', 'TEXT', 1, "'x'", 0],
      [1, 'a', 'INT', 0, null, 1],
    ],
  );
  t.deepEqual(pick(await call(catalog, 'pragma_table_info', 'RECENT'), 'cid', 'name', 'type'), [[0, '1', '']]);
  t.is((await call(catalog, 'pragma_table_info', 'commits')).length, 15);
  t.deepEqual(await call(catalog, 'pragma_table_info', 'nowhere'), []);
  const listed = await call(catalog, 'pragma_table_list');
  t.deepEqual(pick(listed.slice(0, 4), 'name', 'type', 'ncol', 'wr'), [
    ['files', 'table', 15, 1],
    ['Notes', 'table', 2, 0],
    ['plain', 'table', 1, 0],
    ['recent', 'view', 0, 0],
  ]);
  t.true(listed.some(row => row.name === 'commits' && row.type === 'virtual'));
  t.deepEqual(catalog.findTable('RECENT'), {kind: 'view', name: 'recent', sql: view});
  await commitTables(repo, {f: '1'}, [['CREATE TABLE other(z)', []]]);
  const later = repositoryCatalog(repo);
  t.deepEqual(pick(await table(later, 'tables', 'HEAD~1'), 'name'), [['files'], ['Notes'], ['plain']]);
  t.deepEqual(pick(await table(later, 'sqlite_schema'), 'name'), [['files'], ['other']]);
});

test('generate_series counts as the shell of SQLite does', async t => {
  const {repo} = await makeRepo(t);
  const catalog = repositoryCatalog(repo);
  const series = async (...args: Value[]) => pick(await call(catalog, 'generate_series', ...args), 'value').flat();
  t.deepEqual(await series(1, 5), [1, 2, 3, 4, 5]);
  t.deepEqual(await series(5, 1), []);
  t.deepEqual(await series(5, 1, -2), [5, 3, 1]);
  t.deepEqual(await series(1, 3, 0), [1, 2, 3]);
  t.deepEqual(await series(1, null), []);
  t.deepEqual(await series('2', 3.9), [2, 3]);
  t.deepEqual(await series(2n ** 63n - 2n, 2n ** 63n - 1n), [2n ** 63n - 2n, 2n ** 63n - 1n]);
  const [first] = await call(catalog, 'generate_series', 1, 9, 3);
  t.deepEqual(first, {value: 1, start: 1, stop: 9, step: 3});
});
