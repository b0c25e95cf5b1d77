/**
 * The kinds of structured objects and the number that each starts with. Blobs have no kind: they are their bytes.
 * Layer: objects.
 */

/** Kind numbers are part of the format: they never change and are never used again. */
export const OBJECT_KINDS = {
  content: 1,
  node: 2,
  schema: 3,
  table: 4,
  state: 5,
  commit: 6,
  tag: 7,
  view: 8,
  operation: 9,
  definition: 10,
  transaction: 11,
  bundle: 12,
} as const;

export type ObjectKind = keyof typeof OBJECT_KINDS;

/** The format version of the kinds that never had another one. */
export const FORMAT_VERSION = 1;

/** The kinds that have a newer one; the versions before it can be read. */
const NEWER_VERSIONS: Partial<Record<ObjectKind, number>> = {operation: 3, transaction: 2};

/** Returns the newest format version of a kind: the one that this program writes, unless an object has no need of it. */
export function versionOf(kind: ObjectKind): number {
  return NEWER_VERSIONS[kind] ?? FORMAT_VERSION;
}
