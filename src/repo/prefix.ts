/**
 * Objects by the start of their id, as people write them. Layer: repo.
 */
import {DbosError} from '../errors.js';
import {kindOf} from '../objects/codec.js';
import {digestText, formatId, idOf, idRangeOfPrefix, type ObjectId, parseId} from '../objects/id.js';
import type {ObjectKind} from '../objects/kinds.js';
import {objectKey} from '../objects/store.js';
import type {Storage} from '../storage/storage.js';

/** Shorter prefixes are not looked up: they would match too much, and too many words. */
export const MIN_PREFIX = 4;

const MAX_FOUND = 20;

/**
 * Returns the objects of some kinds that a text names: a whole CID, or at least four characters of the digest part. At
 * most 20. A text that is no id gives none. Damaged objects are passed over.
 */
export async function findByPrefix(storage: Storage, text: string, kinds: readonly ObjectKind[]): Promise<ObjectId[]> {
  const whole = parseId(text.toLowerCase());
  const range =
    whole !== undefined
      ? {gte: whole.id, lte: whole.id}
      : text.length >= MIN_PREFIX
        ? idRangeOfPrefix(text.toLowerCase())
        : undefined;
  if (range === undefined) return [];
  const found: ObjectId[] = [];
  const keys = {gte: objectKey(range.gte), lt: `${objectKey(range.lte)}\0`};
  for await (const [key, value] of storage.range(keys)) {
    const kind = kindOf(value);
    const id = key.slice(1) as ObjectId;
    if (kind === undefined || !kinds.includes(kind) || idOf(value) !== id) continue;
    found.push(id);
    if (found.length === MAX_FOUND) break;
  }
  return found;
}

/** Returns the error for a prefix that several objects share. */
export function ambiguous(text: string, what: string, found: readonly ObjectId[]): DbosError {
  const shown = found.slice(0, 5).map(id => digestText(id).slice(0, Math.max(12, text.length + 2)));
  return new DbosError('REVISION_AMBIGUOUS', `'${text}' is the start of the ids of ${found.length} ${what}.`, {
    hint: `Write more of the id: ${shown.join(', ')}${found.length > shown.length ? ', …' : ''}.`,
    data: {text, candidates: found.map(id => formatId(id))},
  });
}
