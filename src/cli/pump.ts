/**
 * Bytes to a file descriptor while more are being made: they are written beside the work, which is held up only when too
 * many wait. So a slow reader keeps the work, and with it the store, no longer than it must. Guarantee: in order; a reader
 * that went away (`| head`) is not an error. Layer: cli.
 */
import {fstatSync, write, writeSync} from 'node:fs';
import {systemCode} from '../errors.js';
import {isTerminal} from './output.js';

/** What may wait in memory; as much as for a pager. */
const WAITING_BYTES = 64 * 1024 * 1024;
/** A pipe in non-blocking mode that is full is tried again after so many milliseconds. */
const FULL_PIPE_MS = 2;

export class Pump {
  private readonly queue: Uint8Array[] = [];
  private waiting = 0;
  private failure: Error | undefined;
  private writing = false;
  /** Called when a part was written, or cannot be. */
  private wake: () => void = () => undefined;
  /** Whether the reader went away. */
  closed = false;

  /** Whether writing never waits for a reader, so that it is done at once. */
  private readonly direct: boolean;

  constructor(private readonly fd: number) {
    this.direct = neverWaits(fd);
  }

  /** Writes bytes, or keeps a copy to write it later. Waits while too many others do. Throws what the system says. */
  async push(bytes: Uint8Array): Promise<void> {
    if (this.direct) {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
      return;
    }
    if (bytes.length > 0 && !this.closed) {
      this.queue.push(Buffer.from(bytes));
      this.waiting += bytes.length;
      if (!this.writing) this.next();
    }
    await new Promise(done => setImmediate(done));
    while (this.waiting > WAITING_BYTES && !this.stopped) await this.written();
    if (this.failure !== undefined) throw this.failure;
  }

  /** Waits until all is written. */
  async finish(): Promise<void> {
    while (this.writing && !this.stopped) await this.written();
    if (this.failure !== undefined) throw this.failure;
  }

  private get stopped(): boolean {
    return this.closed || this.failure !== undefined;
  }

  private written(): Promise<void> {
    return new Promise(resolve => {
      this.wake = resolve;
    });
  }

  private next(): void {
    const bytes = this.queue[0];
    this.writing = bytes !== undefined && !this.stopped;
    if (bytes === undefined || !this.writing) return;
    write(this.fd, bytes, 0, bytes.length, null, (error, count) => {
      if (error === null) {
        this.waiting -= count;
        if (count === bytes.length) this.queue.shift();
        else this.queue[0] = bytes.subarray(count);
        this.next();
      } else this.refused(error);
      this.wake();
    });
  }

  private refused(error: Error): void {
    const code = systemCode(error);
    if (code === 'EAGAIN') {
      setTimeout(() => this.next(), FULL_PIPE_MS);
      return;
    }
    if (code === 'EPIPE' || code === 'EBADF') this.closed = true;
    else this.failure = error;
    this.writing = false;
  }
}

function neverWaits(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isFile() || (stat.isCharacterDevice() && !isTerminal(fd));
  } catch {
    // it is closed, which the first write finds out
    return false;
  }
}
