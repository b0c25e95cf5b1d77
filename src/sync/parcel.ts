/**
 * Parcels: how objects travel. One holds some objects of one sort, blobs or structured ones, together and compressed where
 * that pays, as a frame of the value log does; a frame of blobs is stored as it came. Ids do not travel: whoever opens a
 * parcel computes them. Layer: sync.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {packFrame, unpackPayload} from '../storage/frame.js';
import type {FrameCodec} from '../storage/storage.js';
import type {Listed} from './missing.js';

export interface Parcel {
  /** Whether it holds blobs; else structured objects. */
  readonly blobs: boolean;
  readonly codec: FrameCodec;
  /** Bytes of all objects together. */
  readonly rawLength: number;
  /** The objects one after the other, as `codec` has it. */
  readonly stored: Uint8Array;
  readonly lengths: readonly number[];
}

/** Objects are put together up to so many bytes; a larger one travels alone. */
const PARCEL_BYTES = {blobs: 64 * 1024, structured: 512 * 1024};

/** What a receiver opens at most. No object that can be made is larger than the first. */
const MOST_BYTES = 2 ** 28;
const MOST_OBJECTS = 2 ** 16;

/** An object that travels. */
export interface Travelling {
  readonly id: ObjectId;
  readonly blob: boolean;
  readonly bytes: Uint8Array;
}

/** Yields the objects of a list in its order, packed, from the one at `from` on. */
export function packObjects(
  reader: ObjectReader,
  list: readonly Listed[],
  from: number,
): Generator<Parcel, void, undefined> {
  return packEach(readEach(reader, list, from));
}

function* readEach(reader: ObjectReader, list: readonly Listed[], from: number): Generator<Travelling> {
  for (let at = from; at < list.length; at++) {
    const {id, kind} = list[at] as Listed;
    yield {id, blob: kind === 'blob', bytes: reader.read(id)};
  }
}

/** Yields objects in their order, packed. */
export function* packEach(objects: Iterable<Travelling>): Generator<Parcel, void, undefined> {
  let group: {key: string; value: Uint8Array}[] = [];
  let bytes = 0;
  let blobs = false;
  for (const {id, blob, bytes: value} of objects) {
    const limit = blob ? PARCEL_BYTES.blobs : PARCEL_BYTES.structured;
    if (group.length > 0 && (blob !== blobs || bytes + value.length > limit)) {
      yield pack(group, blobs);
      group = [];
      bytes = 0;
    }
    blobs = blob;
    group.push({key: id, value});
    bytes += value.length;
  }
  if (group.length > 0) yield pack(group, blobs);
}

function pack(group: readonly {readonly key: string; readonly value: Uint8Array}[], blobs: boolean): Parcel {
  const {codec, rawLength, stored, entries} = packFrame(group);
  return {blobs, codec, rawLength, stored, lengths: entries.map(({length}) => length)};
}

/** Returns the objects of a parcel, which may share its memory. Throws TRANSFER_INVALID; nothing in it is trusted. */
export function openParcel({codec, rawLength, stored, lengths}: Parcel): Uint8Array[] {
  let total = 0;
  for (const length of lengths) total += Number.isSafeInteger(length) && length >= 0 ? length : Number.NaN;
  if (total !== rawLength || rawLength > MOST_BYTES || lengths.length > MOST_OBJECTS) {
    throw malformed('whose lengths are impossible');
  }
  let raw: Uint8Array;
  try {
    raw = unpackPayload(codec, rawLength, stored);
  } catch (error) {
    throw malformed('that cannot be unpacked', error);
  }
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
