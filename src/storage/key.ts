/** What a key may be. Layer: storage. */
import type {Key} from './storage.js';

const LONGEST = 1024;

/** Throws a `TypeError` unless the key is a string of 1 to 1,024 bytes. */
export function checkKey(key: Key): void {
  if (typeof key !== 'string' || key.length === 0 || key.length > LONGEST)
    throw new TypeError('a key has 1 to 1,024 bytes');
}
