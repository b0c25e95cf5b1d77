/**
 * A thread that looks at the entries of a cached listing from the last one backwards, while the scan looks from the first
 * one forwards, until they meet: looking is nearly all that a scan of an unchanged tree does, and the system call is
 * nearly all of looking. Layer: worktree.
 */
import {availableParallelism} from 'node:os';
import type {Worker} from 'node:worker_threads';
import type {Look} from './look.js';

/** What the thread gets. */
export interface LookAheadData {
  readonly root: string;
  /** The bytes of the listing. */
  readonly bytes: SharedArrayBuffer;
  /** Seven numbers an entry; instead of the size `NOT_SEEN` for one that could not be looked at, `SAME` for one that is as it was. */
  readonly looks: SharedArrayBuffer;
  /** The first entry that was looked at, and the entry that the scan has come to. */
  readonly places: SharedArrayBuffer;
}

export const LOOK_NUMBERS = 7;
export const NOT_SEEN = -1;
/** The signature is that of the listing, and there are no other hard links. */
export const SAME = -2;

/** Starting a thread costs as much as looking at this many entries. */
const WORTH = 20_000;

export class LookAhead {
  private readonly looks: Float64Array;
  private readonly places: Int32Array;
  private readonly last = {mode: 0, nlink: 0, size: 0, mtimeMs: 0.5, ctimeMs: 0.5, ino: 0, dev: 0};

  private constructor(worker: Worker, data: LookAheadData) {
    this.looks = new Float64Array(data.looks);
    this.places = new Int32Array(data.places);
    // it is no part of any result: if it fails, the scan looks for itself
    worker.on('error', () => Atomics.store(this.places, 0, 0x7fffffff));
    worker.unref();
  }

  /** Returns a thread at work on a listing of `count` entries in `bytes`, or undefined if it would not help. */
  static async start(root: string, count: number, bytes: Buffer, worth = WORTH): Promise<LookAhead | undefined> {
    if (count < worth || availableParallelism() < 2 || !(bytes.buffer instanceof SharedArrayBuffer)) return undefined;
    const {Worker} = await import('node:worker_threads');
    const looks = new SharedArrayBuffer(count * LOOK_NUMBERS * 8);
    const places = new SharedArrayBuffer(8);
    Atomics.store(new Int32Array(places), 0, count);
    const data: LookAheadData = {root, bytes: bytes.buffer, looks, places};
    const worker = new Worker(new URL('./lookaheadworker.js', import.meta.url), {
      workerData: data,
      // flags of the program that uses this library are not for its threads
      execArgv: [],
      resourceLimits: {maxYoungGenerationSizeMb: 4},
    });
    return new LookAhead(worker, data);
  }

  /** The first entry that the thread has looked at. */
  get from(): number {
    return Atomics.load(this.places, 0);
  }

  /** Returns whether the thread has looked at an entry and found it as it was; tells the thread where the scan is. */
  isSame(entry: number): boolean {
    if (entry < this.from) {
      Atomics.store(this.places, 1, entry);
      return false;
    }
    return this.looks[entry * LOOK_NUMBERS + 2] === SAME;
  }

  /** Returns what an entry was when the thread looked, or undefined if the scan has to look itself; the next call overwrites it. */
  at(entry: number): Look | undefined {
    const {looks, last} = this;
    const i = entry * LOOK_NUMBERS;
    if (entry < this.from || (looks[i + 2] as number) < 0) return undefined;
    last.mode = looks[i] as number;
    last.nlink = looks[i + 1] as number;
    last.size = looks[i + 2] as number;
    last.mtimeMs = looks[i + 3] as number;
    last.ctimeMs = looks[i + 4] as number;
    last.ino = looks[i + 5] as number;
    last.dev = looks[i + 6] as number;
    return last;
  }

  /** Ends the thread soon. */
  stop(): void {
    Atomics.store(this.places, 1, 0x7fffffff);
  }
}
