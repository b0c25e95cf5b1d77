/**
 * Golden operations: the bytes of one of each version. An operation of an older version stays what it was, and what it has no
 * field for is not known. Written with DBOS_UPDATE_FIXTURES=1, the newest version only.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {formatId, idOf} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {type Operation, readOperation, writeOperation} from '../../src/repo/operation.js';
import {branchName, branchRef, remoteName} from '../../src/repo/refs.js';
import {START} from '../support/repo.js';

const FIXTURE = fileURLToPath(new URL('../../../fixtures/golden/operation.json', import.meta.url));

const main = branchName('main');
const [parent, view, before, after] = ['parent', 'view', 'before', 'after'].map(text => idOf(Buffer.from(text)));

const OLD = {
  seq: 7,
  parent,
  view,
  time: START,
  zone: 120,
  user: 'ada',
  host: 'engine',
  pid: 4711,
  command: 'dbos query --file change.sql',
  kind: 'normal',
  description: 'commit: a change',
  refChanges: [{name: branchRef(main), before, after}],
  headBefore: {branch: main},
  headAfter: {branch: main},
  undo: null,
  remoteRenames: [],
} as Omit<Operation, 'transaction' | 'sql' | 'affected'>;

const VERSIONS: readonly Operation[] = [
  {...OLD, transaction: null, sql: null, affected: null},
  {
    ...OLD,
    transaction: 'T42',
    sql: "UPDATE notes SET text = 'x'; DELETE FROM files WHERE path = 'a';",
    affected: [
      {ref: branchRef(main), table: 'files', added: 0, modified: 0, deleted: 1},
      {ref: branchRef(main), table: 'notes', added: 0, modified: 300, deleted: 0},
    ],
  },
  {
    ...OLD,
    refChanges: [],
    transaction: null,
    sql: null,
    affected: [],
    remoteRenames: [
      {from: remoteName('origin'), to: remoteName('upstream')},
      {from: remoteName('b'), to: remoteName('origin')},
    ],
  },
];

/** The oldest version that is still written: a later one only by operations that need its fields. */
const WRITTEN = 2;

interface Golden {
  readonly id: string;
  readonly hex: string;
}

test('operations of every version are read, and those that are written as they always were', t => {
  const golden = JSON.parse(readFileSync(FIXTURE, 'utf8')) as Record<string, Golden>;
  const objects = new MemoryObjects();
  for (let version = WRITTEN; version <= VERSIONS.length; version++) {
    const written = writeOperation(objects, VERSIONS[version - 1] as Operation);
    const now = {id: formatId(written), hex: Buffer.from(objects.read(written)).toString('hex')};
    if (process.env.DBOS_UPDATE_FIXTURES && version === VERSIONS.length) {
      golden[`version ${version}`] = now;
      writeFileSync(FIXTURE, `${JSON.stringify(golden, null, 2)}\n`);
    }
    t.deepEqual(golden[`version ${version}`], now);
  }
  t.is(Object.keys(golden).length, VERSIONS.length);
  for (const [i, operation] of VERSIONS.entries()) {
    const {id: name, hex} = golden[`version ${i + 1}`] as Golden;
    const id = objects.put(Buffer.from(hex, 'hex'));
    t.is(formatId(id), name);
    t.deepEqual(readOperation(objects, id), {id, ...operation});
  }
});
