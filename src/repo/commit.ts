/**
 * Commits: a state with its parents, who made it, when and why. A commit also carries its generation, one more than the
 * greatest of its parents', so that walks through history know what cannot be an ancestor and stop early; a walk
 * that meets a wrong one says so. Layer: repo.
 */
import {asBuffer} from '../bytes.js';
import {
  anyText,
  asAnyText,
  asArray,
  asCount,
  asId,
  decodeObject,
  encodeObject,
  fieldOfId,
  invalid,
} from '../objects/codec.js';
import {ID_BYTES, type ObjectId} from '../objects/id.js';
import {FORMAT_VERSION, OBJECT_KINDS} from '../objects/kinds.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {asSignature, fieldOfSignature, type Signature} from './signature.js';

/** What a new commit is made of. */
export interface CommitContent {
  readonly state: ObjectId;
  /** The commits that it follows: none for a first commit, several for a merge. No id twice. */
  readonly parents: readonly ObjectId[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
  /** What made the commit if it was not a plain `commit`: `amend`, `save`, …; else null. */
  readonly cause: string | null;
}

export interface Commit extends CommitContent {
  /** 1 for a commit without parents, else one more than the greatest generation of its parents. */
  readonly generation: number;
}

const FIELDS = 7;
const MAX_GENERATION = 0xffffffff;
const MAX_PARENTS = 1024;

/** Writes a commit and returns its id. Its parents must exist. Throws a `TypeError` if one is given twice. */
export function writeCommit(sink: ObjectSink, commit: CommitContent): ObjectId {
  if (new Set(commit.parents).size !== commit.parents.length) throw new TypeError('a commit has a parent twice');
  if (commit.parents.length > MAX_PARENTS) throw new TypeError(`a commit has more than ${MAX_PARENTS} parents`);
  let generation = 1;
  for (const parent of commit.parents) {
    generation = Math.max(generation, decodeCommitHeader(sink.read(parent)).generation + 1);
  }
  return sink.put(
    encodeObject('commit', [
      fieldOfId(commit.state),
      commit.parents.map(fieldOfId),
      generation,
      fieldOfSignature(commit.committer),
      fieldOfSignature(commit.author),
      anyText(commit.message),
      commit.cause === null ? null : anyText(commit.cause),
    ]),
  );
}

/** Returns the commit with this id. Throws OBJECT_MISSING, OBJECT_CORRUPT or OBJECT_INVALID. */
export function readCommit(reader: ObjectReader, id: ObjectId): Commit {
  return decodeCommit(reader.read(id));
}

/** Returns the commit of these bytes. Throws OBJECT_INVALID. */
export function decodeCommit(bytes: Uint8Array): Commit {
  const fields = decodeObject(bytes, 'commit');
  if (fields.length !== FIELDS) throw invalid('is a commit with a wrong number of fields');
  const parents = asArray(fields[1]).map(asId);
  const generation = asCount(fields[2], MAX_GENERATION);
  if (parents.length > MAX_PARENTS || (parents.length > 1 && new Set(parents).size !== parents.length)) {
    throw invalid('is a commit with impossible parents');
  }
  if (generation === 0 || (generation === 1) !== (parents.length === 0)) throw wrongGeneration();
  return {
    state: asId(fields[0]),
    parents,
    generation,
    committer: asSignature(fields[3]),
    author: asSignature(fields[4]),
    message: asAnyText(fields[5]),
    cause: fields[6] === null ? null : asAnyText(fields[6]),
  };
}

/** What walks through history need of a commit. */
export interface CommitHeader {
  readonly state: ObjectId;
  readonly parents: readonly ObjectId[];
  readonly generation: number;
  /** The committer's time. */
  readonly time: number;
}

/**
 * Returns the header of the commit of these bytes. It stands at their start, in fields of fixed forms, so that a walk
 * need not decode the commits that it only passes. Throws OBJECT_INVALID.
 */
export function decodeCommitHeader(bytes: Uint8Array): CommitHeader {
  return readHeader(asBuffer(bytes)) ?? headerOf(decodeCommit(bytes));
}

function headerOf({state, parents, generation, committer}: Commit): CommitHeader {
  return {state, parents, generation, time: committer.time};
}

/** Array of 9, kind, version, 32 bytes: how a commit starts, before the state. */
const START = [0x99, OBJECT_KINDS.commit, FORMAT_VERSION, 0xc4, ID_BYTES];
const ID_FIELD = 2 + ID_BYTES;

/** Returns the header, or undefined if the bytes are not of the form that nearly all commits have: fewer than 16 parents. */
function readHeader(bytes: Buffer): CommitHeader | undefined {
  for (let i = 0; i < START.length; i++) if (bytes[i] !== START[i]) return undefined;
  const state = bytes.toString('latin1', START.length, START.length + ID_BYTES) as ObjectId;
  let at = START.length + ID_BYTES;
  const count = (bytes[at++] as number) - 0x90;
  if (!(count >= 0 && count < 16) || at + count * ID_FIELD + 16 > bytes.length) return undefined;
  const parents: ObjectId[] = [];
  for (let i = 0; i < count; i++) {
    if (bytes[at] !== 0xc4 || bytes[at + 1] !== ID_BYTES) return undefined;
    parents.push(bytes.toString('latin1', at + 2, at + ID_FIELD) as ObjectId);
    at += ID_FIELD;
  }
  const tag = bytes[at++] as number;
  let generation = tag;
  // 0xcc, 0xcd and 0xce are followed by 1, 2 and 4 bytes
  if (tag >= 0xcc && tag <= 0xce) {
    const size = 1 << (tag - 0xcc);
    generation = bytes.readUIntBE(at, size);
    at += size;
  } else if (tag > 0x7f) return undefined;
  // an array of 4 that begins with 8 bytes, the committer's time
  if (bytes[at] !== 0x94 || bytes[at + 1] !== 0xc4 || bytes[at + 2] !== 8 || at + 11 > bytes.length) return undefined;
  const time = bytes.readInt32BE(at + 3) * 2 ** 32 + bytes.readUInt32BE(at + 7);
  if (generation === 0 || (generation === 1) !== (count === 0)) throw wrongGeneration();
  return {state, parents, generation, time};
}

/**
 * Throws OBJECT_INVALID unless the generation of a commit follows from those of its parents. One of which no parent is
 * there is a first one, which decoding has checked, or a shallow one.
 */
export function checkGeneration(generation: number, parents: readonly {readonly generation: number}[]): void {
  if (parents.length === 0) return;
  let greatest = 0;
  for (const parent of parents) if (parent.generation > greatest) greatest = parent.generation;
  if (generation !== greatest + 1) throw wrongGeneration();
}

function wrongGeneration() {
  return invalid('is a commit with a wrong generation');
}
