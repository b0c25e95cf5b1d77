/**
 * What a bundle says of itself: branches and tags with what they hold, what HEAD is on, the commits that whoever takes it in
 * must have, and how many objects there are. It is an object of its own kind, the first block of the file. Layer: sync.
 */
import {compareBytes, compareText} from '../bytes.js';
import {
  asArray,
  asFields,
  asId,
  asWideInteger,
  decodeObject,
  encodeObject,
  fieldOfId,
  invalid,
  wideInteger,
} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import {asBranchName, asRefName, BRANCHES, branchRef, type RefName, TAGS} from '../repo/refs.js';
import type {PeerRefs} from './peer.js';

export interface BundleManifest extends PeerRefs {
  /** Commits, in the order of their ids. Parents of commits in the bundle, or what its refs hold themselves. */
  readonly prerequisites: readonly ObjectId[];
  /** Objects beside the manifest. */
  readonly objects: number;
}

const FIELDS = 4;

/** Returns the manifest as an object; its refs are in the order of their names. */
export function encodeManifest({head, refs, prerequisites, objects}: BundleManifest): Buffer {
  return encodeObject('bundle', [
    Array.from(refs, ([name, id]) => [name, fieldOfId(id)]),
    head ?? null,
    prerequisites.map(fieldOfId),
    wideInteger(objects),
  ]);
}

/** Returns the manifest of these bytes. Throws OBJECT_INVALID, and STORE_FORMAT for a version that this program does not know. */
export function decodeManifest(bytes: Uint8Array): BundleManifest {
  const fields = decodeObject(bytes, 'bundle');
  if (fields.length !== FIELDS) throw invalid('is a bundle with a wrong number of fields');
  const refs = new Map<RefName, ObjectId>();
  let last: RefName | undefined;
  for (const entry of asArray(fields[0])) {
    const [first, id] = asFields(entry, 2);
    const name = asRefName(first);
    if (!name.startsWith(BRANCHES) && !name.startsWith(TAGS)) throw invalid('is a bundle with another ref');
    if (last !== undefined && compareText(last, name) >= 0)
      throw invalid('is a bundle with refs that are not in order');
    refs.set(name, asId(id));
    last = name;
  }
  if (refs.size === 0) throw invalid('is a bundle without refs');
  const head = fields[1] === null ? undefined : asBranchName(fields[1]);
  if (head !== undefined && !refs.has(branchRef(head))) throw invalid('is a bundle without the branch of its HEAD');
  const prerequisites = asArray(fields[2]).map(asId);
  if (prerequisites.some((id, i) => i > 0 && (prerequisites[i - 1] as ObjectId) >= id)) {
    throw invalid('is a bundle with prerequisites that are not in order');
  }
  const objects = asWideInteger(fields[3]);
  if (objects < 1) throw invalid('is a bundle of nothing');
  const manifest = {head, refs, prerequisites, objects};
  if (compareBytes(encodeManifest(manifest), bytes) !== 0) throw invalid('is a bundle in another form');
  return manifest;
}

/** Returns the objects that the archive has as roots beside the manifest: what refs hold, as far as it is in there. */
export function bundleTips({refs, prerequisites}: BundleManifest): ObjectId[] {
  const elsewhere = new Set(prerequisites);
  return [...new Set(refs.values())].filter(id => !elsewhere.has(id));
}
