import {sha256} from '@noble/hashes/sha2.js';
import test from 'ava';
import fc from 'fast-check';
import {CID} from 'multiformats/cid';
import {create} from 'multiformats/hashes/digest';
import {
  digestText,
  formatId,
  idFromBytes,
  idOf,
  idRangeOfPrefix,
  idToBytes,
  parseId,
  shortId,
} from '../../src/objects/id.js';

test('an id is the sha2-256 digest that noble computes', t => {
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 300}), bytes => {
      t.deepEqual([...idToBytes(idOf(bytes))], [...sha256(bytes)]);
    }),
  );
});

test('the text of an id is the CIDv1 that multiformats makes', t => {
  fc.assert(
    fc.property(
      fc.uint8Array({minLength: 32, maxLength: 32}),
      fc.constantFrom('raw' as const, 'messagepack' as const),
      (digest, codec) => {
        const cid = CID.createV1(codec === 'raw' ? 0x55 : 0x0201, create(0x12, digest)).toString();
        const id = idFromBytes(digest);
        t.is(formatId(id, codec), cid);
        t.deepEqual(parseId(cid), {id, codec});
      },
    ),
  );
});

test('the short id starts at the tenth character of the CID of a structured object', t => {
  const id = idOf(Buffer.from('x'));
  t.is(shortId(id), formatId(id).slice(9, 21));
  t.is(digestText(id), formatId(id).slice(9));
});

test('text that is no id of ours is none', t => {
  const id = formatId(idOf(Buffer.from('x')));
  for (const text of [
    '',
    'b',
    id.slice(0, -1),
    `${id}a`,
    id.toUpperCase(),
    `z${id.slice(1)}`,
    'bafy',
    `${id.slice(0, -1)}b`,
    'é',
  ]) {
    t.is(parseId(text), undefined, text);
  }
});

test('the range of a prefix holds exactly the ids that start with it', t => {
  fc.assert(
    fc.property(
      fc.uint8Array({minLength: 32, maxLength: 32}),
      fc.uint8Array({minLength: 32, maxLength: 32}),
      fc.integer({min: 1, max: 52}),
      (a, b, n) => {
        const prefix = digestText(idFromBytes(a)).slice(0, n);
        const range = idRangeOfPrefix(prefix);
        for (const id of [idFromBytes(a), idFromBytes(b)]) {
          const inside = range !== undefined && id >= range.gte && id <= range.lte;
          t.is(inside, digestText(id).startsWith(prefix));
        }
      },
    ),
  );
  t.is(idRangeOfPrefix('x1'), undefined);
  t.is(idRangeOfPrefix(''), undefined);
});
