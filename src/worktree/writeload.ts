/**
 * A load of files for a worker thread of `writeFiles`, and its answer, as columns: what crosses between threads is a few
 * arrays and not ten thousand objects. Layer: worktree.
 */
import {asBuffer} from '../bytes.js';
import {ID_BYTES, type ObjectId} from '../objects/id.js';
import type {Location} from '../storage/storage.js';
import type {FsPath} from './fspath.js';
import type {ChunkTask, FileTask, MetaTask, Written} from './writefile.js';

/** Plain data for `postMessage`. */
export interface WriteLoad {
  readonly paths: readonly (string | Uint8Array)[];
  /** Six numbers a file: mode, uid, gid, time or NaN, how many chunks there are up to its last, and 1 if it replaces something. */
  readonly files: Float64Array;
  readonly xattrs: ReadonlyMap<number, Uint8Array>;
  readonly ids: string;
  /** Seven numbers a chunk: size, then its location; segment −1 if the bytes come along. */
  readonly places: Float64Array;
  /** Bytes of chunks that are not in the value log, in order. */
  readonly inline: readonly Uint8Array[];
}

/** The answer: seven numbers a file, the signature and what was refused; mode −1 with a code for a failure. */
export interface WriteAnswer {
  readonly numbers: Float64Array;
  readonly codes: ReadonlyMap<number, string>;
}

const FILE_NUMBERS = 6;
const PLACE_NUMBERS = 7;
const ANSWER_NUMBERS = 7;
const CODECS: readonly Location['codec'][] = ['stored', 'brotli'];

/** Collects a load. */
export class LoadBuilder {
  private readonly paths: FsPath[] = [];
  private readonly files: number[] = [];
  private readonly xattrs = new Map<number, Uint8Array>();
  private readonly ids: ObjectId[] = [];
  private readonly places: number[] = [];
  private readonly inline: Uint8Array[] = [];

  get count(): number {
    return this.paths.length;
  }

  /** Adds a chunk of the file that is added next; `bytes` if it has no location. */
  addChunk(id: ObjectId, size: number, location: Location | undefined, bytes: Uint8Array | undefined): void {
    this.ids.push(id);
    if (location === undefined) {
      this.places.push(size, -1, 0, 0, 0, 0, 0);
      this.inline.push(bytes as Uint8Array);
    } else {
      const {segment, frame, offset, length, codec, storedLength} = location;
      this.places.push(size, segment, frame, offset, length, CODECS.indexOf(codec), storedLength);
    }
  }

  addFile(path: FsPath, {mode, uid, gid, mtime, xattrs}: MetaTask, replace: boolean): void {
    if (xattrs !== null) this.xattrs.set(this.paths.length, xattrs);
    this.paths.push(path);
    this.files.push(mode, uid, gid, mtime ?? Number.NaN, this.ids.length, replace ? 1 : 0);
  }

  finish(): WriteLoad {
    const {paths, xattrs, inline} = this;
    const files = Float64Array.from(this.files);
    return {paths, files, xattrs, ids: this.ids.join(''), places: Float64Array.from(this.places), inline};
  }
}

/** Yields the files of a load. */
export function* filesOf(load: WriteLoad): Generator<FileTask> {
  const {paths, files, xattrs, ids, places, inline} = load;
  let chunk = 0;
  let plain = 0;
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i] as string | Uint8Array;
    const [mode, uid, gid, mtime, last, replace] = files.subarray(
      i * FILE_NUMBERS,
      (i + 1) * FILE_NUMBERS,
    ) as unknown as [number, number, number, number, number, number];
    const chunks: ChunkTask[] = [];
    for (; chunk < last; chunk++) {
      const at = chunk * PLACE_NUMBERS;
      const id = ids.slice(chunk * ID_BYTES, (chunk + 1) * ID_BYTES) as ObjectId;
      const size = places[at] as number;
      const segment = places[at + 1] as number;
      if (segment < 0) {
        chunks.push({id, size, location: undefined, bytes: inline[plain++]});
        continue;
      }
      const location = {
        segment,
        frame: places[at + 2] as number,
        offset: places[at + 3] as number,
        length: places[at + 4] as number,
        codec: CODECS[places[at + 5] as number] as Location['codec'],
        storedLength: places[at + 6] as number,
      };
      chunks.push({id, size, location, bytes: undefined});
    }
    yield {
      path: typeof path === 'string' ? path : asBuffer(path),
      mode,
      uid,
      gid,
      mtime: Number.isNaN(mtime) ? undefined : mtime,
      xattrs: xattrs.get(i) ?? null,
      replace: replace === 1,
      chunks,
    };
  }
}

/** Returns the answer for what was written, in order; a text is the code of a failure. */
export function answerOf(results: readonly (Written | string)[]): WriteAnswer {
  const numbers = new Float64Array(results.length * ANSWER_NUMBERS);
  const codes = new Map<number, string>();
  for (let i = 0; i < results.length; i++) {
    const result = results[i] as Written | string;
    const at = i * ANSWER_NUMBERS;
    if (typeof result === 'string') {
      numbers[at] = -1;
      codes.set(i, result);
      continue;
    }
    const {mode, nlink, size, mtimeMs, ctimeMs, ino} = result.signature;
    numbers.set([mode, nlink, size, mtimeMs, ctimeMs, ino, result.refused], at);
  }
  return {numbers, codes};
}

/** Returns what was written as the `i`-th file of a load, or the code of the failure. */
export function writtenAt({numbers, codes}: WriteAnswer, i: number): Written | string {
  const [mode, nlink, size, mtimeMs, ctimeMs, ino, refused] = numbers.subarray(
    i * ANSWER_NUMBERS,
    (i + 1) * ANSWER_NUMBERS,
  ) as unknown as [number, number, number, number, number, number, number];
  if (mode < 0) return codes.get(i) as string;
  return {signature: {mode, nlink, size, mtimeMs, ctimeMs, ino}, refused};
}
