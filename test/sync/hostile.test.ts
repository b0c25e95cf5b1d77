/**
 * Peers that lie: a server to whoever fetches, a client to a server. Whatever comes, it is refused by name, soon and in little
 * memory, or what was taken in is sound; nothing else changes. See transfer.test.ts and access.test.ts for parcels that are
 * damaged, and for what limited rights hide.
 */
import {once} from 'node:events';
import http from 'node:http';
import type {AddressInfo} from 'node:net';
import {brotliCompressSync, constants} from 'node:zlib';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {encodeObject, type Field, fieldOfId, kindOf, wideInteger} from '../../src/objects/codec.js';
import {idOf, type ObjectId} from '../../src/objects/id.js';
import {OverlayObjects} from '../../src/objects/overlay.js';
import type {ObjectReader} from '../../src/objects/store.js';
import {createBranch} from '../../src/repo/branches.js';
import {readCommit, writeCommit} from '../../src/repo/commit.js';
import {branchName, branchRef, findRef, type RefName, tagRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {writeTag} from '../../src/repo/tag.js';
import {writeDefinition} from '../../src/state/definition.js';
import {FILES_SPEC, FILES_TABLE, filesTable, toRow} from '../../src/state/files.js';
import {readState, writeState} from '../../src/state/state.js';
import {readTable, writeTable} from '../../src/state/table.js';
import {crc32} from '../../src/storage/checksum.js';
import {fetchRemote} from '../../src/sync/fetch.js';
import {HttpChannel} from '../../src/sync/http-channel.js';
import {objectLinks} from '../../src/sync/links.js';
import {listMissing} from '../../src/sync/missing.js';
import {type Parcel, packEach} from '../../src/sync/parcel.js';
import type {Peer} from '../../src/sync/peer.js';
import {type Call, parcelMessage} from '../../src/sync/protocol.js';
import {RemotePeer} from '../../src/sync/remote-peer.js';
import {createToken} from '../../src/sync/tokens.js';
import {END, encodeMessage, MESSAGE, type Message} from '../../src/sync/wire.js';
import {buildTree} from '../../src/tree/builder.js';
import {ContentRef} from '../../src/tree/cell.js';
import {Clock, commitContent, START, testContext} from '../support/repo.js';
import {serve, type TestServer} from '../support/server.js';
import {bareStore, codeOf, mustBeSound, ORIGIN, sql} from '../support/sync.js';

const MAIN = branchRef(branchName('main'));
const KEY = 'b'.repeat(32);
/** What refusing something may take of memory at most, in kB: far less than what was claimed. */
const MOST_GROWTH = 300_000;

/** Objects that somebody makes on top of what a store has, in their order. */
class Forgery extends OverlayObjects {
  private readonly made: {readonly id: ObjectId; readonly blob: boolean}[] = [];

  override put(bytes: Uint8Array): ObjectId {
    const id = super.put(bytes);
    this.made.push({id, blob: kindOf(bytes) === undefined});
    return id;
  }

  *parcels(): Generator<Parcel> {
    yield* packEach(this.made.map(({id, blob}) => ({id, blob, bytes: this.read(id)})));
  }

  get count(): number {
    return this.made.length;
  }
}

async function* streamed<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

/** Returns the code of what `work` throws. */
/** Returns a peer that says that a ref holds something, and sends what was forged. */
function liar(own: Forgery, ref: RefName, id: ObjectId): Peer {
  return {
    refs: async () => ({head: undefined, refs: new Map([[ref, id]])}),
    has: async ids => ids.map(() => false),
    fetch: async () => ({total: own.count, skipped: 0, shallow: [], parcels: streamed(own.parcels())}),
    received: async () => undefined,
    check: async () => undefined,
    push: async () => undefined,
    close: async () => undefined,
  };
}

/** A store with a row, a file and a body in chunks, for forgeries to build on. */
async function fill(repo: Repository): Promise<void> {
  await sql(
    repo,
    'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)',
    "INSERT INTO t SELECT value, 'row ' || value FROM generate_series(1, 400)",
    'CREATE VIEW w AS SELECT v FROM t',
    'CREATE TRIGGER g AFTER DELETE ON t BEGIN UPDATE t SET v = NULL WHERE id = 0; END',
    `INSERT INTO files (path, content) VALUES ('f', 'text ${'y'.repeat(3000)}'), ('chunked', hex(zeroblob(300000)))`,
  );
}

function state(objects: ObjectReader, commit: ObjectId): Map<string, ObjectId> {
  return new Map(readState(objects, readCommit(objects, commit).state));
}

function commitOf(own: Forgery, entries: ReadonlyMap<string, ObjectId>, parents: readonly ObjectId[]): ObjectId {
  return writeCommit(own, commitContent(writeState(own, entries), parents, 'mine', START));
}

/** Returns a commit in whose files there is one with such a path; nothing here checks it. */
function fileNamed(own: Forgery, [directory, name]: readonly [string, string], parents: readonly ObjectId[]): ObjectId {
  const bytes = Buffer.from('evil');
  const content = new ContentRef(own.put(bytes), bytes.length, false, false);
  const base = {uid: 0, gid: 0, user: 'root', group: 'root', mtime: 0n, target: null, link: null, xattrs: null};
  const row = [...toRow({...base, path: 'x/y', type: 'file', mode: 0o644, content})];
  const at = ['x', 'y'].map(part => row.indexOf(part));
  [directory, name].forEach((part, i) => {
    row[at[i] as number] = part;
  });
  const root = buildTree(own, FILES_SPEC, [row]);
  return commitOf(own, new Map([[FILES_TABLE, writeTable(own, filesTable(own, root))]]), parents);
}

/** Returns a commit whose table has this as the root of its tree. */
function rooted(own: Forgery, tip: ObjectId, root: ObjectId, rows = 1): ObjectId {
  const entries = state(own, tip);
  const table = readTable(own, entries.get('t') as ObjectId);
  const {indexes: _indexes, triggers: _triggers, ...rest} = table;
  return commitOf(own, entries.set('t', writeTable(own, {...rest, root, rows})), [tip]);
}

/** Returns the bytes of an object with each occurrence of one id changed to another. */
function renamed(bytes: Uint8Array, from: ObjectId, to: ObjectId): Buffer {
  return Buffer.from(
    Buffer.from(bytes)
      .toString('latin1')
      .replaceAll(from, () => to),
    'latin1',
  );
}

type Answer = (call: string) => Iterable<Message | Uint8Array> | AsyncIterable<Message | Uint8Array>;

/** Starts a server that answers each call with messages, or bytes, of its own. */
async function evil(t: ExecutionContext, answer: Answer): Promise<RemotePeer> {
  const server = http.createServer(async (request, response) => {
    request.resume();
    const call = request.url?.split('/').at(-1) ?? '';
    const gone = once(response, 'close');
    for await (const piece of answer(call)) {
      if (response.destroyed) return;
      const bytes = piece instanceof Uint8Array ? piece : encodeMessage(piece);
      if (!response.write(bytes)) await Promise.race([once(response, 'drain'), gone]);
    }
    response.end(END);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const peer = new RemotePeer(new HttpChannel(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  t.teardown(async () => {
    await peer.close();
    server.closeAllConnections();
    server.close();
  });
  return peer;
}

function* forever<T>(make: (i: number) => T): Generator<T> {
  for (let i = 0; ; i++) yield make(i);
}

const ID = Buffer.alloc(32, 7);
/** Together they unpack to much more than `MOST_GROWTH`. */
const BOMBS = 50;
const NONE = Buffer.alloc(0);
const REFS: Message[] = [
  [MESSAGE.call, 'main', 1, 0, NONE],
  [MESSAGE.call, [['branches/main', ID, null]]],
];

const FAST = {params: {[constants.BROTLI_PARAM_QUALITY]: 1}};

/** Returns a parcel of a structured object that travels as some hundred bytes and unpacks to `size`. */
function bomb(i: number, size = 12_000_000): Parcel {
  const bytes = encodeObject('definition', [`${i}${'x'.repeat(size)}`]);
  return {
    blobs: false,
    codec: 'brotli',
    rawLength: bytes.length,
    stored: brotliCompressSync(bytes, FAST),
    lengths: [bytes.length],
  };
}

function small(i: number): Parcel {
  const stored = Buffer.from(`blob ${i}`);
  return {blobs: true, codec: 'stored', rawLength: stored.length, stored, lengths: [stored.length]};
}

function empty(objects: number): Parcel {
  return {blobs: true, codec: 'stored', rawLength: 0, stored: Buffer.alloc(0), lengths: Array(objects).fill(0)};
}

function length(bytes: number): Uint8Array {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(bytes, 0);
  return header;
}

function* lazily<T>(count: number, make: (i: number) => T): Generator<T> {
  for (let i = 0; i < count; i++) yield make(i);
}

function* joined<T>(...parts: Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
}

const fetched =
  (...messages: Iterable<Message | Uint8Array>[]): Answer =>
  call =>
    call === 'refs' ? REFS : call === 'has' ? [[MESSAGE.call, Buffer.alloc(0)]] : joined(...messages);

const total = (objects: number): Message[] => [[MESSAGE.call, objects, 0, NONE]];

/** What a server may say to somebody who fetches. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  'lists without end in a message': () => [broad(60_000_000)],
  'a million branches': () => [[MESSAGE.call, null, 1_000_000, 0, NONE]],
  'branches without end': () =>
    joined<Message>(
      [[MESSAGE.call, null, 1000, 0, NONE]],
      forever(i => [MESSAGE.call, [[`branches/b${i}`, ID, null]]]),
    ),
  'one branch again and again': () =>
    joined<Message>(
      [[MESSAGE.call, null, 1000, 0, NONE]],
      forever(() => [MESSAGE.call, [['branches/main', ID, null]]]),
    ),
  'lists of no branches': () =>
    joined<Message>(
      [[MESSAGE.call, null, 1, 0, NONE]],
      forever(() => [MESSAGE.call, []]),
    ),
  'signs of life for ever': () => forever(() => [MESSAGE.tick]),
  'a huge message': () => [length(0xffff_fff0)],
  'a list of lists of lists': () => [nested(5000)],
  'ticks in place of objects': fetched(
    total(3),
    forever((): Message => [MESSAGE.tick]),
  ),
  'objects that nobody asked for': fetched(
    total(3),
    forever(i => parcelMessage(small(i))),
  ),
  'an object again and again': fetched(
    total(3),
    forever(() => parcelMessage(small(0))),
  ),
  'parcels without objects': fetched(
    total(3),
    forever(() => parcelMessage(empty(0))),
  ),
  'parcels of nothing': fetched(
    total(0xffff_ffff),
    forever(() => parcelMessage(empty(70_000))),
  ),
  'a total that is impossible': fetched([[MESSAGE.call, 3, 4, NONE]]),
  'less than it said': fetched(total(1000), [parcelMessage(small(1))]),
  'a parcel that unpacks to more than it says': fetched(total(9), [
    parcelMessage({...bomb(0), rawLength: 100, lengths: [100]}),
  ]),
  'parcels that unpack to gigabytes': fetched(
    total(1000),
    lazily(BOMBS, i => parcelMessage(bomb(i))),
  ),
  'a call in place of a parcel': fetched(
    total(3),
    forever((): Message => [MESSAGE.call, 3]),
  ),
};

function nested(depth: number): Uint8Array {
  return framed(Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([1])]));
}

/** Returns a message with so many empty lists. */
function broad(count: number): Uint8Array {
  const payload = Buffer.alloc(7 + count, 0x90);
  payload.set([0x92, MESSAGE.call, 0xdd]);
  payload.writeUInt32BE(count, 3);
  return framed(payload);
}

function framed(payload: Uint8Array): Uint8Array {
  const header = Buffer.from(length(payload.length));
  header.writeUInt32BE(crc32(payload), 4);
  return Buffer.concat([header, payload]);
}

test.serial('a server that lies to whoever fetches is left soon, in little memory', async t => {
  const here = await bareStore(t);
  const operation = here.operation.id;
  for (const [what, answer] of Object.entries(ANSWERS)) {
    const before = process.resourceUsage().maxRSS;
    const code = await codeOf(fetchRemote(here, await evil(t, answer), ORIGIN));
    t.is(code, 'TRANSFER_INVALID', what);
    const growth = process.resourceUsage().maxRSS - before;
    t.true(growth < MOST_GROWTH, `${what}: ${growth} kB`);
    t.is(here.operation.id, operation, what);
  }
  await mustBeSound(here);
});

const EDIT = ['branches/evil', null, ID];
const push = (...edits: Field[]): Message[] => [[MESSAGE.call, KEY, 0, edits]];

/** What a client may say to a server. */
const REQUESTS: Readonly<Record<string, readonly [call: Call, messages: () => Iterable<Message>]>> = {
  'signs of life for ever': ['received', () => forever(() => [MESSAGE.tick])],
  'signs of life in place of objects': [
    'push',
    () =>
      joined(
        push(EDIT),
        forever((): Message => [MESSAGE.tick]),
      ),
  ],
  'parcels without objects': [
    'push',
    () =>
      joined(
        push(EDIT),
        forever(() => parcelMessage(empty(0))),
      ),
  ],
  'parcels of nothing': [
    'push',
    () =>
      joined(
        push(EDIT),
        forever(() => parcelMessage(empty(70_000))),
      ),
  ],
  'parcels that unpack to gigabytes': [
    'push',
    () =>
      joined(
        push(EDIT),
        lazily(BOMBS, i => parcelMessage(bomb(i))),
      ),
  ],
  'objects of no use, and no end of them': [
    'push',
    () =>
      joined(
        push(EDIT),
        lazily(100_000, i => parcelMessage(small(i))),
      ),
  ],
  'a parcel in place of a call': ['push', () => forever(i => parcelMessage(small(i)))],
  'a million changes': ['push', () => [[MESSAGE.call, KEY, 0, Array(1_000_000).fill(null)]]],
  'a name that is none': ['push', () => push(['branches/../../x', null, ID])],
  'a remote branch': ['push', () => push(['remotes/origin/main', null, ID])],
  'a key that is a path': ['push', () => [[MESSAGE.call, '../../../../../../../tmp/x'.padEnd(32, 'a'), 0, [EDIT]]]],
  'a million changes to look at': ['check', () => [[MESSAGE.call, Array(1_000_000).fill(null)]]],
  'the same change twice, to look at': [
    'check',
    () => [
      [
        MESSAGE.call,
        [
          [...EDIT, 0],
          [...EDIT, 1],
        ],
      ],
    ],
  ],
  'more commits than may be asked for': ['has', () => [[MESSAGE.call, Buffer.alloc(5000 * 32)]]],
  'half an id': ['fetch', () => [[MESSAGE.call, Buffer.alloc(40), NONE, 0, null, 0, NONE]]],
  'an object of millions of values': [
    'push',
    () => {
      const bytes = encodeObject('state', [Array<Field>(12_000_000).fill([])]);
      const parcel = {blobs: false, codec: 'brotli', rawLength: bytes.length, lengths: [bytes.length]} as const;
      return joined(push(EDIT), [parcelMessage({...parcel, stored: brotliCompressSync(bytes, FAST)})]);
    },
  ],
  'a greater message than may be': ['has', () => [[MESSAGE.call, Buffer.alloc(70_000_000)]]],
};

test.serial('a client that lies to a server is refused soon, in little memory', async t => {
  const lines: string[] = [];
  const server = await serve(t, {log: line => lines.push(line)}, fill);
  for (const [what, [call, messages]] of Object.entries(REQUESTS)) {
    const before = process.resourceUsage().maxRSS;
    const channel = new HttpChannel(server.url, {token: server.token});
    const answers = async () => {
      for await (const _message of channel.exchange(call, streamed(messages())));
    };
    t.is(await codeOf(answers()), 'TRANSFER_INVALID', what);
    const growth = process.resourceUsage().maxRSS - before;
    t.true(growth < MOST_GROWTH, `${what}: ${growth} kB`);
    await channel.close();
  }
  t.is((await server.peer().refs()).refs.size, 1);
  for (const line of lines) t.true(JSON.parse(line).status < 500, line);
});

const DEEP = 20_000;

/** What somebody may send who keeps to the form of messages and parcels; each returns what a ref is to hold. */
const LIES: Readonly<Record<string, (own: Forgery, tip: ObjectId) => ObjectId>> = {
  'a body nested deep in lists of chunks': (own, tip) => {
    let id = own.put(Buffer.alloc(16_384, 1));
    const ids = (list: ObjectId[]) => Buffer.from(list.join(''), 'latin1');
    for (let i = 0; i < DEEP; i++) id = own.put(encodeObject('content', [1, ids([id]), Buffer.from([1])]));
    const content = new ContentRef(id, 1, true, false);
    const base = {uid: 0, gid: 0, user: 'root', group: 'root', mtime: 0n, target: null, link: null, xattrs: null};
    const root = buildTree(own, FILES_SPEC, [toRow({...base, path: 'f', type: 'file', mode: 0o644, content})]);
    return commitOf(own, new Map([[FILES_TABLE, writeTable(own, filesTable(own, root))]]), [tip]);
  },
  'a tree nested deep, each node of the level of its child': (own, tip) => {
    const table = readTable(own, state(own, tip).get('t') as ObjectId);
    let inner = table.root as ObjectId;
    const first = Buffer.from(own.read(inner));
    const [child] = objectLinks(first) as [ObjectId];
    for (let i = 0; i < DEEP; i++) inner = own.put(renamed(first, child, inner));
    return rooted(own, tip, inner, table.rows);
  },
  'a tag of a tag of a tag': (own, tip) => {
    const tagger = {name: 'Eve', email: 'eve@example.org', time: START, zone: 0};
    let id = tip;
    for (let i = 0; i < 1000; i++) id = writeTag(own, {target: id, name: `${i}`, tagger, message: ''});
    return id;
  },
  'a view of a statement nested deep': (own, tip) => {
    const sqlText = `CREATE VIEW v AS SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)}`;
    return commitOf(own, state(own, tip).set('v', writeDefinition(own, {sql: sqlText})), [tip]);
  },
  'a view that joins without end': (own, tip) => {
    const sqlText = `CREATE VIEW v AS SELECT 1${' UNION ALL SELECT 1'.repeat(30_000)}`;
    return commitOf(own, state(own, tip).set('v', writeDefinition(own, {sql: sqlText})), [tip]);
  },
  'a file above the root': (own, tip) => fileNamed(own, ['', '..'], [tip]),
  'a file in a folder above': (own, tip) => fileNamed(own, ['../..', 'etc'], [tip]),
  'a file whose name has a slash': (own, tip) => fileNamed(own, ['', 'a/../../b'], [tip]),
  'a file of an absolute path': (own, tip) => fileNamed(own, ['/etc', 'passwd'], [tip]),
  'a file of the store': (own, tip) => fileNamed(own, ['.dbos', 'config'], [tip]),
  'a file of the store, written otherwise': (own, tip) => fileNamed(own, ['', '.DBOS\u200b.'], [tip]),
  'a file whose name has NUL': (own, tip) => fileNamed(own, ['', 'a\0b'], [tip]),
  'a file without a name': (own, tip) => fileNamed(own, ['', ''], [tip]),
  'a file in no folder': (own, tip) => fileNamed(own, ['nowhere', 'x'], [tip]),
};

test.serial('a history of 100,000 commits whose generations lie at its start is refused', async t => {
  const here = await bareStore(t);
  const own = new Forgery(here.objects);
  const state = fieldOfId(writeState(own, new Map()));
  const signature: Field[] = [wideInteger(START), 0, 'Eve', 'eve@example.org'];
  const commit = (generation: number, parents: readonly ObjectId[]) =>
    own.put(encodeObject('commit', [state, parents.map(fieldOfId), generation, signature, signature, '', null]));
  let id = commit(1, []);
  for (let i = 0; i < 100_000; i++) id = commit(i + 7, [id]);
  t.is(await codeOf(fetchRemote(here, liar(own, MAIN, id), ORIGIN)), 'TRANSFER_INVALID');
});

test.serial('objects that lie are refused, by whoever fetches and by a server', async t => {
  const lines: string[] = [];
  const server = await serve(t, {log: line => lines.push(line), limits: {rate: 1e6}}, async repo => {
    await fill(repo);
    await createBranch(repo, 'team/a', repo.head().commit as ObjectId);
  });
  const here = await bareStore(t);
  await fetchRemote(here, server.peer(), ORIGIN);
  const [tip] = (await server.peer().refs()).refs.values() as unknown as [ObjectId];
  const limited = server.peer(server.url, {token: await limitedToken(server)});
  for (const [what, lie] of Object.entries(LIES)) {
    const own = new Forgery(here.objects);
    const next = lie(own, tip);
    const operation = here.operation.id;
    const ref = what.startsWith('a tag') ? tagRef('evil') : branchRef(branchName('evil'));
    t.is(await codeOf(fetchRemote(here, liar(own, ref, next), ORIGIN)), 'TRANSFER_INVALID', what);
    t.is(here.operation.id, operation, what);
    for (const [peer, name] of [
      [server.peer(), ref],
      [limited, branchRef(branchName('team/evil'))],
    ] as const) {
      const edits = [{name, expected: null, next}];
      t.is(
        await codeOf(peer.push({key: KEY, skipped: 0, edits}, streamed(own.parcels()))),
        'TRANSFER_INVALID',
        `${what}, pushed`,
      );
    }
  }
  t.is((await server.peer().refs()).refs.size, 2);
  for (const line of lines) t.true(JSON.parse(line).status < 500, line);
  await mustBeSound(here);
});

/** Returns the text of a token for a team's branches. */
async function limitedToken({folder}: TestServer): Promise<string> {
  const repo = await Repository.open(
    {store: folder, workTree: undefined},
    testContext(new Clock(), {lockTimeout: 20_000}),
  );
  try {
    return (await createToken(repo, {name: 'team', role: 'write', branches: ['team/*']})).text;
  } finally {
    await repo.close();
  }
}

test.serial('law: whichever object takes the place of another, it is refused or sound', async t => {
  const from = await bareStore(t);
  await fill(from);
  const tip = findRef(from.objects, from.view.refs, MAIN) as ObjectId;
  const all = (await listMissing(from, {wants: [tip], common: []})).list.map(({id}) => id);
  const newest = new Set([tip, ...reachable(from.objects, readCommit(from.objects, tip).state)]);
  const structured = all.filter(id => newest.has(id) && kindOf(from.objects.read(id)) !== undefined);
  const holders = structured.filter(id => objectLinks(from.objects.read(id)).length > 0);
  let taken = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(), async (a, b, c) => {
      const holder = holders[a % holders.length] as ObjectId;
      const links = objectLinks(from.objects.read(holder));
      const link = links[b % links.length] as ObjectId;
      const other = all[c % all.length] as ObjectId;
      const to = await bareStore(t);
      const own = new Forgery(from.objects);
      for (const id of all) own.put(from.objects.read(id));
      // the holder, and all that leads to it, anew
      const anew = new Map([[holder, own.put(renamed(from.objects.read(holder), link, other))]]);
      for (const id of structured) {
        let bytes: Uint8Array = from.objects.read(id);
        for (const [before, after] of anew) if (id !== holder) bytes = renamed(bytes, before, after);
        if (idOf(bytes) !== id) anew.set(id, own.put(bytes));
      }
      const code = await codeOf(fetchRemote(to, liar(own, MAIN, anew.get(tip) ?? tip), ORIGIN));
      if (code === 'none') {
        taken++;
        await mustBeSound(to);
      } else {
        refused++;
        t.is(code, 'TRANSFER_INVALID');
      }
      await to.close();
    }),
    {numRuns: 80, seed: 3},
  );
  t.true(refused > 20 && taken > 0);
});

function reachable(objects: ObjectReader, id: ObjectId, found = new Set<ObjectId>()): Set<ObjectId> {
  if (found.has(id)) return found;
  found.add(id);
  const bytes = objects.read(id);
  if (kindOf(bytes) !== undefined) for (const link of objectLinks(bytes)) reachable(objects, link, found);
  return found;
}
