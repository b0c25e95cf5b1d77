import {createCipheriv} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import test, {type ExecutionContext} from 'ava';
import {encodeText} from '../../src/bytes.js';
import {formatId, idOf, idToBytes, type ObjectId, shortId} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import type {ObjectSink} from '../../src/objects/store.js';
import {createBranch, deleteBranch} from '../../src/repo/branches.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import type {OpenTransaction, ReadRange} from '../../src/repo/opentransaction.js';
import {
  beginTransaction,
  changeTransaction,
  listOpenTransactions,
  rollbackTransaction,
} from '../../src/repo/opentransactions.js';
import {listOperations} from '../../src/repo/operations.js';
import {refHistory} from '../../src/repo/refhistory.js';
import {branchName, branchRef, listRefs, type RefName, TRANSACTIONS} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {createTag} from '../../src/repo/tags.js';
import {planRedo, planUndo} from '../../src/repo/undo.js';
import type {CreateIndex, CreateTable} from '../../src/sql/ast.js';
import {defineIndex} from '../../src/sql/catalog/index-definition.js';
import {defineTable} from '../../src/sql/catalog/table-definition.js';
import {parseStatement} from '../../src/sql/parser/parser.js';
import {WorkingState} from '../../src/sql/write/working-state.js';
import {isView} from '../../src/state/definition.js';
import {editFiles, FILES_TABLE, type FileRow, filesTable} from '../../src/state/files.js';
import {newSchema, readSchema, type Schema, treeSpec, writeSchema} from '../../src/state/schema.js';
import {readState, writeState} from '../../src/state/state.js';
import {readTable, writeTable} from '../../src/state/table.js';
import {encodeXattrs} from '../../src/state/xattrs.js';
import {addRemote, renameRemote} from '../../src/sync/remotes.js';
import {BodyWriter} from '../../src/tree/bodies.js';
import {buildTree} from '../../src/tree/builder.js';
import {type Cell, ContentRef, Real, type Row} from '../../src/tree/cell.js';
import {readWhole} from '../../src/tree/content.js';
import {encodeKey} from '../../src/tree/key.js';
import {scanRows} from '../../src/tree/read.js';
import type {Collation} from '../../src/tree/spec.js';
import {Clock, commitContent, HOUR, testContext} from '../support/repo.js';
import {makeTmpDir} from '../support/tmp.js';
import {random} from '../tree/samples.js';
import {
  attributesOf,
  type Change,
  cidOf,
  decodeVector,
  GEAR,
  keyOf,
  met,
  murmur3,
  Reader,
  type Reference,
  type Value,
} from './independent-reader.js';

const PAGE = readFileSync(new URL('../../../docs/format.md', import.meta.url), 'utf8');

/** What the reader gives for a cell. */
function asValue(cell: Cell): Value {
  if (cell === null || typeof cell === 'bigint') return cell;
  if (typeof cell === 'number') return Number.isSafeInteger(cell) ? BigInt(cell) : cell;
  if (typeof cell === 'string') return {text: encodeText(cell)};
  if (cell instanceof Real) return cell.value;
  if (!(cell instanceof ContentRef)) return {blob: Buffer.from(cell)};
  const {id, size, chunked, text} = cell;
  return {ref: {id: hex(id), size, chunked, text}};
}

function hex(id: ObjectId): string {
  return idToBytes(id).toString('hex');
}

function noise(length: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(length));
}

const ASCENDING = {collation: 'binary', descending: false} as const;

/** A file with the fields that a test does not care about. */
function file(path: string, fields: Partial<FileRow>): FileRow {
  const owner = {uid: 1000, gid: 100, user: 'ada', group: null, mtime: 1_700_000_000_123_456_789n};
  return {...owner, path, type: 'file', mode: 0o644, content: null, target: null, link: null, xattrs: null, ...fields};
}

const DELETED = 'topic/nr-7';

/** Bodies of all sizes, by path. */
const BODIES: Readonly<Record<string, Buffer>> = {
  'sizes/0': Buffer.alloc(0),
  'sizes/1': Buffer.from('1'),
  'sizes/text': Buffer.from('one line like the other\n'.repeat(2000)),
  'sizes/65536': noise(65_536, 1),
  'sizes/65537': noise(65_537, 2),
  'sizes/zeros': Buffer.alloc(3_000_000),
  // the list of its chunks is cut after the 257th
  'sizes/huge': noise(17_000_000, 8),
};

function writeManyFiles(sink: ObjectSink): ObjectId {
  const bodies = new BodyWriter(sink);
  const rows: FileRow[] = [
    file('sizes', {type: 'dir', mode: 0o1755}),
    file('odd', {type: 'dir', mode: 0o755, xattrs: encodeXattrs(new Map([['user.a', Buffer.from([0, 1])]]))}),
    file('odd/\udcff\udc80 name', {content: bodies.write(Buffer.from('not UTF-8'), false)}),
    file('odd/ünï – 文', {content: bodies.write(Buffer.from('UTF-8'), false), link: 'odd/ünï – 文'}),
    file('odd/link', {type: 'symlink', mode: 0o777, target: '../\udcfe'}),
    file('odd/pipe', {type: 'fifo', mode: 0o600, xattrs: bodies.write(noise(2000, 4), false)}),
    file('odd/zz', {content: bodies.write(Buffer.from('UTF-8'), false), link: 'odd/ünï – 文', mode: 0o4755}),
  ];
  for (const [path, body] of Object.entries(BODIES)) rows.push(file(path, {content: bodies.write(body, false)}));
  for (let i = 0; i < 40; i++) rows.push(file(`many${i}`, {type: 'dir', mode: 0o755}));
  for (let i = 0; i < 4000; i++) {
    const content = bodies.write(Buffer.from(`body ${i}`), false);
    rows.push(file(`many${i % 40}/file ${i}`, {content, mtime: BigInt(i) * 10n ** 12n, mode: i % 9 ? 0o644 : 0o755}));
  }
  bodies.flush();
  const root = editFiles(
    sink,
    null,
    rows.map(row => ({path: row.path, file: row})),
  );
  return writeTable(sink, filesTable(sink, root));
}

/** Columns that between them have every kind of vector, in leaves of few rows. */
const KINDS_SCHEMA: Schema = {
  columns: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'].map((name, i) => ({
    name,
    type: i % 2 ? 'TEXT' : '',
    notNull: i === 0,
  })),
  key: [
    {collation: 'nocase', descending: true},
    {collation: 'rtrim', descending: false},
  ],
  leafRows: 24,
  innerRows: 5,
};

function kindRows(bodies: BodyWriter): Row[] {
  const next = random(11);
  const pick = <T>(...from: T[]) => from[Math.floor(next() * from.length)] as T;
  const rows = Array.from({length: 900}, (_, i): Row => {
    const large = next() < 0.5;
    return [
      `Key ${String.fromCharCode(97 + (i % 26))}\u0001\0${i}`,
      pick<Cell>(null, 'x ', i, i + 0.5, 2n ** 62n + BigInt(i), -(2n ** 60n) - 1n, Buffer.from([0, 1, 2, i & 255])),
      i < 300 ? null : i < 600 ? i * 100_000 : pick<Cell>(null, i),
      i < 300 ? 7n ** 20n : pick<Cell>(null, 2n ** 63n - 1n, -(2n ** 63n), 0, 1),
      pick<Cell>(null, new Real(0), new Real(-0), Number.NaN, Number.POSITIVE_INFINITY, 0.1),
      pick('red', 'green', 'blue'),
      pick<Cell>(null, 'rëd', '\udcff', 'x'.repeat(300)),
      pick<Cell>(null, Buffer.from('a'), Buffer.from('b')),
      noise(i % 7, i),
      next() < 0.2 ? null : bodies.write(noise(large ? 70_000 + (i % 3) : 1030 + (i % 3), i % 5), large),
      pick<Cell>(1, 'one', 1.5, null, Buffer.from('1'), new ContentRef(idOf(Buffer.from('body 1')), 6, false, true)),
      1_000_000_000_000_000 * i,
    ];
  });
  const byKey = new Map(rows.map(row => [encodeKey(treeSpec(KINDS_SCHEMA), row).toString('latin1'), row]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

const NUMBERS: Schema = newSchema(
  ['n', 'm', 'x'].map(name => ({name, type: 'REAL', notNull: false})),
  [ASCENDING, {collation: 'path', descending: true}, ASCENDING],
  'CREATE TABLE numbers(n REAL, m REAL, x REAL)',
);

function numberRows(): Row[] {
  const numbers: Cell[] = [null, new Real(-0), 1, -1, 0.5, -0.5, 1e300, -1e300, Number.NEGATIVE_INFINITY, 5e-324];
  for (const power of [52n, 53n, 54n, 62n, 63n]) {
    for (const more of [-1n, 0n, 1n]) {
      for (const sign of [1n, -1n]) {
        const value = sign * (2n ** power + more);
        if (BigInt.asIntN(64, value) === value) numbers.push(value);
        numbers.push(new Real(Number(value)));
      }
    }
  }
  const texts = ['', 'a', 'a/b', 'a\u0001', 'a\u0002', 'a\0', 'a b', Buffer.from([0x30, 0, 1, 255])];
  const rows = numbers.flatMap(number =>
    texts.map(
      (text): Row => [typeof number === 'bigint' && BigInt(Number(number)) === number ? null : number, text, number],
    ),
  );
  const spec = treeSpec(NUMBERS);
  const byKey = new Map(rows.map(row => [encodeKey(spec, row).toString('latin1'), row]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** Makes a store that has everything the page tells of. */
async function makeStore(t: ExecutionContext): Promise<Repository> {
  const clock = new Clock();
  const directory = makeTmpDir(t);
  const context = testContext(clock, {command: 'dbos \udcff', zone: () => -210});
  const repo = await Repository.init(directory, {bare: true, branch: 'main'}, context);
  t.teardown(() => repo.close());
  const tip = () => repo.head().commit as ObjectId;
  const commitState = async (objects: ObjectSink, publish: ReturnType<Repository['begin']>, state: ObjectId) => {
    const {commit} = repo.head();
    clock.advance(HOUR);
    const content = commitContent(
      state,
      commit === undefined ? [] : [commit],
      `message \udc80 ${clock.time}`,
      clock.time,
    );
    const author = {name: 'Ada \udcfe', email: '', time: -5, zone: -90};
    const next = writeCommit(objects, {...content, author, cause: commit === undefined ? null : 'amend'});
    const expected = commit === undefined ? ({kind: 'absent'} as const) : ({kind: 'equals', id: commit} as const);
    const refs = [{name: branchRef(branchName('main')), expected, next}];
    const counts = {added: 4047, modified: 0, deleted: 0};
    await publish.publish({
      kind: 'normal',
      refs,
      ...(commit === undefined && {
        transaction: 'T1',
        sql: 'a text \udcff',
        affected: [{ref: branchRef(branchName('main')), table: FILES_TABLE, ...counts}],
      }),
    });
  };

  const first = repo.begin();
  const files = writeManyFiles(first.objects);
  await first.flush();
  await commitState(first.objects, first, writeState(first.objects, new Map([[FILES_TABLE, files]])));

  const second = repo.begin();
  const bodies = new BodyWriter(second.objects);
  const tables = new Map([[FILES_TABLE, files]]);
  for (const [name, schema, rows] of [
    ['kinds', KINDS_SCHEMA, kindRows(bodies)],
    ['numbers', NUMBERS, numberRows()],
    ['empty', NUMBERS, []],
  ] as const) {
    bodies.flush();
    const root = buildTree(second.objects, treeSpec(schema), rows);
    const table = {schema: writeSchema(second.objects, schema), root, rows: rows.length};
    tables.set(name, writeTable(second.objects, table));
  }
  await commitState(second.objects, second, writeIndexed(second.objects, writeState(second.objects, tables)));

  for (let i = 0; i < 300; i++) await createBranch(repo, `topic/nr-${i}`, tip());
  await deleteBranch(repo, DELETED, true);
  await createTag(repo, 'annotated', tip(), {message: 'a tag \udcff'});
  await createTag(repo, 'plain', tip());
  for (const plan of [planUndo, planUndo, planRedo]) await repo.begin().publish(plan(repo).publication);
  const open = await beginTransaction(repo, {message: 'pay \udcff', isolation: 'serializable'});
  await changeTransaction(repo, open, {changes: CHANGED, description: 'a change', sql: 'UPDATE numbers'});
  await rollbackTransaction(repo, await beginTransaction(repo));
  addRemote(repo, 'origin', '/nowhere');
  await renameRemote(repo, 'origin', 'upstream');
  return repo;
}

/** What a transaction has besides what it began with. */
const CHANGED: Partial<OpenTransaction> = {
  summary: 'UPDATE numbers',
  savepoints: [
    {name: 'one \udcff', state: null, summary: ''},
    {name: 'two', state: idOf(Buffer.from('a state')), summary: 'UPDATE \udcff'},
  ],
  reads: [
    {
      table: 'numbers',
      ranges: [
        {gte: null, lt: Buffer.from([1])},
        {gte: Buffer.from([2]), lt: null},
      ],
      indexes: [],
    },
    {
      table: 'people',
      ranges: [],
      indexes: [
        {index: 'by_birth', ranges: [{gte: Buffer.from([1]), lt: Buffer.from([3])}]},
        {index: 'initials', ranges: [{gte: null, lt: null}]},
      ],
    },
  ],
};

/** Returns a state with what SQL makes besides tables: indexes, a view, triggers. */
function writeIndexed(objects: ObjectSink, base: ObjectId): ObjectId {
  const state = new WorkingState(objects, base);
  const sql = 'CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT UNIQUE, born INTEGER)';
  const table = state.createTable(defineTable(parseStatement(sql) as CreateTable, sql));
  for (let i = 1; i <= 500; i++) table.insert([i, `Name ${(i * 7) % 500}`, i % 3 === 0 ? null : 1900 + (i % 40)]);
  for (const index of INDEXES) {
    state.createIndex('people', defineIndex(parseStatement(index) as CreateIndex, index, table.source()));
  }
  state.createTrigger('people', {name: 'watch', sql: TRIGGER});
  state.createView('grown', VIEW);
  state.createTrigger('grown', {name: 'instead', sql: VIEW_TRIGGER});
  return state.write();
}

const INDEXES = [
  'CREATE INDEX by_birth ON people(born DESC, name COLLATE NOCASE)',
  'CREATE INDEX initials ON people(substr(name, 1, 6)) WHERE born IS NOT NULL',
];
const TRIGGER = 'CREATE TRIGGER watch AFTER INSERT ON people BEGIN SELECT 1; END';
const VIEW = 'CREATE VIEW grown AS SELECT name FROM people WHERE born < 1920';
const VIEW_TRIGGER = 'CREATE TRIGGER instead INSTEAD OF DELETE ON grown BEGIN SELECT 1; END';

interface Answers {
  readonly operations: readonly unknown[];
  readonly refs: ReadonlyMap<string, string>;
  /** Of each open transaction: name, branch, base, state, the time and zone of its author. */
  readonly transaction: readonly unknown[];
  readonly commits: readonly unknown[];
  readonly tables: ReadonlyMap<string, readonly Value[][]>;
  readonly bodies: ReadonlyMap<string, Buffer>;
  /** The changes of HEAD, and of a branch that was deleted. */
  readonly head: readonly Change[];
  readonly deleted: readonly Change[];
}

/** What the library says is in the store. */
async function askLibrary(repo: Repository): Promise<Answers> {
  const {objects} = repo;
  const operations = [...listOperations(repo)].map(({id, seq, parent, view, time, zone, kind, pid, undo, ...rest}) => ({
    id: hex(id),
    seq,
    parent: parent && hex(parent),
    view: hex(view),
    time,
    zone,
    pid,
    kind: ['init', 'normal', 'undo', 'redo', 'restore', 'rollback'].indexOf(kind),
    texts: [rest.user, rest.host, rest.command, rest.description].map(encodeText),
    refs: rest.refChanges.map(({name, before, after}) => [name, before && hex(before), after && hex(after)]),
    undo: undo && {
      target: hex(undo.target),
      position: undo.position && hex(undo.position),
      below: undo.below && hex(undo.below),
    },
    transaction: rest.transaction,
    sql: rest.sql && encodeText(rest.sql),
    affected:
      rest.affected?.map(({ref, table, added, modified, deleted}) => [ref, table, added, modified, deleted]) ?? null,
    renames: rest.remoteRenames.map(({from, to}) => [from, to]),
  }));
  const commits: unknown[] = [];
  for (let id = repo.head().commit; id !== undefined; id = readCommit(objects, id).parents[0]) {
    const {state, generation, author, committer, message, cause} = readCommit(objects, id);
    const signatures = [committer, author].map(({name, email, time, zone}) => [
      time,
      zone,
      encodeText(name),
      encodeText(email),
    ]);
    commits.push([hex(id), hex(state), generation, signatures, encodeText(message), cause && encodeText(cause)]);
  }
  const tables = new Map<string, Value[][]>();
  const bodies = new Map<string, Buffer>();
  const state = readState(objects, readCommit(objects, repo.head().commit as ObjectId).state);
  for (const [name, id] of state) {
    if (isView(objects, id)) continue;
    const {schema, root} = readTable(objects, id);
    const rows = [...scanRows(objects, treeSpec(readSchema(objects, schema)), root)];
    for (const cell of rows.flat()) {
      if (cell instanceof ContentRef) bodies.set(hex(cell.id), Buffer.from(readWhole(objects, cell)));
    }
    tables.set(
      name,
      rows.map(row => row.map(asValue)),
    );
  }
  const historyOf = async (name: RefName | 'HEAD') => {
    const changes: Change[] = [];
    for await (const {seq, time, id} of refHistory(repo, name)) changes.push({seq, time, id: id && hex(id)});
    return changes.reverse();
  };
  return {
    operations,
    refs: new Map(
      [...listRefs(objects, repo.view.refs), ...listRefs(objects, repo.view.refs, TRANSACTIONS)].map(({name, id}) => [
        name,
        hex(id),
      ]),
    ),
    transaction: [...listOpenTransactions(repo)].map(({name, transaction}) => {
      const {branch, base, state: made, author} = transaction;
      return [name, branch, base && hex(base), made && hex(made), author.time, author.zone];
    }),
    commits,
    tables,
    bodies,
    head: await historyOf('HEAD'),
    deleted: await historyOf(branchRef(branchName(DELETED))),
  };
}

test('a reader written from the page alone reads what the library wrote', async t => {
  const repo = await makeStore(t);
  const expected = await askLibrary(repo);
  const {store} = repo.location;
  const cell = formatId(repo.operation.id);
  await repo.close();

  const reader = await Reader.open(store);
  t.teardown(() => reader.close());
  const newest = await reader.operation();
  t.is(cidOf(newest.id), cell);
  t.true(reader.commits > newest.seq);

  const operations: unknown[] = [];
  for (let operation = newest; ; operation = await reader.operation(operation.parent)) {
    const {id, seq, parent, view, time, zone, pid, kind, undo, user, host, command, description} = operation;
    const texts = [user, host, command, description];
    const refs = operation.refChanges.map(({name, before, after}) => [name, before, after]);
    const {transaction, sql, affected, renames} = operation;
    const rest = {undo, transaction, sql, affected, renames};
    operations.push({id, seq, parent, view, time, zone, pid, kind, texts, refs, ...rest});
    t.deepEqual(await reader.operationAt(seq), {time, id});
    if (operation.parent === null) break;
  }
  t.deepEqual(operations, [...expected.operations]);

  const {head, refs} = await reader.view(newest.view);
  t.deepEqual(head, {branch: 'main'});
  t.deepEqual(refs, expected.refs);
  const {name, target, message} = await reader.tag(refs.get('tags/annotated') as string);
  t.deepEqual([name, target, message], ['annotated', refs.get('branches/main'), encodeText('a tag \udcff')]);

  const transactions = [...refs].filter(([each]) => each.startsWith('transactions/'));
  const opened: unknown[] = [];
  for (const [each, at] of transactions) {
    const {
      branch,
      base,
      state,
      author,
      message: words,
      isolation,
      summary,
      savepoints,
      reads,
    } = await reader.transaction(at);
    opened.push([each.slice('transactions/'.length), branch, base, state, author.time, author.zone]);
    t.deepEqual([words, isolation, summary], [encodeText('pay \udcff'), 1, encodeText('UPDATE numbers')]);
    t.deepEqual(
      savepoints,
      CHANGED.savepoints?.map(savepoint => [
        encodeText(savepoint.name),
        savepoint.state && hex(savepoint.state),
        encodeText(savepoint.summary),
      ]) as never,
    );
    const pairs = (ranges: readonly ReadRange[]) => ranges.map(({gte, lt}) => [gte, lt]);
    t.deepEqual(
      reads,
      CHANGED.reads?.map(({table, ranges, indexes}) => [
        table,
        pairs(ranges),
        indexes.map(each => [each.index, pairs(each.ranges)]),
      ]) as never,
    );
  }
  t.deepEqual(opened, [...expected.transaction]);
  t.is(opened.length, 1);

  const commits: unknown[] = [];
  let id = refs.get(`branches/${head.branch}`);
  const {state} = await reader.commit(id as string);
  while (id !== undefined) {
    const commit = await reader.commit(id);
    const signatures = [commit.committer, commit.author].map(({time, zone, name, email}) => [time, zone, name, email]);
    commits.push([commit.id, commit.state, commit.generation, signatures, commit.message, commit.cause]);
    id = commit.parents[0];
  }
  t.deepEqual(commits, [...expected.commits]);

  const tables = await reader.state(state);
  const grown = await reader.definition(tables.get('grown') as string);
  t.deepEqual([grown.sql, [...grown.triggers]], [VIEW, [['instead', VIEW_TRIGGER]]]);
  const people = await reader.table(tables.get('people') as string);
  t.deepEqual([...people.triggers], [['watch', TRIGGER]]);
  t.deepEqual(
    [...people.indexes].map(([name, {definition}]) => [name, definition]),
    [
      ['by_birth', INDEXES[0]],
      ['initials', INDEXES[1]],
      ['sqlite_autoindex_people_1', undefined],
    ],
  );
  const rowsOfPeople = expected.tables.get('people') as Value[][];
  const terms: Record<string, (row: Value[]) => Value[] | undefined> = {
    by_birth: ([id, name, born]) => [born, name, id] as Value[],
    initials: ([id, name, born]) => {
      return born === null ? undefined : ([{text: (name as {text: Buffer}).text.subarray(0, 6)}, id] as Value[]);
    },
    sqlite_autoindex_people_1: ([id, name]) => [name, id] as Value[],
  };
  for (const [name, {shape, root, rows: count}] of people.indexes) {
    const wanted = rowsOfPeople.flatMap(row => {
      const entry = terms[name]?.(row);
      return entry ? [{entry, key: keyOf(shape.key, entry)}] : [];
    });
    wanted.sort((a, b) => Buffer.compare(a.key, b.key));
    const found: Value[][] = [];
    for await (const entry of reader.rows(shape, root)) found.push(entry);
    t.deepEqual(
      found,
      wanted.map(({entry}) => entry),
      name,
    );
    t.is(count, found.length);
  }
  for (const [name, tableId] of tables) {
    t.is(await reader.isDefinition(tableId), name === 'grown');
    if (name === 'grown') continue;
    const {shape, root, rows: count} = await reader.table(tableId);
    const wanted = expected.tables.get(name) as Value[][];
    const bodies = new Map<string, Reference>();
    let row = 0;
    for await (const values of reader.rows(shape, root)) {
      if (!isDeepStrictEqual(values, wanted[row])) t.deepEqual(values, wanted[row], `row ${row} of ${name}`);
      for (const value of values) {
        if (value !== null && typeof value === 'object' && 'ref' in value) bodies.set(value.ref.id, value.ref);
      }
      row++;
    }
    t.is(row, wanted.length);
    t.is(count, wanted.length);
    for (const ref of bodies.values()) {
      const body = await reader.body(ref);
      if (!body.equals(expected.bodies.get(ref.id) as Buffer)) t.fail(`body ${ref.id}`);
    }
  }
  t.is(tables.size, 6);

  const changes: Change[] = [];
  for await (const change of reader.changes('HEAD')) changes.push(change);
  t.deepEqual(changes, [...expected.head]);
  const deleted: Change[] = [];
  for await (const change of reader.changes(`branches/${DELETED}`)) deleted.push(change);
  t.deepEqual(deleted, [...expected.deleted]);
  t.deepEqual(
    deleted.map(change => change.id === null),
    [false, true],
  );

  const forms = [
    ...[0, 1].map(codec => `codec ${codec}`),
    ...[0, 1].map(level => `content level ${level}`),
    ...[0, 1, 2].map(level => `node level ${level}`),
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(tag => `vector ${tag}`),
    ...[2, 3, 4, 5, 6, 7, 8].map(tag => `vector ${tag} with NULLs`),
    ...[1, 2, 4, 8].map(width => `integer width ${width}`),
    ...[0, 1, 2, 3, 4, 5].map(tag => `cell ${tag}`),
  ];
  t.deepEqual(
    forms.filter(form => !met.has(form)),
    [],
    'the store has every form of the page',
  );
});

/** Returns the bytes of the example of a leaf. */
function exampleLeaf(): Buffer {
  const [, example = ''] = /are the leaf\n\n([\s\S]*?)\n\nwith the id/.exec(PAGE) ?? [];
  const lines = example.split('\n').map(line => /^ {4}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2,}|$)/.exec(line)?.[1] ?? '');
  return Buffer.from(lines.join('').replaceAll(' ', ''), 'hex');
}

test('the examples of the page are right', t => {
  const leaf = exampleLeaf();
  const objects = new MemoryObjects();
  const spec = {keys: [ASCENDING], columns: 3, leafRows: 64, innerRows: 32};
  const rows: Row[] = [
    [1, 'one', null],
    [2, 'two', 0.5],
    [300, 'one', null],
  ];
  const root = buildTree(objects, spec, rows) as ObjectId;
  t.is(leaf.toString('hex'), Buffer.from(objects.read(root)).toString('hex'));
  t.true(PAGE.includes(`\`${formatId(root)}\``));
  t.deepEqual(decodeVector(leaf.subarray(11, 27), 3), [1n, 2n, 300n]);

  const state = writeState(objects, new Map());
  const bytes = Buffer.from(objects.read(state))
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');
  for (const part of [bytes, formatId(state), shortId(state), cidOf(hex(state))]) t.true(PAGE.includes(`\`${part}\``));
  t.true(formatId(state).startsWith('bagaqiera'));

  const keys: [columns: Collation[], cells: Cell[], shown: string][] = [
    [['binary'], [1], '1'],
    [['binary'], [-1.5], '−1.5'],
    [['binary'], [2n ** 53n + 1n], '2⁵³ + 1'],
    [['nocase', 'binary'], ['aB', null], "'aB' nocase, NULL"],
    [['path', 'binary'], ['a/b', 'c'], "'a/b' path, 'c' binary"],
  ];
  for (const [collations, cells, shown] of keys) {
    const columns = collations.map(collation => ({collation, descending: false}));
    const key = encodeKey({...spec, keys: columns}, cells);
    const numbers = collations.map(name => ({
      collation: ['binary', 'nocase', 'rtrim', 'path'].indexOf(name),
      descending: false,
    }));
    t.is(keyOf(numbers, cells.map(asValue)).toString('hex'), key.toString('hex'));
    t.true(PAGE.includes(`| ${shown} | \`${key.toString('hex')}\` |`), shown);
  }
  t.true(PAGE.includes(`\`${murmur3(Buffer.from('abc'), 0).toString(16)}\``));
  const gear = GEAR.slice(0, 4).map(word => word.toString(16).padStart(8, '0'));
  t.true(PAGE.includes(`\`${gear.join(' ')}\``));
});

test('attributes are read as the page says', t => {
  const attributes = new Map([
    ['user.b', Buffer.alloc(200, 1)],
    ['user.a', Buffer.alloc(0)],
  ]);
  t.deepEqual(attributesOf(encodeXattrs(attributes)), [
    [Buffer.from('user.a'), Buffer.alloc(0)],
    [Buffer.from('user.b'), Buffer.alloc(200, 1)],
  ]);
});

test('what a newer version wrote is refused, not misread', async t => {
  const directory = makeTmpDir(t);
  const context = testContext(new Clock());
  const repo = await Repository.init(directory, {bare: true, branch: 'main'}, context);
  const {location} = repo;
  const newer = Buffer.from([0x93, 5, 2, 0x90]);
  const {objects} = repo.begin();
  const id = objects.put(newer);
  t.throws(() => readState(objects, id), {code: 'STORE_FORMAT'});
  await repo.close();
  writeFileSync(join(directory, 'format'), 'stone-os 2\n');
  await t.throwsAsync(Repository.open(location, context), {code: 'STORE_FORMAT'});
  await t.throwsAsync(Repository.init(directory, {bare: true}, context), {code: 'STORE_EXISTS'});
  writeFileSync(join(directory, 'format'), 'something else\n');
  await t.throwsAsync(Repository.open(location, context), {code: 'STORE_CORRUPT'});
});
