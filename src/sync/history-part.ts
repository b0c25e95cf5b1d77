/**
 * The part of history that a transfer brings: what is wanted, as deep as it was asked for, less what the receiver has. History
 * may be cut off here, there, and where the transfer ends. The result follows from its arguments alone. Layer: sync.
 */
import {kindOf} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import {decodeCommitHeader} from '../repo/commit.js';
import {walk} from '../repo/history.js';
import {asHeld, type HistorySource} from '../repo/shallow.js';
import {decodeTag} from '../repo/tag.js';
import type {TransferScope} from './journal.js';

export interface HistoryPart {
  /** The commits to send, parents first. */
  readonly commits: readonly ObjectId[];
  /** The tag objects that are wanted. */
  readonly tags: readonly ObjectId[];
  /** Commits that are sent without their parents are shallow in it. */
  readonly source: HistorySource;
}

/** Returns the part of a history that a transfer brings. */
export function historyPart(source: HistorySource, scope: TransferScope): HistoryPart {
  const {objects} = source;
  const wants: ObjectId[] = [];
  const tags: ObjectId[] = [];
  for (const id of new Set(scope.wants)) {
    const bytes = objects.read(id);
    if (kindOf(bytes) !== 'tag') wants.push(id);
    else {
      tags.push(id);
      wants.push(decodeTag(bytes).target);
    }
  }
  const limited =
    scope.depth === undefined ? {source, include: wants} : limit(source, wants, scope.depth, scope.shallow);
  const range = {include: limited.include, exclude: scope.common, excludeShallow: new Set(scope.shallow)};
  const commits = Array.from(walk(limited.source, range), ({id}) => id).reverse();
  return {commits, tags, source: limited.source};
}

/**
 * Returns a history that ends where a depth does, and from where on to send it: from the wants, and from what lies behind the
 * shallow commits of the receiver.
 */
function limit(
  source: HistorySource,
  wants: readonly ObjectId[],
  depth: number,
  shallow: readonly ObjectId[] = [],
): {readonly source: HistorySource; readonly include: readonly ObjectId[]} {
  const within = upTo(depth, source, wants);
  const edge = new Set(source.shallow);
  for (const [id, parents] of within) if (!parents.every(parent => within.has(parent))) edge.add(id);
  const include = [...wants];
  for (const id of shallow) if (!edge.has(id)) include.push(...(within.get(id) ?? []));
  return {source: {objects: source.objects, shallow: edge}, include};
}

/** Returns the commits that lie less than `depth` steps behind some others, each with its parents. */
function upTo(
  depth: number,
  source: HistorySource,
  wants: readonly ObjectId[],
): ReadonlyMap<ObjectId, readonly ObjectId[]> {
  const found = new Map<ObjectId, readonly ObjectId[]>();
  let level = wants;
  for (let steps = 0; steps < depth && level.length > 0; steps++) {
    const next: ObjectId[] = [];
    for (const id of level) {
      if (found.has(id)) continue;
      const {parents} = asHeld(source, id, decodeCommitHeader(source.objects.read(id)));
      found.set(id, parents);
      next.push(...parents);
    }
    level = next;
  }
  return found;
}
