/**
 * The calls of a peer as messages: what is asked, what is answered, and both read back. docs/protocol.md has the same for those who
 * write another client. Reading trusts nothing: what does not fit is TRANSFER_INVALID. Layer: sync.
 */
import {asBuffer, toBinary} from '../bytes.js';
import {isDbosError} from '../errors.js';
import type {Field} from '../objects/codec.js';
import {ID_BYTES, type ObjectId} from '../objects/id.js';
import {BRANCHES, type BranchName, branchName, branchRef, type RefName, TAGS, tagRef} from '../repo/refs.js';
import {type Received, WHOLE_DEPTH} from './journal.js';
import {MOST_OBJECTS, type Parcel} from './parcel.js';
import type {CheckedEdit, FetchRequest, PeerEdit, PeerRefs, PushRequest, Sending} from './peer.js';
import {MESSAGE, type Message, malformed} from './wire.js';

/** The version of all this, in URLs and greetings. */
export const PROTOCOL = 'v1';

/** The calls of a peer. */
export const CALLS = ['refs', 'has', 'fetch', 'received', 'check', 'push'] as const;
export type Call = (typeof CALLS)[number];

/** References of one message, and of a whole answer. */
const REFS_AT_ONCE = 1000;
const MOST_REFS = 100_000;
/** The greatest length of the name of a reference, in characters. */
const MOST_NAME = 1024;

/** Returns the rest of a message of a kind. */
function fieldsOf(message: Message | undefined, kind: number): readonly unknown[] {
  if (message === undefined || message[0] !== kind) throw malformed('something else than what belongs here');
  return message.slice(1);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function idsField(ids: readonly ObjectId[]): Uint8Array {
  return Buffer.from(ids.join(''), 'latin1');
}

function readIds(value: unknown): ObjectId[] {
  if (!(value instanceof Uint8Array) || value.length % ID_BYTES !== 0) throw malformed('ids that are cut off');
  const text = toBinary(value);
  return Array.from(
    {length: text.length / ID_BYTES},
    (_, i) => text.slice(i * ID_BYTES, (i + 1) * ID_BYTES) as ObjectId,
  );
}

function idField(id: ObjectId | null | undefined): Uint8Array | null {
  return id == null ? null : Buffer.from(id, 'latin1');
}

function readId(value: unknown): ObjectId {
  const [id, more] = readIds(value);
  if (id === undefined || more !== undefined) throw malformed('what is no id');
  return id;
}

function readIdOrNull(value: unknown): ObjectId | null {
  return value === null ? null : readId(value);
}

function readRef(value: unknown): RefName {
  if (typeof value === 'string' && value.length <= MOST_NAME) {
    try {
      if (value.startsWith(BRANCHES)) return branchRef(branchName(value.slice(BRANCHES.length)));
      if (value.startsWith(TAGS)) return tagRef(value.slice(TAGS.length));
    } catch (error) {
      if (!isDbosError(error)) throw error;
    }
  }
  throw malformed('what is no name of a branch or tag');
}

// refs

export function* refsAnswer({head, refs, tagged, shallow = [], partial}: PeerRefs): Generator<Message> {
  yield [MESSAGE.call, head ?? null, refs.size, partial ? 1 : 0, idsField(shallow)];
  let some: Field[] = [];
  for (const [name, id] of refs) {
    some.push([name, idField(id), idField(tagged?.get(name))]);
    if (some.length < REFS_AT_ONCE) continue;
    yield [MESSAGE.call, some];
    some = [];
  }
  if (some.length > 0) yield [MESSAGE.call, some];
}

export async function readRefs(messages: AsyncIterator<Message>): Promise<PeerRefs> {
  const [head, count, partial, shallow] = fieldsOf((await messages.next()).value ?? undefined, MESSAGE.call);
  if (!isCount(count) || count > MOST_REFS) throw malformed('more branches and tags than can be');
  let current: BranchName | undefined;
  if (head !== null) current = readRef(`${BRANCHES}${head}`).slice(BRANCHES.length) as BranchName;
  const refs = new Map<RefName, ObjectId>();
  const tagged = new Map<RefName, ObjectId>();
  for (let read = 0; ; ) {
    const {value, done} = await messages.next();
    if (done) break;
    const [some] = fieldsOf(value, MESSAGE.call);
    if (!Array.isArray(some) || some.length === 0) throw malformed('what are no branches and tags');
    read += some.length;
    if (read > count) throw malformed('more branches and tags than it said');
    for (const entry of some) {
      if (!Array.isArray(entry)) throw malformed('what is no branch or tag');
      const name = readRef(entry[0]);
      refs.set(name, readId(entry[1]));
      const commit = readIdOrNull(entry[2]);
      if (commit !== null) tagged.set(name, commit);
    }
  }
  if (refs.size !== count) throw malformed('fewer branches and tags than it said');
  return {head: current, refs, tagged, shallow: readIds(shallow), partial: partial === 1};
}

// has

export function hasCall(commits: readonly ObjectId[]): Message {
  return [MESSAGE.call, idsField(commits)];
}

/** Commits that may be asked for at once. */
const MOST_ASKED = 4096;

export function readHasCall(message: Message | undefined): ObjectId[] {
  const ids = readIds(fieldsOf(message, MESSAGE.call)[0]);
  if (ids.length > MOST_ASKED) throw malformed('too many commits to ask for at once');
  return ids;
}

export function hasAnswer(known: readonly boolean[]): Message {
  return [MESSAGE.call, Uint8Array.from(known, Number)];
}

export function readHasAnswer(message: Message | undefined, asked: number): boolean[] {
  const [known] = fieldsOf(message, MESSAGE.call);
  if (!(known instanceof Uint8Array) || known.length !== asked) throw malformed('an answer to another question');
  return Array.from(known, flag => flag === 1);
}

// fetch

/** What a peer says before it sends. */
type SendingStart = Omit<Sending, 'parcels'>;

export function fetchCall({wants, common, received, depth = 0, shallow = []}: FetchRequest): Message {
  return [MESSAGE.call, idsField(wants), idsField(common), ...receivedFields(received), depth, idsField(shallow)];
}

export function readFetchCall(message: Message | undefined): FetchRequest {
  const [wants, common, count, last, depth, shallow] = fieldsOf(message, MESSAGE.call);
  if (!isCount(depth) || depth > WHOLE_DEPTH) throw malformed('numbers that are impossible');
  return {
    wants: readIds(wants),
    common: readIds(common),
    received: readReceived([count, last]),
    depth: depth === 0 ? undefined : depth,
    shallow: readIds(shallow),
  };
}

export function fetchAnswer({total, skipped, shallow}: SendingStart): Message {
  return [MESSAGE.call, total, skipped, idsField(shallow)];
}

export function readFetchAnswer(message: Message | undefined): SendingStart {
  const [total, skipped, shallow] = fieldsOf(message, MESSAGE.call);
  if (!isCount(total) || !isCount(skipped) || skipped > total) throw malformed('numbers that are impossible');
  return {total, skipped, shallow: readIds(shallow)};
}

// received

function receivedFields(received: Received | undefined): readonly [number, Uint8Array | null] {
  return [received?.count ?? 0, idField(received?.last)];
}

function readReceived([count, last]: readonly unknown[]): Received | undefined {
  if (!isCount(count)) throw malformed('numbers that are impossible');
  return count === 0 ? undefined : {count, last: readId(last)};
}

export function receivedCall(key: string): Message {
  return [MESSAGE.call, key];
}

export function readReceivedCall(message: Message | undefined): string {
  return readKey(fieldsOf(message, MESSAGE.call)[0]);
}

function readKey(value: unknown): string {
  // it becomes the name of a file
  if (typeof value !== 'string' || !/^[0-9a-f]{32}$/.test(value)) throw malformed('what is no key of a transfer');
  return value;
}

export function receivedAnswer(received: Received | undefined): Message {
  return [MESSAGE.call, ...receivedFields(received)];
}

export function readReceivedAnswer(message: Message | undefined): Received | undefined {
  return readReceived(fieldsOf(message, MESSAGE.call));
}

// push

export function pushCall({key, skipped, edits}: PushRequest): Message {
  return [
    MESSAGE.call,
    key,
    skipped,
    edits.map(({name, expected, next}): Field => [name, idField(expected), idField(next)]),
  ];
}

export function readPushCall(message: Message | undefined): PushRequest {
  const [key, skipped, edits] = fieldsOf(message, MESSAGE.call);
  if (!isCount(skipped)) throw malformed('a push of nothing, or of too much');
  return {key: readKey(key), skipped, edits: readEdits(edits, readEdit)};
}

/** Returns the changes of a message, each as `read` has it of its fields. */
function readEdits<E extends PeerEdit>(edits: unknown, read: (fields: readonly unknown[]) => E): E[] {
  if (!Array.isArray(edits) || edits.length === 0 || edits.length > MOST_REFS) {
    throw malformed('a push of nothing, or of too much');
  }
  const names = new Set<RefName>();
  return edits.map((fields: unknown): E => {
    if (!Array.isArray(fields)) throw malformed('what is no change of a branch or tag');
    const edit = read(fields);
    if (names.has(edit.name)) throw malformed('two changes of one branch or tag');
    names.add(edit.name);
    return edit;
  });
}

function readEdit([name, expected, next]: readonly unknown[]): PeerEdit {
  return {name: readRef(name), expected: readIdOrNull(expected), next: readIdOrNull(next)};
}

export function pushAnswer(): Message {
  return [MESSAGE.call];
}

export function readPushAnswer(message: Message | undefined): void {
  fieldsOf(message, MESSAGE.call);
}

// check

export function checkCall(edits: readonly CheckedEdit[]): Message {
  return [
    MESSAGE.call,
    edits.map(({name, expected, next, forward}): Field => [name, idField(expected), idField(next), forward ? 1 : 0]),
  ];
}

export function readCheckCall(message: Message | undefined): CheckedEdit[] {
  const [edits] = fieldsOf(message, MESSAGE.call);
  return readEdits(edits, fields => ({...readEdit(fields), forward: fields[3] === 1}));
}

// parcels

const CODECS = ['stored', 'brotli'] as const;

export function parcelMessage({blobs, codec, rawLength, stored, lengths}: Parcel): Message {
  const packed = Buffer.allocUnsafe(4 * lengths.length);
  for (const [i, length] of lengths.entries()) packed.writeUInt32LE(length, 4 * i);
  return [MESSAGE.parcel, blobs ? 1 : 0, CODECS.indexOf(codec), rawLength, packed, stored];
}

export function readParcel(message: Message | undefined): Parcel {
  const [blobs, codecNumber, rawLength, packed, stored] = fieldsOf(message, MESSAGE.parcel);
  const codec = isCount(codecNumber) ? CODECS[codecNumber] : undefined;
  const whole = isCount(blobs) && isCount(rawLength) && codec !== undefined && stored instanceof Uint8Array;
  if (!whole || !(packed instanceof Uint8Array) || packed.length % 4 !== 0) throw malformed('what is no parcel');
  // an empty one would bring nobody any further
  if (packed.length === 0 || packed.length > 4 * MOST_OBJECTS) throw malformed('a parcel of none or too many objects');
  const bytes = asBuffer(packed);
  const lengths = Array.from({length: packed.length / 4}, (_, i) => bytes.readUInt32LE(4 * i));
  return {blobs: blobs === 1, codec, rawLength, stored, lengths};
}
