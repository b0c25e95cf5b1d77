/**
 * Finds bodies that were copied: they stand in new rows, and in others that the receiver has already. The search reads the
 * trees of the common commits, newest first, and no more of their objects than there are bodies to send: it never costs more
 * than what it may save. The result follows from the store and the arguments alone. Layer: sync.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {decodeCommitHeader} from '../repo/commit.js';
import {isView} from '../state/definition.js';
import {readState} from '../state/state.js';
import {readTable} from '../state/table.js';
import type {Location} from '../storage/storage.js';
import {contentLinks} from '../tree/content.js';
import {type Link, linksOf} from '../tree/links.js';

/**
 * Returns those of `bodies` that commits may hold: everything that a node names was written before it, so a body that stands behind
 * all of their nodes in the log is newer. Without a log that is all of them.
 */
export function mayBeIn(
  reader: ObjectReader,
  commits: readonly ObjectId[],
  bodies: ReadonlySet<ObjectId>,
): ReadonlySet<ObjectId> {
  let last: Location | undefined;
  const visit = (id: ObjectId, kind: Link['kind']): void => {
    const place = reader.locate(id);
    // small objects are not in the log, but what they name may be
    if (place === undefined && kind === 'node') for (const link of linksOf(reader.read(id))) visit(link.id, link.kind);
    else if (place && (last === undefined || isBehind(place, last))) last = place;
  };
  for (const root of rootsOf(reader, commits)) visit(root, 'node');
  if (last === undefined) return bodies;
  const candidates = new Set<ObjectId>();
  for (const id of bodies) {
    const place = reader.locate(id);
    if (place !== undefined && !isBehind(place, last)) candidates.add(id);
  }
  return candidates;
}

function isBehind(a: Location, b: Location): boolean {
  return a.segment > b.segment || (a.segment === b.segment && a.frame > b.frame);
}

/** Yields the roots of the tables of commits. */
function* rootsOf(reader: ObjectReader, commits: readonly ObjectId[]): Generator<ObjectId> {
  for (const commit of commits) {
    const {state} = decodeCommitHeader(reader.read(commit));
    for (const [, id] of readState(reader, state)) {
      if (isView(reader, id)) continue;
      const {root} = readTable(reader, id);
      if (root !== null) yield root;
    }
  }
}

/** Returns those of `bodies` that were found in what the commits hold now. */
export function bodiesIn(
  reader: ObjectReader,
  commits: readonly ObjectId[],
  bodies: ReadonlySet<ObjectId>,
): Set<ObjectId> {
  const found = new Set<ObjectId>();
  const seen = new Set<ObjectId>();
  const visit = (id: ObjectId, kind: 'node' | 'content' | 'blob'): void => {
    if (found.size === bodies.size || seen.has(id)) return;
    if (bodies.has(id)) found.add(id);
    if (kind === 'blob' || seen.size >= bodies.size) return;
    seen.add(id);
    const bytes = reader.read(id);
    if (kind === 'node') for (const link of linksOf(bytes)) visit(link.id, link.kind);
    else for (const link of contentLinks(bytes)) visit(link.id, link.chunked ? 'content' : 'blob');
  };
  for (const root of rootsOf(reader, commits)) {
    if (seen.size >= bodies.size) break;
    visit(root, 'node');
  }
  return found;
}
