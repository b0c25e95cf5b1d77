/**
 * Parcels: how objects travel. One holds some objects of one sort, blobs or structured ones, together and compressed where
 * that pays, as a frame of the value log does; a frame of blobs is stored as it came. Ids do not travel: whoever opens a
 * parcel computes them. Layer: sync.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {packFrame, unpackPayload} from '../storage/frame.js';
import type {LogReader, StoredFrame} from '../storage/logreader.js';
import type {Listed} from './missing.js';

export interface Parcel extends StoredFrame {
  /** Whether it holds blobs; else structured objects. */
  readonly blobs: boolean;
}

/** Objects are put together up to so many bytes; a larger one travels alone. */
const PARCEL_BYTES = {blobs: 64 * 1024, structured: 512 * 1024};

/** What a receiver opens at most. No object that can be made is larger than the first. */
const MOST_BYTES = 2 ** 28;
/** What dbos puts together unpacks to less. */
export const LARGE = 1024 * 1024;
/** The objects of a parcel at most. */
export const MOST_OBJECTS = 2 ** 16;

/** An object that travels. */
export interface Travelling {
  readonly id: ObjectId;
  readonly blob: boolean;
  readonly bytes: Uint8Array;
}

/**
 * Yields the objects of a list in its order, packed, from the one at `from` on. A frame of `log`, the value log that they are in,
 * goes as it stands there if the list has its values in their order, as it has for what one commit brought.
 */
export function packObjects(
  reader: ObjectReader,
  list: readonly Listed[],
  from: number,
  log?: LogReader,
): Generator<Parcel, void, undefined> {
  return packEach(readEach(reader, list, from, log));
}

function* readEach(
  reader: ObjectReader,
  list: readonly Listed[],
  from: number,
  log: LogReader | undefined,
): Generator<Travelling | Parcel> {
  for (let at = from; at < list.length; at++) {
    const {id, kind} = list[at] as Listed;
    const blob = kind === 'blob';
    const frame = blob && log ? wholeFrame(reader, log, list, at) : undefined;
    if (frame) {
      yield {blobs: true, ...frame};
      at += frame.lengths.length - 1;
    } else yield {id, blob, bytes: reader.read(id)};
  }
}

/** Yields objects in their order, packed; parcels among them as they are. */
export function* packEach(items: Iterable<Travelling | Parcel>): Generator<Parcel, void, undefined> {
  let group: {key: string; value: Uint8Array}[] = [];
  let bytes = 0;
  let blobs = false;
  for (const item of items) {
    const packed = 'stored' in item;
    const limit = packed || !item.blob ? PARCEL_BYTES.structured : PARCEL_BYTES.blobs;
    if (group.length > 0 && (packed || item.blob !== blobs || bytes + item.bytes.length > limit)) {
      yield pack(group, blobs);
      group = [];
      bytes = 0;
    }
    if (packed) {
      yield item;
      continue;
    }
    blobs = item.blob;
    group.push({key: item.id, value: item.bytes});
    bytes += item.bytes.length;
  }
  if (group.length > 0) yield pack(group, blobs);
}

/** Returns the frame whose values are those that a list has from a place on, each of them. */
function wholeFrame(
  reader: ObjectReader,
  log: LogReader,
  list: readonly Listed[],
  at: number,
): StoredFrame | undefined {
  const first = reader.locate((list[at] as Listed).id);
  if (first?.offset !== 0) return undefined;
  const frame = log.readFrame(first);
  let offset = 0;
  for (const [i, length] of frame.lengths.entries()) {
    const listed = list[at + i];
    const place = i === 0 ? first : listed && reader.locate(listed.id);
    if (place?.segment !== first.segment || place.frame !== first.frame || place.offset !== offset) return undefined;
    if (place.length !== length) return undefined;
    offset += length;
  }
  return frame;
}

function pack(group: readonly {readonly key: string; readonly value: Uint8Array}[], blobs: boolean): Parcel {
  const {codec, rawLength, stored, entries} = packFrame(group);
  return {blobs, codec, rawLength, stored, lengths: entries.map(({length}) => length)};
}

/** Returns the objects of a parcel one after the other, which may share its memory. Throws TRANSFER_INVALID; nothing in it is trusted. */
export function unpackParcel({codec, rawLength, stored, lengths}: Parcel): Uint8Array {
  let total = 0;
  for (const length of lengths) total += Number.isSafeInteger(length) && length >= 0 ? length : Number.NaN;
  if (total !== rawLength || rawLength > MOST_BYTES || lengths.length > MOST_OBJECTS) {
    throw malformed('whose lengths are impossible');
  }
  try {
    return unpackPayload(codec, rawLength, stored);
  } catch (error) {
    throw malformed('that cannot be unpacked', error);
  }
}

/** Returns the objects of an unpacked parcel. */
export function objectsOf({lengths}: Parcel, raw: Uint8Array): Uint8Array[] {
  const objects: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    objects.push(raw.subarray(at, at + length));
    at += length;
  }
  return objects;
}

function malformed(what: string, cause?: unknown): DbosError {
  return new DbosError('TRANSFER_INVALID', `The other store sent a parcel of objects ${what}.`, {
    hint: 'Nothing was changed here. Run `dbos fsck` in the other store, then try again.',
    cause,
  });
}
