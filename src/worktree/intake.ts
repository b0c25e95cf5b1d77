/**
 * Reads and hashes files, and stages the bodies that a store lacks. Small work is done here; as soon as there is more,
 * worker threads read, hash and compress, and this thread only answers which chunks are needed and stages the frames.
 * Memory holds a few batches, whatever the number and size of the files. A file that changes while it is read is read
 * again, up to three times. Layer: worktree.
 */
import {availableParallelism} from 'node:os';
import type {Worker} from 'node:worker_threads';
import type {ObjectId} from '../objects/id.js';
import type {ObjectSink} from '../objects/store.js';
import type {Frame} from '../storage/storage.js';
import {type BodyBatch, BodyPacker} from '../tree/bodies.js';
import {ContentRef} from '../tree/cell.js';
import type {PackedBody} from '../tree/content.js';
import {CHANGING, type FileOutcome, FileSource, type FileStat} from './filesource.js';
import type {FsPath} from './fspath.js';
import {interrupted} from './scan.js';

/** Takes what came of a file: its body and status, or a code. */
export type Receive = (job: number, content: ContentRef | undefined, outcome: FileOutcome) => void;

export interface IntakeOptions {
  /** Where bodies go; undefined to hash only. */
  readonly sink: ObjectSink | undefined;
  readonly receive: Receive;
  readonly signal: AbortSignal | undefined;
}

/** What a worker is asked to do: to read files, and to pack those chunks of its oldest batch that are flagged. */
export type ToWorker =
  | {readonly kind: 'files'; readonly numbers: readonly number[]; readonly paths: readonly (string | Uint8Array)[]}
  | {readonly kind: 'needed'; readonly needed: Uint8Array};
/** What it answers: a batch with the numbers and outcomes of its bodies, the frames of a batch, and that it soon has nothing to do. */
export type FromWorker =
  | {
      readonly kind: 'batch';
      readonly batch: BodyBatch;
      readonly numbers: readonly number[];
      readonly outcomes: readonly FileOutcome[];
    }
  | {readonly kind: 'frames'; readonly frames: readonly Frame[]}
  | {readonly kind: 'hungry'};

/** More than this goes to worker threads, whose start costs some 40 ms. */
const INLINE_FILES = 2000;
const INLINE_BYTES = 16 * 2 ** 20;
/** So many go to one thread, which works while the scan goes on: the rest of a commit is as much work as reading them. */
const ONE_WORKER_FILES = 200;
/** What a worker gets at a time, enough for a batch of the packer; it gets the next load while it works on the last. */
const LOAD_FILES = 1024;
const LOAD_BYTES = 4 * 2 ** 20;
const MAX_WORKERS = 4;
const ATTEMPTS = 3;
const RETRY_MS = 20;

interface Job {
  readonly number: number;
  readonly path: FsPath;
  readonly size: number;
  attempt: number;
}

interface Member {
  readonly worker: Worker;
  /** Jobs whose bodies are to come. */
  readonly jobs: Map<number, Job>;
  hungry: boolean;
  /** For each batch whose frames are to come, the chunks that are promised with it. */
  readonly batches: (readonly ObjectId[])[];
}

export class Intake {
  private waiting: Job[] = [];
  private head = 0;
  private waitingBytes = 0;
  private readonly again: Job[] = [];
  private crew: Member[] | undefined;
  private starting: Promise<void> | undefined;
  /** The number of workers that there are or soon will be. */
  private wanted = 0;
  private failure: unknown;
  private wake: (() => void) | undefined;
  /** Chunks that a worker was told to send and has not sent. */
  private readonly promised = new Set<ObjectId>();
  /** Bytes and files that were read. */
  bytes = 0;
  files = 0;

  constructor(private readonly options: IntakeOptions) {}

  /** Adds a file; `size` is what it is expected to have. What comes of it is received under `number`. */
  add(number: number, path: FsPath, size: number): void {
    this.waiting.push({number, path, size, attempt: 1});
    this.waitingBytes += size;
    const cores = availableParallelism();
    const waiting = this.waiting.length - this.head;
    if (waiting > INLINE_FILES || (this.waitingBytes > INLINE_BYTES && (cores > 1 || waiting > 1))) {
      this.hire(Math.min(MAX_WORKERS, cores));
    } else if (this.options.sink !== undefined && cores > 1 && waiting > ONE_WORKER_FILES) this.hire(1);
    if (this.crew !== undefined) this.feed();
  }

  /** Does all work that was added. Throws what a worker threw, or INTERRUPTED. */
  async finish(): Promise<void> {
    await this.starting;
    for (;;) {
      if (this.crew === undefined) await this.runHere();
      else await this.drain();
      if (this.again.length === 0) break;
      await new Promise(resolve => setTimeout(resolve, RETRY_MS));
      for (const job of this.again.splice(0)) {
        this.waiting.push(job);
        this.waitingBytes += job.size;
      }
    }
  }

  /** Ends the workers. Idempotent. */
  async close(): Promise<void> {
    await this.starting?.catch(() => undefined);
    const crew = this.crew ?? [];
    this.crew = [];
    await Promise.all(crew.map(({worker}) => worker.terminate()));
  }

  private take(): Job | undefined {
    if (this.head === this.waiting.length) return undefined;
    const job = this.waiting[this.head++] as Job;
    this.waitingBytes -= job.size;
    if (this.head > 4096 && this.head * 2 > this.waiting.length) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
    return job;
  }

  private deliver(job: Job, body: PackedBody, outcome: FileOutcome): void {
    if (outcome === CHANGING && job.attempt < ATTEMPTS) {
      job.attempt++;
      this.again.push(job);
      return;
    }
    this.files++;
    this.bytes += body.size;
    const content = typeof outcome === 'string' ? undefined : new ContentRef(body.id, body.size, body.chunked, false);
    this.options.receive(job.number, content, outcome);
  }

  private async runHere(): Promise<void> {
    const {sink, signal} = this.options;
    const packer = new BodyPacker();
    const open: {job: Job; source: FileSource}[] = [];
    let next = 0;
    const sources: Iterator<FileSource, unknown, undefined> = {
      next: () => {
        const job = this.take();
        if (job === undefined) return {done: true, value: undefined};
        const source = new FileSource(job.path);
        open.push({job, source});
        return {done: false, value: source};
      },
    };
    for (let batch = packer.fill(sources); batch !== undefined; batch = packer.fill(sources)) {
      if (sink !== undefined) {
        for (const frame of packer.pack(batch.ids.map(id => !sink.has(id)))) sink.putFrame(frame);
        for (const bytes of batch.contents) sink.put(bytes);
      }
      for (const body of batch.bodies) {
        const {job, source} = open[next++] as (typeof open)[number];
        this.deliver(job, body, source.outcome as FileOutcome);
      }
      await new Promise(setImmediate);
      if (signal?.aborted) throw interrupted();
    }
  }

  /** Sees to it that there are this many workers soon. */
  private hire(count: number): void {
    if (count <= this.wanted) return;
    const more = count - this.wanted;
    this.wanted = count;
    this.starting = (this.starting ?? Promise.resolve()).then(() => this.start(more));
    // whoever finishes hears of a failure
    this.starting.catch(() => undefined);
  }

  private async start(count: number): Promise<void> {
    const {Worker} = await import('node:worker_threads');
    this.crew ??= [];
    for (let i = 0; i < count; i++) {
      const worker = new Worker(new URL('./intakeworker.js', import.meta.url), {
        workerData: {compress: this.options.sink !== undefined},
        // a small young generation is swept often, and with it the buffers that it holds
        // flags of the program that uses this library are not for its threads
        execArgv: [],
        resourceLimits: {maxYoungGenerationSizeMb: 4},
      });
      const member: Member = {worker, jobs: new Map(), hungry: true, batches: []};
      worker.on('message', (message: FromWorker) => {
        try {
          this.hear(member, message);
        } catch (error) {
          this.fail(error);
        }
      });
      worker.on('error', error => this.fail(error));
      this.crew.push(member);
    }
    this.feed();
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    this.wake?.();
  }

  private hear(member: Member, message: FromWorker): void {
    const {sink} = this.options;
    if (message.kind === 'batch') {
      const {batch, numbers, outcomes} = message;
      if (sink !== undefined) {
        this.answer(member, sink, batch.ids);
        for (const bytes of batch.contents) sink.put(bytes);
      }
      for (let i = 0; i < numbers.length; i++) {
        const job = member.jobs.get(numbers[i] as number) as Job;
        member.jobs.delete(job.number);
        this.deliver(job, batch.bodies[i] as PackedBody, outcomes[i] as FileOutcome);
      }
    } else if (message.kind === 'frames') {
      for (const frame of message.frames) sink?.putFrame(frame);
      for (const id of member.batches.shift() ?? []) this.promised.delete(id);
    } else {
      member.hungry = true;
      this.feed();
    }
    if (isIdle(member)) this.wake?.();
  }

  private answer(member: Member, sink: ObjectSink, ids: readonly ObjectId[]): void {
    const needed = new Uint8Array(ids.length);
    const promised: ObjectId[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as ObjectId;
      if (this.promised.has(id) || sink.has(id)) continue;
      needed[i] = 1;
      this.promised.add(id);
      promised.push(id);
    }
    member.batches.push(promised);
    member.worker.postMessage({kind: 'needed', needed} satisfies ToWorker);
  }

  /** Gives every worker that asks for it a load. */
  private feed(): void {
    for (const member of this.crew ?? []) {
      if (!member.hungry) continue;
      const numbers: number[] = [];
      const paths: FsPath[] = [];
      let bytes = 0;
      while (paths.length < LOAD_FILES && bytes < LOAD_BYTES) {
        const job = this.take();
        if (job === undefined) break;
        member.jobs.set(job.number, job);
        numbers.push(job.number);
        paths.push(job.path);
        bytes += job.size;
      }
      if (paths.length === 0) return;
      member.hungry = false;
      member.worker.postMessage({kind: 'files', numbers, paths} satisfies ToWorker);
    }
  }

  private async drain(): Promise<void> {
    const {signal} = this.options;
    const stop = () => this.wake?.();
    signal?.addEventListener('abort', stop);
    try {
      this.feed();
      while (this.failure === undefined && !signal?.aborted && this.crew?.some(member => !isIdle(member))) {
        await new Promise<void>(resolve => {
          this.wake = resolve;
        });
      }
    } finally {
      signal?.removeEventListener('abort', stop);
    }
    if (this.failure !== undefined) throw this.failure;
    if (signal?.aborted) throw interrupted();
  }
}

/** Returns whether a worker owes nothing. */
function isIdle(member: Member): boolean {
  return member.jobs.size === 0 && member.batches.length === 0;
}

/** Returns whether an outcome is the status of a file. */
export function isStat(outcome: FileOutcome): outcome is FileStat {
  return typeof outcome !== 'string';
}
