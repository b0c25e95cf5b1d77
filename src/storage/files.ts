/**
 * The few file operations that the value log needs, as an interface, so that tests can put a disk underneath that fills
 * up or loses power. What is written is durable only after `sync`; a new, removed or renamed name only after
 * `syncDirectory`. Errors are the system's own (`ENOSPC`, `ENOENT`, …). Layer: storage.
 */
import fs from 'node:fs';

/** An open file of the log. */
export interface LogFile {
  /** Reads into all of `target` from `position` on; returns how many bytes there were. */
  read(target: Uint8Array, position: number): number;
  /** Writes all the parts, one after the other, from `position` on, or throws. */
  write(parts: readonly Uint8Array[], position: number): void;
  /** Returns the length of the file in bytes. */
  size(): number;
  /** Makes everything written before the call durable. */
  sync(): Promise<void>;
  /** Does what `sync` does in this thread, which waits: on a fast disk two changes of thread would take longer. */
  syncHere(): void;
  truncate(length: number): void;
  close(): void;
}

export interface LogFiles {
  /** Opens a file: to read it, to write what exists, or to make it new and empty. */
  open(path: string, mode: 'read' | 'write' | 'create'): LogFile;
  /** Returns the length of a file, or undefined if there is none. */
  size(path: string): number | undefined;
  /** Returns the names in a directory, or none if it does not exist. */
  list(directory: string): string[];
  remove(path: string): void;
  makeDirectory(path: string): void;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
}

const FLAGS = {read: 'r', write: 'r+', create: 'w+'} as const;

class DiskFile implements LogFile {
  private readonly descriptor: number;

  constructor(path: string, mode: 'read' | 'write' | 'create') {
    this.descriptor = fs.openSync(path, FLAGS[mode]);
  }

  read(target: Uint8Array, position: number): number {
    let done = 0;
    while (done < target.length) {
      const count = fs.readSync(this.descriptor, target, done, target.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(parts: readonly Uint8Array[], position: number): void {
    let total = 0;
    for (const part of parts) total += part.length;
    const done = fs.writevSync(this.descriptor, parts, position);
    if (done === total) return;
    // The system may write less than asked for, as it does just before a disk is full: write the rest piece by piece.
    let start = 0;
    for (const part of parts) {
      let from = Math.max(0, done - start);
      while (from < part.length) {
        const count = fs.writeSync(this.descriptor, part, from, part.length - from, position + start + from);
        from += count;
      }
      start += part.length;
    }
  }

  size(): number {
    return fs.fstatSync(this.descriptor).size;
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.descriptor, error => (error ? reject(error) : resolve()));
    });
  }

  syncHere(): void {
    fs.fdatasyncSync(this.descriptor);
  }

  truncate(length: number): void {
    fs.ftruncateSync(this.descriptor, length);
  }

  close(): void {
    fs.closeSync(this.descriptor);
  }
}

/** The real disk. */
export const diskFiles: LogFiles = {
  open(path, mode) {
    return new DiskFile(path, mode);
  },

  size(path) {
    return fs.statSync(path, {throwIfNoEntry: false})?.size;
  },

  list(directory) {
    return fs.existsSync(directory) ? fs.readdirSync(directory) : [];
  },

  remove(path) {
    fs.rmSync(path, {force: true});
  },

  makeDirectory(path) {
    fs.mkdirSync(path, {recursive: true});
  },

  syncDirectory(path) {
    return new Promise((resolve, reject) => {
      fs.open(path, 'r', (failed, descriptor) => {
        // Windows cannot open a directory, and makes its names durable by itself.
        if (failed) {
          if (failed.code === 'EISDIR' || failed.code === 'EPERM') resolve();
          else reject(failed);
          return;
        }
        fs.fsync(descriptor, error => {
          fs.close(descriptor, () => (error && error.code !== 'EINVAL' ? reject(error) : resolve()));
        });
      });
    });
  },
};
