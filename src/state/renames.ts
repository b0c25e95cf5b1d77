/**
 * Renames: a deleted file and an added one with the same or much the same body are one renamed file. Nothing about a
 * rename is stored; it is found when changes are shown. Layer: state.
 */
import {toBinary} from '../bytes.js';
import type {FileChange, FileRow} from './files.js';
import {nameOf} from './path.js';

export type ChangeKind = 'added' | 'modified' | 'deleted' | 'typechange' | 'renamed';

/** A change with its kind; a renamed file has both rows, with different paths. */
export interface FileDelta extends FileChange {
  readonly kind: ChangeKind;
  /** How much of the body is the same, 0 to 100; only for a renamed file. */
  readonly similarity?: number;
}

/** Bodies below this similarity are different files; git's default. */
const MIN_SIMILARITY = 50;

/** Only so many pairs of bodies are compared; identical bodies are always found. */
const MAX_PAIRS = 40_000;

/** Bodies over this size are matched only when identical. */
const MAX_COMPARED_BYTES = 1 << 20;

/** Returns the kind of a change by its rows alone. */
export function changeKind({before, after}: FileChange): ChangeKind {
  if (before === undefined) return 'added';
  if (after === undefined) return 'deleted';
  return before.type === after.type ? 'modified' : 'typechange';
}

/** Returns the body of a file of a change. */
export type BodyReader = (file: FileRow) => Uint8Array;

/**
 * Returns the changes in their order with deleted and added files paired as renames, each at the place of its new path.
 * `readBody` is asked only for bodies that might match; without it only identical bodies do.
 */
export function findRenames(changes: readonly FileChange[], readBody?: BodyReader): FileDelta[] {
  const gone = changes.filter(change => change.before?.type === 'file' && change.after === undefined);
  const come = changes.filter(change => change.after?.type === 'file' && change.before === undefined);
  const pairs = new Map<FileChange, {readonly from: FileChange; readonly similarity: number}>();
  if (gone.length > 0 && come.length > 0) {
    const used = new Set<FileChange>();
    pairIdentical(gone, come, pairs, used);
    if (readBody) pairSimilar(gone, come, readBody, pairs, used);
  }
  const sources = new Set([...pairs.values()].map(pair => pair.from));
  const deltas: FileDelta[] = [];
  for (const change of changes) {
    if (sources.has(change)) continue;
    const pair = pairs.get(change);
    if (pair) deltas.push({...change, before: pair.from.before, kind: 'renamed', similarity: pair.similarity});
    else deltas.push({...change, kind: changeKind(change)});
  }
  return deltas;
}

type Pairs = Map<FileChange, {readonly from: FileChange; readonly similarity: number}>;

function pairIdentical(gone: readonly FileChange[], come: readonly FileChange[], pairs: Pairs, used: Set<FileChange>) {
  const byBody = new Map<string, FileChange[]>();
  for (const change of gone) {
    const body = change.before?.content;
    if (!body || body.size === 0) continue;
    const list = byBody.get(body.id);
    if (list) list.push(change);
    else byBody.set(body.id, [change]);
  }
  for (const change of come) {
    const candidates = byBody.get(change.after?.content?.id ?? '')?.filter(candidate => !used.has(candidate));
    const from = candidates?.find(candidate => nameOf(candidate.path) === nameOf(change.path)) ?? candidates?.[0];
    if (!from) continue;
    used.add(from);
    pairs.set(change, {from, similarity: 100});
  }
}

function pairSimilar(
  gone: readonly FileChange[],
  come: readonly FileChange[],
  readBody: BodyReader,
  pairs: Pairs,
  used: Set<FileChange>,
) {
  const small = (file: FileRow | undefined) => {
    const size = file?.content?.size ?? 0;
    return size > 0 && size <= MAX_COMPARED_BYTES;
  };
  const from = gone.filter(change => !used.has(change) && small(change.before));
  const to = come.filter(change => !pairs.has(change) && small(change.after));
  if (from.length * to.length > MAX_PAIRS) return;
  const sketches = new Map<FileChange, Sketch>();
  const sketchOf = (change: FileChange) => {
    const known = sketches.get(change);
    if (known) return known;
    const sketch = sketchBody(readBody((change.before ?? change.after) as FileRow));
    sketches.set(change, sketch);
    return sketch;
  };
  const scored: {from: FileChange; to: FileChange; similarity: number}[] = [];
  for (const target of to) {
    const size = target.after?.content?.size as number;
    for (const source of from) {
      const other = source.before?.content?.size as number;
      if (Math.min(size, other) * 100 < Math.max(size, other) * MIN_SIMILARITY) continue;
      const similarity = compareSketches(sketchOf(source), sketchOf(target));
      if (similarity >= MIN_SIMILARITY) scored.push({from: source, to: target, similarity});
    }
  }
  const named = (pair: {from: FileChange; to: FileChange}) => (nameOf(pair.from.path) === nameOf(pair.to.path) ? 1 : 0);
  scored.sort((a, b) => b.similarity - a.similarity || named(b) - named(a));
  for (const pair of scored) {
    if (used.has(pair.from) || pairs.has(pair.to)) continue;
    used.add(pair.from);
    pairs.set(pair.to, {from: pair.from, similarity: pair.similarity});
  }
}

/** The lines of a body (cut at 64 bytes) and how many bytes of it each makes up. */
interface Sketch {
  readonly size: number;
  readonly pieces: ReadonlyMap<string, number>;
}

const PIECE = /[^\n]{0,63}\n|[^\n]{64}|[^\n]+$/g;

function sketchBody(body: Uint8Array): Sketch {
  const pieces = new Map<string, number>();
  for (const [piece] of toBinary(body).matchAll(PIECE)) pieces.set(piece, (pieces.get(piece) ?? 0) + piece.length);
  return {size: body.length, pieces};
}

function compareSketches(a: Sketch, b: Sketch): number {
  let common = 0;
  for (const [piece, bytes] of a.pieces) common += Math.min(bytes, b.pieces.get(piece) ?? 0);
  return Math.floor((common * 100) / Math.max(a.size, b.size));
}

/** Returns the deleted file that an added one most likely comes from: at least half of its body is the same. */
export function bestSource(added: FileRow, deleted: readonly FileRow[], readBody: BodyReader): FileRow | undefined {
  const changes = deleted.map(before => ({path: before.path, before, after: undefined}));
  const [delta] = findRenames([...changes, {path: added.path, before: undefined, after: added}], readBody).filter(
    ({kind}) => kind === 'renamed',
  );
  return delta?.before;
}
