/** Transactions as objects: a golden one, what is written is read, and what is malformed is refused. */
import {readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import {encodeObject, type Field} from '../../src/objects/codec.js';
import {formatId, idOf, idToBytes} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {type OpenTransaction, readOpenTransaction, writeOpenTransaction} from '../../src/repo/opentransaction.js';
import {branchName} from '../../src/repo/refs.js';
import {START} from '../support/repo.js';

const FIXTURE = fileURLToPath(new URL('../../../fixtures/golden/transaction.json', import.meta.url));

const [base, state] = ['base', 'state'].map(text => idOf(Buffer.from(text))) as [
  ReturnType<typeof idOf>,
  ReturnType<typeof idOf>,
];

const SAMPLE: OpenTransaction = {
  branch: branchName('main'),
  base,
  state,
  author: {name: 'Ada', email: 'ada@example.org', time: START, zone: 120},
  message: 'a transfer',
  isolation: 'serializable',
  summary: 'UPDATE accounts SET amount = 1',
  savepoints: [{name: 's', state: null, summary: 'UPDATE'}],
  reads: [
    {
      table: 'accounts',
      ranges: [{gte: Buffer.from([1]), lt: Buffer.from([2])}],
      indexes: [{index: 'by_amount', ranges: [{gte: Buffer.from([3]), lt: null}]}],
    },
    {table: 'rates', ranges: [], indexes: []},
  ],
};

test('a transaction is written as it always was, and read', t => {
  const objects = new MemoryObjects();
  const id = writeOpenTransaction(objects, SAMPLE);
  const newest = {id: formatId(id), hex: Buffer.from(objects.read(id)).toString('hex')};
  const golden = JSON.parse(readFileSync(FIXTURE, 'utf8')) as Record<'version 1' | 'version 2', typeof newest>;
  if (process.env.DBOS_UPDATE_FIXTURES)
    writeFileSync(FIXTURE, `${JSON.stringify({...golden, 'version 2': newest}, null, 2)}\n`);
  t.deepEqual(golden['version 2'], newest);
  t.deepEqual(readOpenTransaction(objects, id), SAMPLE);
  const first = objects.put(Buffer.from(golden['version 1'].hex, 'hex'));
  t.is(formatId(first), golden['version 1'].id);
  t.deepEqual(readOpenTransaction(objects, first), {...SAMPLE, reads: [{...SAMPLE.reads[0], indexes: []}] as never});
});

test('ranges that touch, tables out of order and the like are refused', t => {
  const fields = (reads: Field, isolation = 1): Field[] => [
    'main',
    idToBytes(base),
    null,
    [Buffer.alloc(8), 0, 'Ada', ''],
    '',
    isolation,
    '',
    [],
    reads,
  ];
  const range = (gte: number | null, lt: number | null): Field => {
    return [gte === null ? null : Buffer.from([gte]), lt === null ? null : Buffer.from([lt])];
  };
  const read = (all: Field[]) => {
    const objects = new MemoryObjects();
    return readOpenTransaction(objects, objects.put(encodeObject('transaction', all)));
  };
  t.is(read(fields([['a', [range(1, 2), range(3, null)], []]])).reads.length, 1);
  t.is(read(fields([['a', [], []]])).reads.length, 1);
  const wrong: Field[] = [
    [['a', []]],
    [['a', [range(2, 1)], []]],
    [['a', [range(1, 2), range(2, 3)], []]],
    [['a', [range(1, null), range(3, 4)], []]],
    [['a', [], [['i', []]]]],
    [['a', [], [['i', [range(2, 1)]]]]],
    [
      [
        'a',
        [],
        [
          ['j', [range(1, 2)]],
          ['i', [range(1, 2)]],
        ],
      ],
    ],
    [
      ['b', [range(1, 2)], []],
      ['a', [range(1, 2)], []],
    ],
  ];
  for (const reads of wrong) t.throws(() => read(fields(reads)), {code: 'OBJECT_INVALID'});
  t.throws(() => read(fields([], 2)), {code: 'OBJECT_INVALID'});
});

test('whatever the fields are, the object is read or refused', t => {
  const field: fc.Arbitrary<Field> = fc.letrec<{field: Field}>(tie => ({
    field: fc.oneof(
      {depthSize: 'small'},
      fc.constant(null),
      fc.nat(3),
      fc.constantFrom('main', ''),
      fc.uint8Array({maxLength: 33}),
      fc.array(tie('field'), {maxLength: 4}),
    ),
  })).field;
  fc.assert(
    fc.property(fc.array(field, {minLength: 9, maxLength: 9}), fields => {
      const objects = new MemoryObjects();
      const id = objects.put(encodeObject('transaction', fields));
      try {
        readOpenTransaction(objects, id);
      } catch (error) {
        t.is((error as {code?: unknown}).code, 'OBJECT_INVALID');
      }
    }),
    {numRuns: 200},
  );
});
