/** What fsck says of indexes and definitions, and that commits of files keep the indexes of `files`. */
import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {ObjectId} from '../../src/objects/id.js';
import type {ObjectSink} from '../../src/objects/store.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import type {Problem} from '../../src/repo/fsck.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import type {CreateIndex, CreateTable} from '../../src/sql/ast.js';
import {defineIndex} from '../../src/sql/catalog/index-definition.js';
import {defineTable} from '../../src/sql/catalog/table-definition.js';
import {fsck} from '../../src/sql/fsck.js';
import {parseStatement} from '../../src/sql/parser/parser.js';
import {databaseOf} from '../../src/sql/repository-query.js';
import {WorkingState} from '../../src/sql/write/working-state.js';
import type {WorkingTable} from '../../src/sql/write/working-table.js';
import {writeDefinition} from '../../src/state/definition.js';
import {readState, writeState} from '../../src/state/state.js';
import {readTable, type Table, writeTable} from '../../src/state/table.js';
import {commitWorkTree} from '../../src/worktree/commit.js';
import {commitContent, makeRepo} from '../support/repo.js';

async function problemsOf(repo: Repository): Promise<Problem[]> {
  const problems: Problem[] = [];
  for await (const problem of fsck(repo)) problems.push(problem);
  return problems;
}

const PEOPLE = 'CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT UNIQUE, born INTEGER)';
const INDEXES = [
  'CREATE INDEX by_birth ON people(born DESC, name COLLATE NOCASE)',
  'CREATE INDEX initials ON people(substr(name, 1, 4)) WHERE born IS NOT NULL',
];

function fill(state: WorkingState): WorkingTable {
  const table = state.createTable(defineTable(parseStatement(PEOPLE) as CreateTable, PEOPLE));
  for (let i = 1; i <= 2000; i++) table.insert([i, `name ${i}`, i % 3 === 0 ? null : i % 50]);
  for (const sql of INDEXES) {
    state.createIndex('people', defineIndex(parseStatement(sql) as CreateIndex, sql, table.source()));
  }
  state.createTrigger('people', {
    name: 'watch',
    sql: 'CREATE TRIGGER watch AFTER INSERT ON people BEGIN SELECT 1; END',
  });
  state.createView('grown', 'CREATE VIEW grown AS SELECT name FROM people WHERE born < 20');
  return table;
}

/** Commits the state that `make` gives for that of HEAD. */
async function commitState(
  repo: Repository,
  make: (sink: ObjectSink, base: ObjectId | undefined) => ObjectId,
): Promise<ObjectId> {
  const {branch, commit: head} = repo.head();
  const transaction = repo.begin();
  const {objects} = transaction;
  const state = make(objects, head === undefined ? undefined : readCommit(objects, head).state);
  const parents = head === undefined ? [] : [head];
  const next = writeCommit(objects, commitContent(state, parents, 'change', repo.context.now()));
  const edit = {name: branchRef(branchName(branch as string)), expected: {kind: 'any'}, next} as const;
  await transaction.publish({kind: 'normal', refs: [edit]});
  return next;
}

async function makePeople(t: ExecutionContext) {
  const made = await makeRepo(t);
  await commitState(made.repo, (sink, base) => {
    const state = new WorkingState(sink, base);
    fill(state);
    return state.write();
  });
  return made;
}

/** Commits `people` with something changed that only who writes objects by hand could change. */
async function commitChanged(repo: Repository, change: (sink: ObjectSink, table: Table) => Table): Promise<ObjectId> {
  return commitState(repo, (sink, base) => {
    const tables = new Map(readState(sink, base as ObjectId));
    tables.set('people', writeTable(sink, change(sink, readTable(sink, tables.get('people') as ObjectId))));
    return writeState(sink, tables);
  });
}

test('a store with indexes, views and triggers is sound, version after version', async t => {
  const {repo} = await makePeople(t);
  for (let i = 0; i < 3; i++) {
    await commitState(repo, (sink, base) => {
      const state = new WorkingState(sink, base);
      const table = state.find('people') as WorkingTable;
      table.delete([7 + i]);
      table.replace([50 + i], [50 + i, `other ${i}`, null]);
      table.insert([5000 + i, `new ${i}`, i]);
      return state.write();
    });
  }
  t.deepEqual(await problemsOf(repo), []);
});

for (const first of [true, false]) {
  test(`an index that is not that of its table is found, ${first ? 'in the first version' : 'in a later one'}`, async t => {
    const {repo} = first ? await makeRepo(t) : await makePeople(t);
    await commitState(repo, (sink, base) => {
      const state = new WorkingState(sink, base);
      const table = first ? fill(state) : (state.find('people') as WorkingTable);
      const right = readTable(sink, readState(sink, state.write()).get('people') as ObjectId);
      table.replace([10], [10, 'name 10', 49]);
      const id = state.write();
      const changed = readTable(sink, readState(sink, id).get('people') as ObjectId);
      // the rows of one version, an index of the other
      const mixed = changed.indexes?.map(index => {
        return index.name === 'by_birth' ? (right.indexes?.find(each => each.name === 'by_birth') ?? index) : index;
      });
      return writeState(
        sink,
        new Map(readState(sink, id)).set('people', writeTable(sink, {...changed, indexes: mixed ?? []})),
      );
    });
    const problems = await problemsOf(repo);
    t.is(problems.length, 1);
    t.is(problems[0]?.kind, 'table');
    t.is(problems[0]?.table, 'people');
    t.regex(problems[0]?.message ?? '', /its index by_birth lacks 1 entry and has 1 wrong one\./);
    t.is(problems[0]?.commitCount, 1);
  });
}

test('what else can be wrong with indexes is found', async t => {
  const wrong: readonly (readonly [(sink: ObjectSink, table: Table) => Table, RegExp])[] = [
    [
      (_, table) => ({...table, indexes: table.indexes?.filter(index => index.name[0] !== 's') ?? []}),
      /lacks the index sqlite_autoindex_people_1/,
    ],
    [
      (_, table) => ({...table, indexes: table.indexes?.map(index => ({...index, rows: index.rows + 1})) ?? []}),
      /says 2001 rows/,
    ],
    [
      (_, table) => ({
        ...table,
        indexes:
          table.indexes?.map(index => ({...index, name: index.name === 'initials' ? 'other' : index.name})) ?? [],
      }),
      /index that its table does not have/,
    ],
    [
      (_, table) => {
        const [a, b] = table.indexes ?? [];
        return {...table, indexes: a && b ? [{...a, schema: b.schema}, b] : []};
      },
      /./,
    ],
    [
      (sink, table) => ({
        ...table,
        triggers: [
          {
            name: 'watch',
            id: writeDefinition(sink, {sql: 'CREATE TRIGGER other AFTER INSERT ON people BEGIN SELECT 1; END'}),
          },
        ],
      }),
      /defines another name/,
    ],
    [
      (sink, table) => ({...table, triggers: [{name: 'watch', id: writeDefinition(sink, {sql: 'CREATE TRIGGER'})}]}),
      /cannot be read/,
    ],
    [(_, table) => ({...table, triggers: [{name: 'watch', id: table.schema}]}), /is not a definition/],
  ];
  for (const [change, message] of wrong) {
    const {repo} = await makePeople(t);
    await commitChanged(repo, change);
    const problems = await problemsOf(repo);
    t.true(problems.length > 0, String(message));
    t.true(
      problems.some(problem => message.test(problem.message)),
      JSON.stringify(problems.map(problem => problem.message)),
    );
  }
});

test('a view that is none is found', async t => {
  const {repo} = await makePeople(t);
  await commitState(repo, (sink, base) => {
    const tables = new Map(readState(sink, base as ObjectId));
    return writeState(sink, tables.set('grown', writeDefinition(sink, {sql: 'CREATE VIEW other AS SELECT 1'})));
  });
  const problems = await problemsOf(repo);
  t.is(problems.length, 1);
  t.regex(problems[0]?.message ?? '', /defines another name/);
});

test('commits of files keep the indexes of files', async t => {
  const {repo, directory} = await makeRepo(t);
  const write = (name: string, text: string) => {
    mkdirSync(join(directory, 'd'), {recursive: true});
    writeFileSync(join(directory, 'd', name), text);
  };
  for (let i = 0; i < 300; i++) write(`f${i}`, 'x'.repeat(i));
  await commitWorkTree(repo, {message: 'files'});
  await commitState(repo, (sink, base) => {
    const state = new WorkingState(sink, base);
    for (const sql of [
      'CREATE INDEX by_size ON files(size)',
      "CREATE INDEX by_name ON files(name, mode) WHERE type = 'file'",
    ]) {
      state.createIndex('files', defineIndex(parseStatement(sql) as CreateIndex, sql, state.files().shape));
    }
    return state.write();
  });
  const query = databaseOf(repo).prepare('SELECT path FROM files WHERE size = 77');
  t.regex(query.explain(), /with index by_size/);
  t.deepEqual(query.all(), [['d/f77']]);
  write('f12', 'x'.repeat(77));
  rmSync(join(directory, 'd', 'f99'));
  await commitWorkTree(repo, {message: 'more'});
  const later = databaseOf(repo).prepare('SELECT path FROM files WHERE size = 77 ORDER BY path');
  t.regex(later.explain(), /with index by_size/);
  t.deepEqual(later.all(), [['d/f12'], ['d/f77']]);
  t.deepEqual(await problemsOf(repo), []);
});
