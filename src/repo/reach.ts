/**
 * Which of many commits others reach, and which of many reach others: one walk for all of them together, from the greatest
 * generation down to the least that matters. A commit is read once. Memory holds the ids of what a walk has yet to come to,
 * and for `reaching` of all that it came to. Layer: repo.
 */
import type {ObjectId} from '../objects/id.js';
import {type CommitHeader, checkGeneration, decodeCommitHeader} from './commit.js';
import {Heap} from './heap.js';
import {asHeld, type HistorySource} from './shallow.js';

interface Reached extends CommitHeader {
  readonly id: ObjectId;
}

function readHeader({objects, shallow}: HistorySource, id: ObjectId): Reached {
  return {id, ...asHeld({shallow}, id, decodeCommitHeader(objects.read(id)))};
}

/** Yields commits and their ancestors down to a generation, each once and before its parents. Throws OBJECT_INVALID. */
function* descend(source: HistorySource, starts: Iterable<ObjectId>, floor: number): Generator<Reached> {
  const queue = new Heap<Reached>((a, b) => a.generation > b.generation);
  const waiting = new Map<ObjectId, Reached>();
  const come = (id: ObjectId): Reached => {
    let commit = waiting.get(id);
    if (commit === undefined) {
      commit = readHeader(source, id);
      waiting.set(id, commit);
      queue.push(commit);
    }
    return commit;
  };
  for (const id of starts) come(id);
  for (let next = queue.pop(); next !== undefined && next.generation >= floor; next = queue.pop()) {
    // all its children came before it, so nothing leads to it any more
    waiting.delete(next.id);
    yield next;
    checkGeneration(next.generation, next.parents.map(come));
  }
}

function leastGeneration(source: HistorySource, ids: Iterable<ObjectId>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const id of ids) least = Math.min(least, readHeader(source, id).generation);
  return least;
}

/** Returns those of the candidates that are one of `tips` or an ancestor of one. Throws OBJECT_MISSING, OBJECT_INVALID. */
export function reachedFrom(
  source: HistorySource,
  candidates: Iterable<ObjectId>,
  tips: Iterable<ObjectId>,
): Set<ObjectId> {
  const wanted = new Set(candidates);
  const found = new Set<ObjectId>();
  if (wanted.size === 0) return found;
  for (const {id} of descend(source, tips, leastGeneration(source, wanted))) {
    if (!wanted.has(id)) continue;
    found.add(id);
    if (found.size === wanted.size) break;
  }
  return found;
}

/** Returns those of the candidates that are one of `targets` or have one as an ancestor. Throws as `reachedFrom`. */
export function reaching(
  source: HistorySource,
  candidates: Iterable<ObjectId>,
  targets: Iterable<ObjectId>,
): Set<ObjectId> {
  const wanted = new Set(candidates);
  const reach = new Set(targets);
  if (reach.size === 0) return new Set();
  const passed = [...descend(source, wanted, leastGeneration(source, reach))];
  // parents before their children
  for (const {id, parents} of passed.reverse()) if (parents.some(parent => reach.has(parent))) reach.add(id);
  return new Set([...wanted].filter(id => reach.has(id)));
}
