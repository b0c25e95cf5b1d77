/**
 * Writes a bundle: branches and tags with everything that they reach, or what they reach beyond some commits. Guarantee: the
 * file is whole or as it was before, and the same refs of the same commits give the same bytes. Memory grows with the number
 * of objects (ids only). Layer: sync.
 */
import {statSync} from 'node:fs';
import {ByteWriter, compareText} from '../bytes.js';
import {DbosError, isDbosError} from '../errors.js';
import {type Cid, idOf, type ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {unwritable, writePartsAtomically} from '../repo/atomicfile.js';
import {readCommit} from '../repo/commit.js';
import {walk} from '../repo/history.js';
import {branchRef, listRefs, type RefName} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {resolveRevision} from '../repo/revisions.js';
import {peel} from '../repo/tag.js';
import type {InputSource} from '../sql/transfer/input.js';
import {Pace, type PaceOptions} from '../sql/transfer/pace.js';
import {BundleFile} from './bundle-file.js';
import {type BundleManifest, bundleTips, encodeManifest} from './bundle-manifest.js';
import {encodeCarHeader, encodeCarSection} from './car.js';
import {type Listed, listMissing} from './missing.js';

export interface BundleRequest {
  /** Branches and tags. */
  readonly refs: ReadonlyMap<RefName, ObjectId>;
  /** Commits that whoever gets the bundle has. */
  readonly since: readonly ObjectId[];
}

export interface CreatedBundle {
  readonly manifest: BundleManifest;
  /** The bytes of the file. */
  readonly size: number;
}

/** Blocks are put together up to so many bytes. */
const PART_BYTES = 1024 * 1024;

/** Returns every branch and tag. */
export function allRefs({objects, view}: Repository): Map<RefName, ObjectId> {
  return new Map(Array.from(listRefs(objects, view.refs), ({name, id}) => [name, id]));
}

/**
 * Returns the branches and tags that revisions name; HEAD is its branch. Throws REVISION_INVALID for a commit without such a
 * name, and as `resolveRevision`.
 */
export async function refsNamed(repo: Repository, revisions: readonly string[]): Promise<Map<RefName, ObjectId>> {
  const all = allRefs(repo);
  const refs = new Map<RefName, ObjectId>();
  for (const text of revisions) {
    const {kind, ref} = await resolveRevision(repo, text);
    const {branch} = repo.head();
    const name = kind === 'head' && branch !== undefined ? branchRef(branch) : ref;
    const id = name && all.get(name);
    if (name === undefined || id === undefined) {
      throw new DbosError('REVISION_INVALID', `'${text}' is no branch or tag, and a bundle holds what has a name.`, {
        hint: `Give the commit one with \`dbos branch NAME ${text}\`.`,
        data: {revision: text},
      });
    }
    refs.set(name, id);
  }
  return refs;
}

/** A bundle that is being made. */
interface BundleStream {
  readonly manifest: BundleManifest;
  /** Its bytes; a part may use the memory of the one before. */
  readonly parts: AsyncGenerator<Uint8Array, void, undefined>;
}

/** Returns a bundle as bytes that are made as they are read. Throws BUNDLE_EMPTY, and the reason of the signal. */
export async function streamBundle(
  repo: Repository,
  request: BundleRequest,
  options: PaceOptions = {},
): Promise<BundleStream> {
  const pace = new Pace(options);
  const refs = new Map([...request.refs].sort(([a], [b]) => compareText(a, b)));
  const common = prerequisitesOf(repo, refs, request.since);
  const {list, shallow} = await listMissing(repo, {wants: [...refs.values()], common}, {pace});
  const prerequisites = [...new Set([...common, ...parentsOf(repo, shallow)])].sort();
  if (list.length === 0) {
    throw new DbosError('BUNDLE_EMPTY', 'There is nothing to put into the bundle.', {
      hint: request.since.length > 0 ? 'What --since names has all of it.' : 'Name branches or tags with commits.',
    });
  }
  const {branch} = repo.head();
  const head = branch !== undefined && refs.has(branchRef(branch)) ? branch : undefined;
  const manifest = {head, refs, prerequisites, objects: list.length};
  const parts = async function* () {
    let bytes = 0;
    for (const part of bundleParts(repo.objects, manifest, list)) {
      bytes += part.bytes.length;
      yield part.bytes;
      await pace.step({label: 'Writing objects', done: part.objects, total: list.length, bytes});
    }
  };
  return {manifest, parts: parts()};
}

/**
 * Writes a bundle into a file, where an earlier one is replaced. Throws PATH_EXISTS if something else is there, FILE_UNWRITABLE, and as
 * `streamBundle`.
 */
export async function createBundle(
  repo: Repository,
  {path, name}: {readonly path: string; readonly name: string},
  request: BundleRequest,
  options: PaceOptions = {},
): Promise<CreatedBundle> {
  checkReplaceable({path, name, temporary: repo.location.store});
  const {manifest, parts} = await streamBundle(repo, request, options);
  let size = 0;
  const counted = async function* () {
    for await (const part of parts) {
      size += part.length;
      yield part;
    }
  };
  try {
    await writePartsAtomically(path, counted());
  } catch (error) {
    throw unwritable(error, name, 'Name a file in a directory that can be written to.');
  }
  return {manifest, size};
}

function checkReplaceable(source: InputSource & {readonly path: string}): void {
  const existing = statSync(source.path, {throwIfNoEntry: false});
  if (existing === undefined) return;
  let cause: unknown;
  try {
    if (existing.isFile()) {
      BundleFile.open(source).close();
      return;
    }
  } catch (error) {
    if (!isDbosError(error)) throw error;
    cause = error;
  }
  throw new DbosError('PATH_EXISTS', `'${source.name}' is there already, and is no bundle that could be replaced.`, {
    hint: 'Name another file, or remove it first.',
    data: {path: source.name},
    cause,
  });
}

/** Returns the commits that `since` reaches and that the refs go on from, or hold themselves. */
function prerequisitesOf(
  repo: Repository,
  refs: ReadonlyMap<RefName, ObjectId>,
  since: readonly ObjectId[],
): readonly ObjectId[] {
  const tips = Array.from(refs.values(), id => peel(repo.objects, id).id);
  const own = new Set<ObjectId>();
  const named = new Set(tips);
  for (const {id, parents} of walk(repo, {include: tips, exclude: since})) {
    own.add(id);
    for (const parent of parents) named.add(parent);
  }
  return [...named].filter(id => !own.has(id)).sort();
}

/** Returns the parents of shallow commits: whoever gets these without their parents must have them. */
function parentsOf({objects}: Repository, shallow: readonly ObjectId[]): ObjectId[] {
  return shallow.flatMap(id => readCommit(objects, id).parents);
}

/** Yields the file in parts, each with the number of objects that are written with it. The next one uses the memory of the last. */
function* bundleParts(
  reader: ObjectReader,
  manifest: BundleManifest,
  list: readonly Listed[],
): Generator<{readonly bytes: Uint8Array; readonly objects: number}> {
  const first = encodeManifest(manifest);
  const roots = [idOf(first), ...bundleTips(manifest)].map(id => ({id, codec: 'messagepack'}) as const);
  const writer = new ByteWriter(2 * PART_BYTES);
  writer.bytes(encodeCarHeader(roots));
  writer.bytes(encodeCarSection(roots[0] as Cid, first.length)).bytes(first);
  for (const [i, {id, kind}] of list.entries()) {
    const bytes = reader.read(id);
    writer.bytes(encodeCarSection({id, codec: kind === 'blob' ? 'raw' : 'messagepack'}, bytes.length)).bytes(bytes);
    if (writer.length < PART_BYTES) continue;
    yield {bytes: writer.finish(), objects: i + 1};
    writer.length = 0;
  }
  if (writer.length > 0) yield {bytes: writer.finish(), objects: list.length};
}
