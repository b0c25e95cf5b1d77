/**
 * Text to a file descriptor, in order and at once: synchronous writes from a small buffer, so nothing is pending when
 * the process exits, and `process.stdout` (4 ms to set up) is never touched. Guarantee: a reader that went away
 * (`| head`) is not an error; the output is then closed and further writes do nothing. Layer: cli.
 */
import {fstatSync, writeSync} from 'node:fs';
import {encodeText} from '../bytes.js';
import {systemCode} from '../errors.js';

const FLUSH_AT = 32 * 1024;

/** Returns whether the descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  try {
    if (!fstatSync(fd).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  // Not at the top: it costs 2 ms to load and most runs write into a pipe.
  return (process.getBuiltinModule('node:tty') as typeof import('node:tty')).isatty(fd);
}

/** Writes all bytes, waiting as long as a pipe in non-blocking mode is full. */
function writeFully(fd: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

export class Output {
  private text = '';
  private terminal: boolean | undefined;
  /** What takes the bytes in place of the descriptor. */
  private taker: ((bytes: Uint8Array) => void) | undefined;
  /** Whether the reader went away. */
  closed = false;
  /** Whether text stays here, however much, until it is taken or flushed: it is for a pager. */
  held = false;
  private readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  get isTerminal(): boolean {
    if (this.taker !== undefined) return false;
    this.terminal ??= isTerminal(this.fd);
    return this.terminal;
  }

  /** Returns the terminal's width in columns, 80 where it is not a terminal. */
  get columns(): number {
    if (!this.isTerminal) return 80;
    return (this.fd === 2 ? process.stderr.columns : process.stdout.columns) || 80;
  }

  write(text: string): void {
    this.text += text;
    if (this.isFull && !this.held) this.flush();
  }

  /** Whether so much text is here that it should be shown. */
  get isFull(): boolean {
    return this.text.length >= FLUSH_AT;
  }

  /** Writes bytes as they are: a file's content. */
  writeBytes(bytes: Uint8Array): void {
    this.flush();
    this.send(bytes);
  }

  /** Whether something else takes what is written. */
  get isDiverted(): boolean {
    return this.taker !== undefined;
  }

  /** Gives what is written to `taker` from now on, until the function that is returned is called. */
  divert(taker: (bytes: Uint8Array) => void): () => void {
    this.flush();
    const {taker: before} = this;
    this.taker = taker;
    return () => {
      this.flush();
      this.taker = before;
    };
  }

  /** Takes what is buffered away from this output: a pager shows it instead. */
  take(): Uint8Array {
    const bytes = encodeText(this.text);
    this.text = '';
    return bytes;
  }

  flush(): void {
    if (this.text !== '') this.send(this.take());
  }

  private send(bytes: Uint8Array): void {
    if (this.taker !== undefined) {
      this.taker(bytes);
      return;
    }
    if (this.closed) return;
    try {
      writeFully(this.fd, bytes);
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'EPIPE' && code !== 'EBADF') throw error;
      this.closed = true;
    }
  }
}

export const stdout = new Output(1);
export const stderr = new Output(2);
