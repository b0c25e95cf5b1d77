/**
 * A disk for the log that exists in memory, can be full, and can lose power: then every sector that was written after
 * the last sync is there, is not there, or is torn or garbage, each by itself, and so are lengths and names.
 */
import path from 'node:path';
import type {LogFile, LogFiles} from '../../src/storage/files.js';

/** Returns numbers from 0 to 1 (exclusive), the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Content {
  bytes: Buffer;
  /** What a power cut certainly leaves. */
  durable: Buffer;
}

const SECTOR = 512;

export class SimulatedDisk implements LogFiles {
  /** How many bytes the disk holds. */
  capacity = Number.POSITIVE_INFINITY;
  /** Called before something is written into a file. */
  beforeWrite: ((name: string, position: number) => void) | undefined;
  /** Called with the name of a file when a sync of it has been asked for and nothing is durable yet; may throw. */
  beforeSync: ((name: string) => void) | undefined;
  private readonly names: Map<string, Content>;
  private durableNames: Map<string, Content>;

  constructor(files: ReadonlyMap<string, Buffer> = new Map()) {
    this.names = new Map([...files].map(([name, bytes]) => [name, {bytes, durable: Buffer.from(bytes)}]));
    this.durableNames = new Map(this.names);
  }

  /** Returns the disk as it may be found after the power was cut now. */
  afterPowerCut(random: () => number): SimulatedDisk {
    const left = new Map<string, Buffer>();
    for (const name of new Set([...this.names.keys(), ...this.durableNames.keys()])) {
      const isNow = this.names.get(name);
      const was = this.durableNames.get(name);
      const content = isNow === was || random() < 0.5 ? isNow : was;
      if (content !== undefined) left.set(name, survivors(content, random));
    }
    return new SimulatedDisk(left);
  }

  /** Returns the bytes of a file, to be read or damaged. */
  contents(name: string): Buffer {
    const content = this.names.get(name);
    if (content === undefined) throw systemError('ENOENT');
    return content.bytes;
  }

  open(file: string, mode: 'read' | 'write' | 'create'): LogFile {
    const name = path.basename(file);
    let content = this.names.get(name);
    if (content === undefined) {
      if (mode !== 'create') throw systemError('ENOENT');
      content = {bytes: Buffer.alloc(0), durable: Buffer.alloc(0)};
      this.names.set(name, content);
    } else if (mode === 'create') {
      content.bytes = Buffer.alloc(0);
    }
    return this.handle(name, content);
  }

  size(file: string): number | undefined {
    return this.names.get(path.basename(file))?.bytes.length;
  }

  list(_directory: string): string[] {
    return [...this.names.keys()];
  }

  remove(file: string): void {
    this.names.delete(path.basename(file));
  }

  makeDirectory(_path: string): void {
    // There is only one, and it is always there.
  }

  async syncDirectory(_path: string): Promise<void> {
    const names = new Map(this.names);
    await later();
    this.durableNames = names;
  }

  private used(): number {
    let total = 0;
    for (const {bytes} of this.names.values()) total += bytes.length;
    return total;
  }

  private handle(name: string, content: Content): LogFile {
    let isOpen = true;
    const check = () => {
      if (!isOpen) throw systemError('EBADF');
    };
    return {
      read: (target, position) => {
        check();
        return content.bytes.copy(target, 0, Math.min(position, content.bytes.length));
      },
      write: (parts, position) => {
        check();
        this.beforeWrite?.(name, position);
        const all = Buffer.concat(parts);
        const room = this.capacity - this.used();
        const grows = Math.max(0, position + all.length - content.bytes.length);
        const fits = grows <= room ? all : all.subarray(0, Math.max(0, all.length - grows + Math.max(0, room)));
        const grown = Buffer.alloc(Math.max(content.bytes.length, fits.length > 0 ? position + fits.length : 0));
        content.bytes.copy(grown);
        fits.copy(grown, position);
        content.bytes = grown;
        if (fits.length < all.length) throw systemError('ENOSPC');
      },
      size: () => {
        check();
        return content.bytes.length;
      },
      sync: async () => {
        check();
        const bytes = Buffer.from(content.bytes);
        this.beforeSync?.(name);
        await later();
        content.durable = bytes;
      },
      syncHere: () => {
        check();
        this.beforeSync?.(name);
        content.durable = Buffer.from(content.bytes);
      },
      truncate: length => {
        check();
        content.bytes = Buffer.from(content.bytes.subarray(0, length));
      },
      close: () => {
        check();
        isOpen = false;
      },
    };
  }
}

/** Returns what a power cut leaves of a file. */
function survivors({bytes, durable}: Content, random: () => number): Buffer {
  const [short, long] = bytes.length < durable.length ? [bytes, durable] : [durable, bytes];
  const length = short.length + Math.floor(random() * (long.length - short.length + 1));
  const left = Buffer.alloc(length);
  for (let at = 0; at < length; at += SECTOR) {
    const end = Math.min(length, at + SECTOR);
    const written = bytes.subarray(at, end);
    const kept = durable.subarray(at, end);
    if (written.equals(kept)) {
      written.copy(left, at);
      continue;
    }
    // Bytes that are durable and were not written again survive whatever happens to the rest of their sector.
    const same = commonPrefix(written, kept);
    kept.copy(left, at);
    const fate = random();
    if (fate < 0.4) written.copy(left, at);
    else if (fate < 0.6) written.copy(left, at, 0, Math.floor(random() * written.length));
    else if (fate < 0.8) for (let i = at + same; i < end; i++) left[i] = Math.floor(random() * 256);
  }
  return left;
}

function commonPrefix(a: Buffer, b: Buffer): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}

function later(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), {code});
}
