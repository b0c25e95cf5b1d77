/** Commits that carry a number and can be checked as a whole: small values, values in the log, a compressed frame. */
import {packFrame} from '../../src/storage/frame.js';
import type {StorageReader, StorageWriter} from '../../src/storage/storage.js';

/** Returns the number of the last commit, or 0. */
export function commitNumber(storage: StorageReader): number {
  const value = storage.get('number');
  return value === undefined ? 0 : Number(Buffer.from(value).toString());
}

function values(number: number): [string, Buffer][] {
  const sizes = [10, 900, 3000, 20_000, 100_000];
  return sizes.map((size, i) => [`${i}`, Buffer.alloc(size, `${number} ${i} `)]);
}

export function stageNumbered(writer: StorageWriter, number: number): void {
  for (const [name, value] of values(number)) writer.put(`put ${number} ${name}`, value);
  writer.putFrame(packFrame(values(number).map(([name, value]) => ({key: `frame ${number} ${name}`, value}))));
  writer.put('number', Buffer.from(`${number}`));
}

/** Returns whether all of a commit is there. */
export function isWhole(storage: StorageReader, number: number): boolean {
  return values(number).every(
    ([name, value]) =>
      value.equals(storage.get(`put ${number} ${name}`) ?? Buffer.alloc(0)) &&
      value.equals(storage.get(`frame ${number} ${name}`) ?? Buffer.alloc(0)),
  );
}

/** Returns whether nothing of a commit is there. */
export function isAbsent(storage: StorageReader, number: number): boolean {
  return values(number).every(
    ([name]) => !storage.has(`put ${number} ${name}`) && !storage.has(`frame ${number} ${name}`),
  );
}
