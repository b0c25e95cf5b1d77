/**
 * The memory that all requests of a server share for what clients send. Each that is worked on has a share of its own, which what
 * dbos sends fits in. Whatever is larger waits for its turn at the rest, first come first served: for a message first, and one of all
 * is opened at a time. Who waits for the one holds neither, and who opens waits for nobody, so nobody waits in a circle. Layer: sync.
 */
import {DbosError} from '../../errors.js';
import {PACKED_LIMIT} from '../../storage/frame.js';
import {LARGE} from '../parcel.js';
import {CALLS, type Call} from '../protocol.js';
import type {Room} from '../room.js';

/** The share of a request: a message, and what waits to be made durable. */
const SHARE = 3 * LARGE;
/** What opening the worst parcel takes: it unpacks to `PACKED_LIMIT` bytes, and what is made of them is cleared away late. */
const OPENING = 8 * PACKED_LIMIT;

/** The greatest message of a call, in bytes: of a push one that no object of a store that dbos made comes near, of a fetch 500,000 ids, of a check as many changes. */
export const MOST_MESSAGE: Readonly<Record<Call, number>> = {
  refs: LARGE,
  has: LARGE,
  received: LARGE,
  fetch: 16 * 1024 * 1024,
  check: 16 * 1024 * 1024,
  push: 64 * 1024 * 1024,
};

/** Returns the memory that a message takes: objects are copied on their way into the store, ids become strings in sets. */
function costOf(call: Call, message: number): number {
  return (call === 'push' ? 2 : 8) * message;
}

/** The least memory with which a server can take each message there is. */
export const LEAST_MEMORY = Math.max(...CALLS.map(call => costOf(call, MOST_MESSAGE[call]))) + OPENING + SHARE;

/** So many of something, which are taken and given back, first come first served. */
class Semaphore {
  taken = 0;
  private readonly queue: {readonly count: number; readonly go: () => void}[] = [];

  constructor(private readonly most: number) {}

  get waiting(): number {
    return this.queue.length;
  }

  /** Waits for so many, which `free` must give back. An abort ends the waiting with its reason. */
  async take(count: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.queue.length === 0 && this.taken + count <= this.most) {
      this.taken += count;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        this.queue.splice(this.queue.indexOf(waiting), 1);
        reject(signal.reason);
        this.serve();
      };
      const go = (): void => {
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const waiting = {count, go};
      this.queue.push(waiting);
      signal.addEventListener('abort', stop, {once: true});
    });
  }

  free(count: number): void {
    this.taken -= count;
    this.serve();
  }

  private serve(): void {
    for (let [next] = this.queue; next && this.taken + next.count <= this.most; [next] = this.queue) {
      this.queue.shift();
      this.taken += next.count;
      next.go();
    }
  }
}

export class MemoryBudget {
  /** Requests that can be worked on at once. */
  readonly shares: number;
  readonly messages: Semaphore;
  readonly opening = new Semaphore(1);

  /** `total` bytes, `LEAST_MEMORY` at least, for so many requests at once. */
  constructor(total: number, requests: number) {
    const more = Math.floor((total - LEAST_MEMORY) / SHARE);
    this.shares = Math.min(requests, 1 + more);
    this.messages = new Semaphore(total - OPENING - this.shares * SHARE);
  }

  get waiting(): number {
    return this.messages.waiting + this.opening.waiting;
  }

  /** Returns the bytes that are given out while so many requests are worked on. */
  used(requests: number): number {
    return this.messages.taken + this.opening.taken * OPENING + requests * SHARE;
  }
}

/** The room of one request. */
export class RequestRoom implements Room {
  private held = 0;
  private opens = false;
  private since = 0;
  private readonly gone = new AbortController();

  constructor(
    private readonly budget: MemoryBudget,
    private readonly call: Call,
    /** Milliseconds in which a message has to come whole that others wait for. */
    private readonly patience: number,
  ) {}

  async message(bytes: number): Promise<void> {
    if (bytes <= LARGE) return;
    const cost = costOf(this.call, bytes);
    await this.budget.messages.take(cost, this.gone.signal);
    this.held = cost;
    this.since = performance.now();
  }

  async open(bytes: number): Promise<void> {
    if (bytes <= LARGE) return;
    await this.budget.opening.take(1, this.gone.signal);
    this.opens = true;
  }

  done(): void {
    const {held, opens} = this;
    this.held = 0;
    this.opens = false;
    if (held > 0) this.budget.messages.free(held);
    if (opens) this.budget.opening.free(1);
  }

  /** Throws REMOTE_BUSY if a message that is coming has been at it for too long while others wait. */
  checkPace(): void {
    if (this.held === 0 || this.budget.messages.waiting === 0 || performance.now() - this.since < this.patience) return;
    throw new DbosError('REMOTE_BUSY', 'A message came too slowly while others waited for its memory.', {
      hint: 'What came before it is kept: push again to go on.',
    });
  }

  /** Ends all waiting: the client has gone. */
  leave(): void {
    this.gone.abort(new DbosError('CONNECTION_BROKEN', 'The client has gone.', {hint: 'Push again to go on.'}));
  }
}
