/**
 * Writes bodies: cuts them, names the chunks, and packs the chunks that a store lacks into frames. `BodyPacker` does it
 * for streams of files in two steps, so that nothing that exists is compressed or written again, and so that the first and
 * the second step can run in a worker thread while the question which chunks are needed is answered by the thread that
 * holds the store. It takes the memory of one batch, whatever the size of a file. `writeBodies` is the same without
 * threads; `BodyWriter` is for values that are in memory. Layer: tree.
 */
import {asBuffer} from '../bytes.js';
import {idOf, type ObjectId} from '../objects/id.js';
import {type ObjectSink, objectKey} from '../objects/store.js';
import {packFrame} from '../storage/frame.js';
import type {Frame} from '../storage/storage.js';
import {ContentRef} from './cell.js';
import {MAX_CHUNK, nextCut, SINGLE_LIMIT} from './chunker.js';
import {ContentBuilder, type PackedBody} from './content.js';

/** Bytes read before a batch is handed over. */
const BATCH_BYTES = 1024 * 1024;

/** Bodies in a batch, so that empty files end one too. */
const BATCH_BODIES = 4096;

/** Small chunks share a frame up to this many bytes: more would compress better, but reading one chunk unpacks its frame. */
const FRAME_BYTES = 64 * 1024;

/** Gives the bytes of one body in order. A source whose failure must not end the run keeps its error and returns 0. */
export interface BodySource {
  /** Reads up to `length` (> 0) bytes into `target` at `offset` and returns how many; 0 at the end, after which it is not called. */
  read(target: Buffer, offset: number, length: number): number;
}

/** What the first step found. Plain data, and no bytes share memory with anything else, so a worker thread can send it. */
export interface BodyBatch {
  /** The distinct chunks of the batch. */
  readonly ids: readonly ObjectId[];
  /** Content objects to put, children before parents. */
  readonly contents: readonly Uint8Array[];
  /** The bodies whose end is in this batch, in the order of the sources; their chunks are in this batch or earlier ones. */
  readonly bodies: readonly PackedBody[];
}

/** The bytes of one batch, and where its chunks lie in them. */
class Arena {
  readonly buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  ids: ObjectId[] = [];
  /** Start and end of each of `ids`. */
  readonly spans: number[] = [];
}

/**
 * Packs the bodies of sources, batch by batch: `fill` returns what a batch holds, then `pack` returns the frames of those
 * chunks that are needed. `ahead` batches may be filled before the first of them is packed; one `fill` more forgets it.
 * One packer may take any number of runs of sources.
 */
export class BodyPacker {
  private arena = new Arena();
  /** Arenas of batches that are not yet packed, in their order, and those that can be filled. */
  private readonly filled: Arena[] = [];
  private readonly free: Arena[];
  /** The arena is filled up to here. */
  private end = 0;
  /** Where the bytes begin that are read but not yet cut: the start of the next chunk of the open source. */
  private uncut = 0;
  private source: BodySource | undefined;
  private chunks = 0;
  private readonly known = new Set<ObjectId>();
  private contents: Uint8Array[] = [];
  private readonly builder = new ContentBuilder(bytes => this.contents.push(owned(bytes)));

  constructor(ahead = 1) {
    this.free = [this.arena, ...Array.from({length: ahead - 1}, () => new Arena())];
  }

  /** Whether the next `fill` forgets no batch. */
  get canFill(): boolean {
    return this.free.length > 0;
  }

  /**
   * Returns the next batch of the bodies of `sources`, or undefined after their end. A source is pulled only when the one
   * before it has been read to its end. What a source throws passes through; then the batch is lost and the packer as new.
   */
  fill(sources: Iterator<BodySource, unknown, undefined>): BodyBatch | undefined {
    const arena = this.free.shift() ?? (this.filled.shift() as Arena);
    this.begin(arena);
    const bodies: PackedBody[] = [];
    try {
      while (bodies.length < BATCH_BODIES) {
        if (this.source === undefined) {
          const next = sources.next();
          if (next.done) break;
          this.source = next.value;
        }
        if (!this.readSource(this.source)) break;
        bodies.push(this.finishBody());
      }
    } catch (error) {
      this.free.unshift(arena);
      throw error;
    }
    if (bodies.length === 0 && arena.ids.length === 0) {
      this.free.unshift(arena);
      return undefined;
    }
    this.filled.push(arena);
    return {ids: arena.ids, contents: this.contents, bodies};
  }

  /**
   * Returns the frames of those chunks of the oldest batch not yet packed for which `needed` says so, one flag for each of
   * its ids. Every frame owns the ArrayBuffer of its bytes, so it may be transferred to another thread.
   */
  pack(needed: readonly boolean[]): Frame[] {
    const arena = this.filled.shift();
    if (arena === undefined) throw new TypeError('there is no batch to pack');
    const group = new FrameGroup();
    const {ids, spans, buffer} = arena;
    for (let i = 0; i < ids.length; i++) {
      if (needed[i]) group.add(ids[i] as ObjectId, buffer.subarray(spans[2 * i], spans[2 * i + 1]));
    }
    this.free.push(arena);
    return group.finish();
  }

  /** Begins a batch with the bytes that are read but not yet cut. */
  private begin(arena: Arena): void {
    this.arena.buffer.copy(arena.buffer, 0, this.uncut, this.end);
    this.arena = arena;
    this.end -= this.uncut;
    this.uncut = 0;
    arena.ids = [];
    arena.spans.length = 0;
    this.known.clear();
    this.contents = [];
  }

  /** Reads and cuts until the source ends (true) or the arena is full (false). */
  private readSource(source: BodySource): boolean {
    for (;;) {
      const room = BATCH_BYTES - this.end;
      if (room === 0) return false;
      let read: number;
      try {
        read = source.read(this.arena.buffer, this.end, room);
      } catch (error) {
        this.dropBody();
        throw error;
      }
      if (read === 0) {
        this.cut(true);
        return true;
      }
      this.end += read;
      this.cut(false);
    }
  }

  /** Cuts where no byte that is still to come could change the cut, so that nothing is scanned twice. */
  private cut(final: boolean): void {
    if (final && this.chunks === 0 && this.end - this.uncut <= SINGLE_LIMIT) {
      this.take(this.end);
      return;
    }
    const least = final ? 1 : MAX_CHUNK;
    while (this.end - this.uncut >= least) this.take(nextCut(this.arena.buffer, this.uncut, this.end, final));
  }

  private take(end: number): void {
    const start = this.uncut;
    const {buffer, ids, spans} = this.arena;
    const id = idOf(buffer.subarray(start, end));
    if (!this.known.has(id)) {
      this.known.add(id);
      ids.push(id);
      spans.push(start, end);
    }
    this.builder.add(id, end - start);
    this.chunks++;
    this.uncut = end;
  }

  private finishBody(): PackedBody {
    this.source = undefined;
    this.chunks = 0;
    return this.builder.finish();
  }

  private dropBody(): void {
    this.source = undefined;
    this.end = this.uncut;
    if (this.chunks > 0) this.finishBody();
  }
}

/** Writes the bodies of sources to a sink, and yields what each is stored as, in their order. Throws what a source throws. */
export function* writeBodies(sink: ObjectSink, sources: Iterable<BodySource>): Generator<PackedBody, void, undefined> {
  const packer = new BodyPacker();
  const iterator = sources[Symbol.iterator]();
  for (let batch = packer.fill(iterator); batch !== undefined; batch = packer.fill(iterator)) {
    for (const frame of packer.pack(batch.ids.map(id => !sink.has(id)))) sink.putFrame(frame);
    for (const bytes of batch.contents) sink.put(bytes);
    yield* batch.bodies;
  }
}

/**
 * Writes values that are in memory to a sink; small ones share frames, so `flush` must follow the last. The bytes of a
 * value must not change before the sink has committed.
 */
export class BodyWriter {
  private group = new FrameGroup();
  private readonly pending = new Set<ObjectId>();
  private readonly builder: ContentBuilder;

  constructor(private readonly sink: ObjectSink) {
    this.builder = new ContentBuilder(bytes => sink.put(bytes));
  }

  /** Returns the reference of a value, which can be read after the next `flush`. */
  write(value: Uint8Array, text: boolean): ContentRef {
    const bytes = asBuffer(value);
    let start = 0;
    do {
      const end = bytes.length <= SINGLE_LIMIT ? bytes.length : nextCut(bytes, start, bytes.length, true);
      this.take(bytes.subarray(start, end));
      start = end;
    } while (start < bytes.length);
    const {id, size, chunked} = this.builder.finish();
    return new ContentRef(id, size, chunked, text);
  }

  private take(chunk: Buffer): void {
    const id = idOf(chunk);
    this.builder.add(id, chunk.length);
    if (this.pending.has(id) || this.sink.has(id)) return;
    this.pending.add(id);
    this.group.add(id, chunk);
    if (this.group.bytes >= BATCH_BYTES) this.flush();
  }

  /** Hands everything that was written to the sink. */
  flush(): void {
    for (const frame of this.group.finish()) this.sink.putFrame(frame);
    this.group = new FrameGroup();
    this.pending.clear();
  }
}

/** Puts chunks together into frames: small ones share, one that fills a frame stands alone. */
class FrameGroup {
  private readonly frames: Frame[] = [];
  private entries: {key: string; value: Uint8Array}[] = [];
  private open = 0;
  /** Bytes of all chunks. */
  bytes = 0;

  add(id: ObjectId, bytes: Uint8Array): void {
    const entry = {key: objectKey(id), value: bytes};
    this.bytes += bytes.length;
    if (bytes.length >= FRAME_BYTES) {
      this.frames.push(ownedFrame([entry]));
      return;
    }
    if (this.open + bytes.length > FRAME_BYTES) this.close();
    this.entries.push(entry);
    this.open += bytes.length;
  }

  private close(): void {
    this.frames.push(ownedFrame(this.entries));
    this.entries = [];
    this.open = 0;
  }

  finish(): Frame[] {
    if (this.entries.length > 0) this.close();
    return this.frames;
  }
}

function ownedFrame(entries: readonly {key: string; value: Uint8Array}[]): Frame {
  const frame = packFrame(entries);
  return {...frame, stored: owned(frame.stored)};
}

/**
 * Returns bytes that have their ArrayBuffer to themselves: they do not change with the arena, hold no more memory than
 * they use, and a message to another thread copies or moves them alone.
 */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
