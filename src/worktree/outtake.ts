/**
 * Writes many files from the store. Small work is done here; more is shared out to worker threads, which read the value
 * log themselves, in the order in which it lies there. Every chunk is checked against its id before it is written.
 * Layer: worktree.
 */
import {availableParallelism} from 'node:os';
import type {Worker} from 'node:worker_threads';
import {DbosError, type ErrorCode, isDbosError, systemCode} from '../errors.js';
import {invalid} from '../objects/codec.js';
import type {ObjectReader} from '../objects/store.js';
import type {FileRow} from '../state/files.js';
import type {Location} from '../storage/storage.js';
import type {ContentRef} from '../tree/cell.js';
import {chunksOf} from '../tree/content.js';
import type {FsPath} from './fspath.js';
import {interrupted} from './scan.js';
import {type ChunkTask, type MetaTask, type Written, writeFile} from './writefile.js';
import {LoadBuilder, type WriteAnswer, type WriteLoad, writtenAt} from './writeload.js';

export type ToWriter = WriteLoad;
export type FromWriter =
  | {readonly kind: 'written'; readonly answer: WriteAnswer}
  // an error of the store, whose class would not survive the way between threads
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string | undefined;
      readonly data: DbosError['data'];
    };

/** What is written, and who hears of it. */
export interface WriteJob {
  /** The files; their numbers are their places here. */
  readonly rows: readonly FileRow[];
  /** Where and with what a file is written; asked only when its turn comes, since there may be many. */
  readonly pathOf: (row: FileRow) => FsPath;
  readonly metaOf: (row: FileRow) => MetaTask;
  /** Whether something stands there that goes first. */
  readonly replaces: (number: number) => boolean;
  readonly receive: (number: number, written: Written) => void;
  /** Takes a failure of the system; it does not stop the rest. */
  readonly fail: (number: number, code: string) => void;
}

/** More than this goes to worker threads: reading a small file means to unpack its frame, a fifth of a millisecond. */
const INLINE_FILES = 300;
const INLINE_BYTES = 16 * 2 ** 20;
const LOAD_FILES = 256;
const LOAD_BYTES = 4 * 2 ** 20;
/** Larger files are written by this thread, chunk by chunk: their lists of chunks are long, and few. */
const STREAM_BYTES = 64 * 2 ** 20;
const MAX_WORKERS = 4;
/** Loads that a worker has at a time: one to work on, one that waits. */
const LOADS = 2;

/** Writes files; threads start with the first `prepare` that asks for much, so that they are there when the files are known. */
export class Outtake {
  private readonly members: Member[] = [];
  private job: WriteJob | undefined;
  private order: number[] = [];
  private locations: (Location | undefined)[] = [];
  private at = 0;
  private failure: unknown;
  private wake: (() => void) | undefined;

  /** `logDirectory` is the folder of the value log; without one no threads are used. */
  constructor(
    private readonly reader: ObjectReader,
    private readonly logDirectory: string | undefined,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Starts threads if there may be this much work for them. */
  async prepare(files: number, bytes: number): Promise<void> {
    const many = files > INLINE_FILES || (bytes > INLINE_BYTES && files > 1);
    const {logDirectory} = this;
    if (!many || logDirectory === undefined || this.members.length > 0) return;
    const {Worker} = await import('node:worker_threads');
    const count = Math.min(MAX_WORKERS, availableParallelism());
    for (let i = 0; i < count; i++) {
      const worker = new Worker(new URL('./outtakeworker.js', import.meta.url), {
        workerData: {logDirectory},
        // a small young generation is swept often, and with it the buffers that it holds
        // flags of the program that uses this library are not for its threads
        execArgv: [],
        resourceLimits: {maxYoungGenerationSizeMb: 2},
      });
      const member: Member = {worker, loads: []};
      worker.on('message', (message: FromWriter) => this.hear(member, message));
      worker.on('error', error => this.stop(error));
      this.members.push(member);
    }
  }

  /** Writes files, once. Throws what is wrong with the store, or INTERRUPTED. */
  async write(job: WriteJob): Promise<void> {
    let bytes = 0;
    for (const row of job.rows) bytes += sizeOf(row);
    await this.prepare(job.rows.length, bytes);
    this.job = job;
    if (this.members.length > 0) await this.writeThere(job);
    else await this.writeHere(job);
  }

  /** Ends the threads. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.members.map(({worker}) => worker.terminate()));
  }

  private async writeHere(job: WriteJob): Promise<void> {
    const {signal} = this;
    const {rows} = job;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as FileRow;
      if (i % 64 === 63 || sizeOf(row) > LOAD_BYTES) {
        await new Promise(setImmediate);
        if (signal?.aborted) throw interrupted();
      }
      this.writeOne(job, i);
    }
  }

  private writeOne({rows, receive, fail, pathOf, metaOf, replaces}: WriteJob, number: number): void {
    const {reader} = this;
    const row = rows[number] as FileRow;
    const chunks = lazyChunks(reader, row.content as ContentRef);
    try {
      receive(
        number,
        writeFile({...metaOf(row), path: pathOf(row), replace: replaces(number), chunks}, chunk =>
          checkedSize(reader.read(chunk.id), chunk),
        ),
      );
    } catch (error) {
      const code = systemCode(error);
      if (isDbosError(error) || code === undefined) throw error;
      fail(number, code);
    }
  }

  private async writeThere(job: WriteJob): Promise<void> {
    const {signal} = this;
    const stop = () => this.wake?.();
    signal?.addEventListener('abort', stop);
    try {
      const streamed = this.arrange(job.rows);
      for (let i = 0; i < LOADS; i++) for (const member of this.members) this.give(member);
      for (const number of streamed) {
        this.writeOne(job, number);
        await new Promise(setImmediate);
      }
      while (this.failure === undefined && !signal?.aborted && this.members.some(({loads}) => loads.length > 0)) {
        await new Promise<void>(resolve => {
          this.wake = resolve;
        });
      }
      if (this.failure !== undefined) throw this.failure;
      if (signal?.aborted) throw interrupted();
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Puts the files into the order of the log, and returns those that this thread writes. */
  private arrange(rows: readonly FileRow[]): number[] {
    const {reader} = this;
    const streamed: number[] = [];
    const places = new Float64Array(rows.length);
    this.locations = new Array(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const content = (rows[i] as FileRow).content as ContentRef;
      if (content.size > STREAM_BYTES) {
        streamed.push(i);
        continue;
      }
      const location = reader.locate(content.id);
      this.locations[i] = location;
      places[i] = location === undefined ? -1 : location.segment * 2 ** 31 + location.frame;
      this.order.push(i);
    }
    this.order.sort((a, b) => (places[a] as number) - (places[b] as number) || a - b);
    return streamed;
  }

  private stop(error: unknown): void {
    this.failure ??= error;
    this.wake?.();
  }

  private hear(member: Member, message: FromWriter): void {
    if (message.kind === 'failed') {
      const {code, hint, data} = message;
      this.stop(new DbosError(code, message.message, hint === undefined ? {data} : {data, hint}));
      return;
    }
    try {
      const {receive, fail} = this.job as WriteJob;
      const load = member.loads.shift() as readonly number[];
      this.give(member);
      for (let i = 0; i < load.length; i++) {
        const result = writtenAt(message.answer, i);
        if (typeof result === 'string') fail(load[i] as number, result);
        else receive(load[i] as number, result);
      }
      if (member.loads.length === 0) this.wake?.();
    } catch (error) {
      this.stop(error);
    }
  }

  private give(member: Member): void {
    const numbers: number[] = [];
    const load = new LoadBuilder();
    let bytes = 0;
    const {reader, signal} = this;
    const {rows, pathOf, metaOf, replaces} = this.job as WriteJob;
    while (!signal?.aborted && this.at < this.order.length && load.count < LOAD_FILES && bytes < LOAD_BYTES) {
      const number = this.order[this.at++] as number;
      const row = rows[number] as FileRow;
      const content = row.content as ContentRef;
      if (content.chunked)
        for (const {id, size} of chunksOf(reader, content)) addChunk(load, reader, id, size, reader.locate(id));
      else addChunk(load, reader, content.id, content.size, this.locations[number]);
      this.locations[number] = undefined;
      load.addFile(pathOf(row), metaOf(row), replaces(number));
      numbers.push(number);
      bytes += content.size;
    }
    if (numbers.length === 0) return;
    member.loads.push(numbers);
    member.worker.postMessage(load.finish() satisfies ToWriter);
  }
}

interface Member {
  readonly worker: Worker;
  /** The numbers of the files of each load that it has. */
  readonly loads: (readonly number[])[];
}

function addChunk(
  load: LoadBuilder,
  reader: ObjectReader,
  id: ChunkTask['id'],
  size: number,
  location: Location | undefined,
): void {
  const chunk = {id, size, location, bytes: undefined};
  load.addChunk(id, size, location, location === undefined ? checkedSize(reader.read(id), chunk) : undefined);
}

function sizeOf(row: FileRow): number {
  return (row.content as ContentRef).size;
}

function* lazyChunks(reader: ObjectReader, content: ContentRef): Generator<ChunkTask> {
  for (const {id, size} of chunksOf(reader, content)) yield {id, size, location: undefined, bytes: undefined};
}

/** Returns the bytes of a chunk. Throws OBJECT_INVALID if they are not as many as its list says. */
export function checkedSize(bytes: Uint8Array, chunk: ChunkTask): Uint8Array {
  if (bytes.length !== chunk.size) throw invalid(`holds ${bytes.length} bytes where ${chunk.size} are expected`);
  return bytes;
}
