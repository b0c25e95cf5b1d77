/**
 * Finds bodies that were copied: they stand in new rows, and in others that the receiver has already. The search reads the
 * trees of the common commits, newest first, and no more of their objects than there are bodies to send: it never costs more
 * than what it may save. The result follows from its arguments alone. Layer: sync.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {decodeCommitHeader} from '../repo/commit.js';
import {isView} from '../state/definition.js';
import {readState} from '../state/state.js';
import {readTable} from '../state/table.js';
import {contentLinks} from '../tree/content.js';
import {linksOf} from '../tree/links.js';

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
  for (const commit of commits) {
    const {state} = decodeCommitHeader(reader.read(commit));
    for (const [, id] of readState(reader, state)) {
      if (seen.size >= bodies.size) return found;
      if (isView(reader, id)) continue;
      const {root} = readTable(reader, id);
      if (root !== null) visit(root, 'node');
    }
  }
  return found;
}
