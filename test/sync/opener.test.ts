/** A thread that opens parcels finds what this one would, in the same order, and what is wrong is told the same. */
import test from 'ava';
import fc from 'fast-check';
import {DbosError, isDbosError} from '../../src/errors.js';
import {idOf, type ObjectId} from '../../src/objects/id.js';
import {branchName, branchRef, findRef} from '../../src/repo/refs.js';
import type {Repository} from '../../src/repo/repository.js';
import {Journal} from '../../src/sync/journal.js';
import {type Opened, Opener} from '../../src/sync/opener.js';
import {type Parcel, packEach, type Travelling} from '../../src/sync/parcel.js';
import {Receiver} from '../../src/sync/receiver.js';
import {accessTo, type StoreAccess} from '../../src/sync/store-access.js';
import {StorePeer} from '../../src/sync/store-peer.js';
import {randomBytes} from '../bench/generated-tree.js';
import {commitFiles} from '../support/repo.js';
import {bareStore, mustBeSound} from '../support/sync.js';

const NEVER = Number.POSITIVE_INFINITY;

function travelling(seed: number, size: number, blob: boolean, isText: boolean): Travelling {
  const bytes = isText ? Buffer.alloc(size, `text ${seed} `) : Buffer.from(randomBytes(seed, size));
  return {id: idOf(bytes), blob, bytes};
}

/** Opens parcels as a receiver does, and returns what came of each. */
async function openAll(opener: Opener, parcels: readonly Parcel[]): Promise<(Opened | DbosError)[]> {
  const opened: Promise<Opened | DbosError>[] = [];
  for (const parcel of parcels) {
    opened.push(
      opener.open(parcel).catch(error => {
        if (isDbosError(error, 'TRANSFER_INVALID')) return error;
        throw error;
      }),
    );
    await opener.settle();
  }
  await opener.settle(0);
  const all = await Promise.all(opened);
  await opener.close();
  return all;
}

function told(opened: Opened | DbosError): unknown {
  if (opened instanceof DbosError) return opened.message;
  const {ids, objects, forms} = opened;
  return {ids, objects: objects.map(bytes => idOf(bytes)), forms: [...forms]};
}

test('law: a thread finds in parcels what is found here, damaged ones and large ones among them', async t => {
  const object = fc.tuple(
    fc.nat(1000),
    fc.oneof(
      {weight: 8, arbitrary: fc.integer({min: 1, max: 40_000})},
      {weight: 1, arbitrary: fc.constantFrom(300_000, 1_500_000)},
    ),
    fc.boolean(),
    fc.boolean(),
  );
  const harm = fc.constantFrom('none', 'none', 'none', 'none', 'flip', 'cut', 'lengths');
  let threads = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(object, {minLength: 1, maxLength: 60}),
      fc.array(harm, {minLength: 1, maxLength: 60}),
      fc.constantFrom(0, 100_000),
      async (objects, harms, threadAfter) => {
        const parcels = [...packEach(objects.map(each => travelling(...each)))].map((parcel, i): Parcel => {
          const {stored, lengths} = parcel;
          switch (harms[i % harms.length]) {
            case 'flip': {
              const flipped = Uint8Array.from(stored);
              flipped[stored.length >> 1] = (stored[stored.length >> 1] as number) ^ 0x55;
              return {...parcel, stored: flipped};
            }
            case 'cut':
              return {...parcel, stored: stored.subarray(0, stored.length >> 1)};
            case 'lengths':
              return {...parcel, lengths: [...lengths, 1]};
            default:
              return parcel;
          }
        });
        const opener = new Opener(threadAfter);
        const there = await openAll(opener, parcels);
        const here = await openAll(new Opener(NEVER), parcels);
        t.deepEqual(there.map(told), here.map(told));
        if (parcels.length > 1) threads++;
      },
    ),
    {numRuns: 25},
  );
  t.true(threads > 5);
});

test('what is opened and stored side by side is whole, and a disk that fills up is told', async t => {
  const from = await bareStore(t);
  const files = Array.from({length: 300}, (_, i) => [`f${i}`, Buffer.from(randomBytes(i, 20_000)).toString('base64')]);
  await commitFiles(from, Object.fromEntries(files));
  const main = branchRef(branchName('main'));
  const tip = findRef(from.objects, from.view.refs, main) as ObjectId;
  const scope = {wants: [tip], common: []};
  const receive = async (to: Repository, access: StoreAccess) => {
    const journal = Journal.open(to.location.store, 'a'.repeat(32), scope);
    const receiver = new Receiver(access, journal, {flushBytes: 300_000, threadAfter: 50_000});
    const {parcels} = await StorePeer.of(from).fetch({...scope, received: journal.received});
    await receiver.take(parcels);
    const edits = [{name: main, expected: {kind: 'absent'} as const, next: tip}];
    await receiver.publish([{ref: main, id: tip}], (_repo, transaction) =>
      transaction.publish({kind: 'normal', description: 'came', refs: edits}),
    );
    return receiver;
  };
  const full = await bareStore(t);
  let writes = 0;
  const filling: StoreAccess = {
    ...accessTo(full),
    write: async work => {
      if (++writes === 4) throw new DbosError('STORE_FULL', 'The disk is full.');
      return work(full);
    },
  };
  await t.throwsAsync(receive(full, filling), {code: 'STORE_FULL'});
  t.is(findRef(full.objects, full.view.refs, main), undefined);
  const before = Journal.open(full.location.store, 'a'.repeat(32), scope).received?.count as number;
  t.true(before > 0);
  // it goes on behind what came
  const rest = await receive(full, accessTo(full));
  t.true(rest.objects > 0);
  await mustBeSound(full);
  const to = await bareStore(t);
  const all = await receive(to, accessTo(to));
  t.is(rest.objects, all.objects - before);
  t.is(findRef(to.objects, to.view.refs, main), tip);
  await mustBeSound(to);
});
