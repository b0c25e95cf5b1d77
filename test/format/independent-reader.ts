/**
 * A second reader of stores, written from docs/format.md alone: it shares no code with the program and checks everything
 * that the page lets a reader check. If it has to know what the page does not say, the page is wrong.
 */
import {hash} from 'node:crypto';
import {closeSync, openSync, readFileSync, readSync} from 'node:fs';
import {join} from 'node:path';
import {brotliDecompressSync, crc32} from 'node:zlib';
import {Level} from 'level';
import {Unpackr} from 'msgpackr';

/** A digest in hexadecimal. */
export type Id = string;

export interface Reference {
  readonly id: Id;
  readonly size: number;
  readonly chunked: boolean;
  readonly text: boolean;
}

/** INTEGER is a bigint, REAL a number, TEXT the bytes with a mark. */
export type Value =
  | null
  | bigint
  | number
  | {readonly text: Buffer}
  | {readonly blob: Buffer}
  | {readonly ref: Reference};

export interface KeyPart {
  readonly collation: number;
  readonly descending: boolean;
}

/** What fixes the shape of a tree. */
export interface Shape {
  readonly columns: number;
  readonly key: readonly KeyPart[];
  readonly leafRows: number;
  readonly innerRows: number;
}

const REFS: Shape = {columns: 2, key: [{collation: 0, descending: false}], leafRows: 64, innerRows: 64};

const KINDS = {
  content: 1,
  node: 2,
  schema: 3,
  table: 4,
  state: 5,
  commit: 6,
  tag: 7,
  view: 8,
  operation: 9,
  definition: 10,
  transaction: 11,
};

const unpackr = new Unpackr({useRecords: false, int64AsType: 'number'});

/** Which forms of the page were met, so that a test can tell whether it has seen them all. */
export const met = new Set<string>();

function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`not as docs/format.md says: ${what}`);
}

/** Reads the numbers of section "Conventions" one after the other. */
class Bytes {
  at = 0;

  constructor(readonly buffer: Buffer) {}

  get left(): number {
    return this.buffer.length - this.at;
  }

  take(size: number): Buffer {
    must(size <= this.left, 'something ends too early');
    this.at += size;
    return this.buffer.subarray(this.at - size, this.at);
  }

  u8(): number {
    return this.take(1)[0] as number;
  }

  unsigned(width: number): number {
    if (width < 8) return this.take(width).readUIntLE(0, width);
    return Number(this.take(8).readBigUInt64LE());
  }

  i64(): bigint {
    return this.take(8).readBigInt64LE();
  }

  varint(): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        must(value < 2n ** 53n && (byte > 0 || shift === 0n), 'a varint is in its shortest form');
        return Number(value);
      }
    }
  }

  sized(): Buffer {
    return this.take(this.varint());
  }
}

/** A number that is not one of the format's: a decoder's array entry. */
function integer(field: unknown): number {
  must(Number.isSafeInteger(field), 'a field is an integer');
  return field as number;
}

function bin(field: unknown): Buffer {
  must(field instanceof Uint8Array, 'a field is bin');
  return Buffer.from(field);
}

function id(field: unknown): Id {
  const bytes = bin(field);
  must(bytes.length === 32, 'an id has 32 bytes');
  return bytes.toString('hex');
}

function optional<T>(read: (field: unknown) => T): (field: unknown) => T | null {
  return field => (field === null ? null : read(field));
}

function list<T>(read: (field: unknown) => T): (field: unknown) => T[] {
  return field => {
    must(Array.isArray(field), 'a field is an array');
    return field.map(read);
  };
}

function str(field: unknown): string {
  must(typeof field === 'string', 'a field is str');
  return field;
}

/** Any text: its bytes. */
function anyText(field: unknown): Buffer {
  return typeof field === 'string' ? Buffer.from(field) : bin(field);
}

function wide(field: unknown): number {
  const bytes = bin(field);
  must(bytes.length === 8, 'a wide integer has 8 bytes');
  return integer(Number(bytes.readBigInt64BE()));
}

export interface Signature {
  readonly time: number;
  readonly zone: number;
  readonly name: Buffer;
  readonly email: Buffer;
}

function signature(field: unknown): Signature {
  const [time, zone, name, email, ...rest] = list(part => part)(field);
  must(rest.length === 0, 'a signature has four fields');
  return {time: wide(time), zone: integer(zone), name: anyText(name), email: anyText(email)};
}

export interface Head {
  readonly branch?: string;
  readonly detached?: Id;
}

function head(field: unknown): Head {
  const [kind, target, ...rest] = list(part => part)(field);
  must((kind === 0 || kind === 1) && rest.length === 0, 'a head is a branch or a commit');
  return kind === 0 ? {branch: str(target)} : {detached: id(target)};
}

function checkAscending(names: readonly string[]): void {
  const bytes = names.map(name => Buffer.from(name));
  must(
    bytes.every((name, i) => i === 0 || Buffer.compare(bytes[i - 1] as Buffer, name) < 0),
    'names ascend',
  );
}

export interface Operation {
  readonly id: Id;
  readonly seq: number;
  readonly parent: Id | null;
  readonly view: Id;
  readonly time: number;
  readonly zone: number;
  readonly user: Buffer;
  readonly host: Buffer;
  readonly pid: number;
  readonly command: Buffer;
  readonly kind: number;
  readonly description: Buffer;
  readonly refChanges: readonly {readonly name: string; readonly before: Id | null; readonly after: Id | null}[];
  readonly headBefore: Head | null;
  readonly headAfter: Head;
  readonly undo: {readonly target: Id; readonly position: Id | null; readonly below: Id | null} | null;
  readonly transaction: string | null;
  readonly sql: Buffer | null;
  readonly affected: readonly (readonly [ref: string, table: string, ...counts: number[]])[] | null;
  readonly renames: readonly (readonly string[])[];
}

export interface Commit {
  readonly id: Id;
  readonly state: Id;
  readonly parents: readonly Id[];
  readonly generation: number;
  readonly committer: Signature;
  readonly author: Signature;
  readonly message: Buffer;
  readonly cause: Buffer | null;
}

/** Pairs of a first key and an end. */
type Ranges = readonly (readonly unknown[])[];

export interface OpenTransaction {
  readonly branch: string;
  readonly base: Id | null;
  readonly state: Id | null;
  readonly author: Signature;
  readonly message: Buffer;
  readonly isolation: number;
  readonly summary: Buffer;
  readonly savepoints: readonly (readonly [name: Buffer, state: Id | null, statements: Buffer])[];
  readonly reads: readonly (readonly [
    table: string,
    ranges: Ranges,
    indexes: readonly (readonly [string, Ranges])[],
  ])[];
}

export interface Tag {
  readonly target: Id;
  readonly name: string;
  readonly tagger: Signature;
  readonly message: Buffer;
}

/** A table without what belongs to it, or an index. */
export interface Indexed {
  readonly columns: readonly {readonly name: string; readonly type: string; readonly notNull: boolean}[];
  readonly shape: Shape;
  readonly definition: string | undefined;
  readonly root: Id | null;
  readonly rows: number;
}

export interface Table extends Indexed {
  readonly indexes: ReadonlyMap<string, Indexed>;
  readonly triggers: ReadonlyMap<string, string>;
}

export interface Definition {
  readonly sql: string;
  readonly triggers: ReadonlyMap<string, string>;
}

/** One change of a ref, from the index. */
export interface Change {
  readonly seq: number;
  readonly time: number;
  readonly id: Id | null;
}

interface Entry {
  readonly key: Buffer;
  readonly rows: number;
}

export class Reader {
  private constructor(
    private readonly folder: string,
    private readonly level: Level<Buffer, Buffer>,
    private readonly record: {readonly segment: number; readonly length: number; readonly commits: number},
  ) {}

  /** Sections 1 and 2. */
  static async open(folder: string): Promise<Reader> {
    must(readFileSync(join(folder, 'format'), 'latin1') === 'stone-os 1\n', 'the file format has one line');
    const level = new Level<Buffer, Buffer>(join(folder, 'level'), {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      createIfMissing: false,
    });
    await level.open();
    const value = await level.get(Buffer.alloc(0));
    must(value !== undefined, 'there is a log record');
    const bytes = new Bytes(value);
    must(bytes.u8() === 1, 'the log record has version 1');
    const record = {segment: bytes.varint(), length: bytes.varint(), commits: bytes.varint()};
    must(bytes.left === 0, 'nothing follows the log record');
    return new Reader(folder, level, record);
  }

  async close(): Promise<void> {
    await this.level.close();
  }

  /** Returns how many batches were written. */
  get commits(): number {
    return this.record.commits;
  }

  // ------------------------------------------------------------------------------------------ sections 2 and 3

  private async value(key: Buffer): Promise<Buffer> {
    const found = await this.level.get(key);
    must(found !== undefined, `there is a key ${key.toString('hex')}`);
    return this.untag(found);
  }

  private untag(found: Buffer): Buffer {
    const bytes = new Bytes(found);
    const tag = bytes.u8();
    if (tag === 0) return bytes.take(bytes.left);
    must(tag === 1 || tag === 2, 'the tag of a value is 0, 1 or 2');
    const [segment, frame, offset, length, stored] = Array.from({length: 5}, () => bytes.varint()) as [
      number,
      number,
      number,
      number,
      number,
    ];
    must(bytes.left === 0, 'nothing follows a location');
    const {payload, values} = this.frame(segment, frame, tag - 1, stored);
    must(values.has(`${offset}+${length}`), 'a location is that of a value in the table of the frame');
    return payload.subarray(offset, offset + length);
  }

  private readonly frames = new Map<string, {readonly payload: Buffer; readonly values: ReadonlySet<string>}>();

  /** Returns a frame; keeps some, since neighbours are read together. */
  private frame(segment: number, at: number, codec: number, stored: number) {
    const place = `${segment} ${at} ${codec} ${stored}`;
    const frame = this.frames.get(place) ?? this.readFrame(segment, at, codec, stored);
    this.frames.delete(place);
    this.frames.set(place, frame);
    for (const oldest of this.frames.keys()) if (this.frames.size > 16) this.frames.delete(oldest);
    return frame;
  }

  private readFrame(segment: number, at: number, codec: number, stored: number) {
    met.add(`codec ${codec}`);
    must(segment >= 1 && segment <= this.record.segment, 'a location is in the log');
    const path = join(this.folder, 'log', `${String(segment).padStart(8, '0')}.log`);
    const read = (position: number, length: number) => {
      const end = position + length;
      must(segment < this.record.segment || end <= this.record.length, 'a location lies before the end of the log');
      const file = openSync(path, 'r');
      const target = Buffer.alloc(length);
      must(readSync(file, target, 0, length, position) === length, 'a segment is as long as it should be');
      closeSync(file);
      return target;
    };
    const first = read(0, 20);
    must(first.toString('latin1', 0, 8) === 'DBOSLOG\x01', 'a segment begins with DBOSLOG and its version');
    must(first.readUInt32LE(8) === segment, 'a segment holds its number');
    must(first.readUInt32LE(16) === crc32(first.subarray(0, 16)), 'the header of a segment has its CRC-32');
    const header = read(at, 32);
    must(header.toString('latin1', 0, 2) === 'Fr' && header[2] === 1, 'a frame begins with Fr and its version');
    must(header[3] === codec && header.readUInt32LE(4) === stored, 'a location repeats codec and stored length');
    must(header.readUInt32LE(28) === crc32(header.subarray(0, 28)), 'the header of a frame has its CRC-32');
    const tableLength = header.readUInt32LE(16);
    const packed = read(at + 32, stored);
    const table = new Bytes(read(at + 32 + stored, tableLength));
    must(header.readUInt32LE(20) === crc32(packed), 'the payload of a frame has its CRC-32');
    must(header.readUInt32LE(24) === crc32(table.buffer), 'the table of a frame has its CRC-32');
    const payload = codec === 0 ? packed : brotliDecompressSync(packed);
    must(payload.length === header.readUInt32LE(8), 'a frame has its raw length');
    const values = new Set<string>();
    let start = 0;
    let count = 0;
    for (; table.left > 0; count++) {
      const length = table.varint();
      values.add(`${start}+${length}`);
      start += length;
    }
    must(count === header.readUInt32LE(12) && start === payload.length, 'a table lists the values of its frame');
    return {payload, values};
  }

  /** The bytes of an object, checked against its id. */
  async object(of: Id): Promise<Buffer> {
    const bytes = await this.value(Buffer.concat([Buffer.from('o'), Buffer.from(of, 'hex')]));
    must(hash('sha256', bytes) === of, 'an object has its digest as its id');
    return bytes;
  }

  /** Yields the changes of a ref, or of HEAD, oldest first. */
  async *changes(ref: string): AsyncGenerator<Change> {
    const prefix = Buffer.from(`r${ref}\0`);
    for await (const [key, found] of this.level.iterator({
      gte: prefix,
      lt: Buffer.concat([prefix, Buffer.alloc(9, 0xff)]),
    })) {
      const value = this.untag(found);
      must(key.length === prefix.length + 8 && (value.length === 8 || value.length === 40), 'an entry of a ref');
      yield {
        seq: Number(key.readBigUInt64BE(prefix.length)),
        time: Number(value.readBigInt64BE()),
        id: value.length === 8 ? null : value.toString('hex', 8),
      };
    }
  }

  /** The operation with a number, by the index. */
  async operationAt(seq: number): Promise<{readonly time: number; readonly id: Id}> {
    const key = Buffer.alloc(9);
    key.write('p');
    key.writeBigUInt64BE(BigInt(seq), 1);
    const value = await this.value(key);
    must(value.length === 40, 'an entry of an operation');
    return {time: Number(value.readBigInt64BE()), id: value.toString('hex', 8)};
  }

  // ------------------------------------------------------------------------------------------ section 4

  private async fields(of: Id, kind: keyof typeof KINDS, count: number, most = count, version = 1): Promise<unknown[]> {
    const bytes = await this.object(of);
    const [number, found, ...fields] = list(field => field)(unpackr.unpack(bytes));
    must(number === KINDS[kind] && found === version, `${of} is a ${kind} of version ${version}`);
    must(fields.length >= count && fields.length <= most, `a ${kind} has ${count} fields`);
    return fields;
  }

  async operation(of?: Id): Promise<Operation> {
    const at = of ?? (await this.value(Buffer.from('c'))).toString('hex');
    const version = list(field => field)(unpackr.unpack(await this.object(at)))[1];
    must(version === 1 || version === 2 || version === 3, 'an operation has version 1, 2 or 3');
    const count = {1: 15, 2: 18, 3: 19}[version];
    const fields = await this.fields(at, 'operation', count, count, version);
    const affected = (field: unknown) => {
      const [ref, table, ...counts] = list(part => part)(field);
      must(counts.length === 3, 'a table has three counts');
      return [str(ref), str(table), ...counts.map(wide)] as const;
    };
    const change = (field: unknown) => {
      const [name, before, after] = list(part => part)(field);
      return {name: str(name), before: optional(id)(before), after: optional(id)(after)};
    };
    const undo = (field: unknown) => {
      const [target, position, below] = list(part => part)(field);
      return {target: id(target), position: optional(id)(position), below: optional(id)(below)};
    };
    return {
      id: at,
      seq: wide(fields[0]),
      parent: optional(id)(fields[1]),
      view: id(fields[2]),
      time: wide(fields[3]),
      zone: integer(fields[4]),
      user: anyText(fields[5]),
      host: anyText(fields[6]),
      pid: integer(fields[7]),
      command: anyText(fields[8]),
      kind: integer(fields[9]),
      description: anyText(fields[10]),
      refChanges: list(change)(fields[11]),
      headBefore: optional(head)(fields[12]),
      headAfter: head(fields[13]),
      undo: optional(undo)(fields[14]),
      transaction: optional(str)(fields[15] ?? null),
      sql: optional(anyText)(fields[16] ?? null),
      affected: optional(list(affected))(fields[17] ?? null),
      renames: list(list(str))(fields[18] ?? []),
    };
  }

  /** What HEAD is in the view of an operation, and all refs. */
  async view(of: Id): Promise<{readonly head: Head; readonly refs: ReadonlyMap<string, Id>}> {
    const fields = await this.fields(of, 'view', 2);
    const refs = new Map<string, Id>();
    for await (const [name, target] of this.rows(REFS, optional(id)(fields[0]))) {
      must(name !== null && typeof name === 'object' && 'text' in name, 'a ref has a name');
      must(target !== null && typeof target === 'object' && 'blob' in (target ?? {}), 'a ref has a digest');
      refs.set(name.text.toString(), id((target as {blob: Buffer}).blob));
    }
    return {head: head(fields[1]), refs};
  }

  async commit(of: Id): Promise<Commit> {
    const fields = await this.fields(of, 'commit', 7);
    return {
      id: of,
      state: id(fields[0]),
      parents: list(id)(fields[1]),
      generation: integer(fields[2]),
      committer: signature(fields[3]),
      author: signature(fields[4]),
      message: anyText(fields[5]),
      cause: optional(anyText)(fields[6]),
    };
  }

  async transaction(of: Id): Promise<OpenTransaction> {
    const fields = await this.fields(of, 'transaction', 9, 9, 2);
    const pair = (field: unknown) => list(part => part)(field) as [unknown, unknown];
    return {
      branch: str(fields[0]),
      base: optional(id)(fields[1]),
      state: optional(id)(fields[2]),
      author: signature(fields[3]),
      message: anyText(fields[4]),
      isolation: integer(fields[5]),
      summary: anyText(fields[6]),
      savepoints: list(list(part => part))(fields[7]).map(([name, state, statements]) => {
        return [anyText(name), optional(id)(state), anyText(statements)] as const;
      }),
      reads: list(list(part => part))(fields[8]).map(([table, ranges, indexes]) => [
        str(table),
        list(pair)(ranges),
        list(pair)(indexes).map(([index, parts]) => [str(index), list(pair)(parts)] as const),
      ]),
    };
  }

  async tag(of: Id): Promise<Tag> {
    const fields = await this.fields(of, 'tag', 4);
    return {target: id(fields[0]), name: str(fields[1]), tagger: signature(fields[2]), message: anyText(fields[3])};
  }

  async state(of: Id): Promise<ReadonlyMap<string, Id>> {
    const [tables] = await this.fields(of, 'state', 1);
    const pairs = list(list(part => part))(tables).map(([name, table]) => [str(name), id(table)] as const);
    checkAscending(pairs.map(([name]) => name));
    return new Map(pairs);
  }

  /** Whether an entry of a state is a definition, and not a table. */
  async isDefinition(of: Id): Promise<boolean> {
    const [number] = list(field => field)(unpackr.unpack(await this.object(of)));
    must(number === KINDS.table || number === KINDS.definition, 'a state has tables and definitions');
    return number === KINDS.definition;
  }

  async definition(of: Id): Promise<Definition> {
    const [sql, triggers] = await this.fields(of, 'definition', 1, 2);
    return {sql: str(sql), triggers: await this.triggers(triggers)};
  }

  private async triggers(field: unknown): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    if (field === undefined) return found;
    for (const [name, of] of list(list(part => part))(field)) {
      const {sql, triggers} = await this.definition(id(of));
      must(triggers.size === 0, 'a trigger has no triggers');
      found.set(str(name), sql);
    }
    must(found.size > 0, 'a list of triggers is not empty');
    checkAscending([...found.keys()]);
    return found;
  }

  async table(of: Id): Promise<Table> {
    const [schema, root, rows, indexList, triggers] = await this.fields(of, 'table', 4, 5);
    const indexes = new Map<string, Indexed>();
    for (const [name, indexSchema, indexRoot, entries, ...rest] of list(list(part => part))(indexList)) {
      must(rest.length === 0, 'an index has four parts');
      const index = await this.indexed(indexSchema, indexRoot, entries);
      must(index.shape.key.length === index.columns.length, 'all columns of an index are its key');
      indexes.set(str(name), index);
    }
    checkAscending([...indexes.keys()]);
    return {...(await this.indexed(schema, root, rows)), indexes, triggers: await this.triggers(triggers)};
  }

  private async indexed(schema: unknown, root: unknown, rows: unknown): Promise<Indexed> {
    const [columns, key, leafRows, innerRows, definition] = await this.fields(id(schema), 'schema', 4, 5);
    const named = list(list(part => part))(columns).map(([name, type, notNull]) => ({
      name: str(name),
      type: str(type),
      notNull: notNull === 1,
    }));
    const parts = list(list(integer))(key).map(([collation, descending]) => ({
      collation: collation as number,
      descending: descending === 1,
    }));
    const shape = {columns: named.length, key: parts, leafRows: integer(leafRows), innerRows: integer(innerRows)};
    const text = definition === undefined ? undefined : str(definition);
    return {columns: named, shape, definition: text, root: optional(id)(root), rows: wide(rows)};
  }

  // ------------------------------------------------------------------------------------------ sections 5 and 6

  /** Yields the rows of a tree, and checks where its nodes end, their keys and their counts. */
  async *rows(shape: Shape, root: Id | null): AsyncGenerator<Value[]> {
    if (root !== null) yield* this.below(shape, root, undefined, undefined, true);
  }

  private async *below(
    shape: Shape,
    of: Id,
    level: number | undefined,
    place: Entry | undefined,
    last: boolean,
  ): AsyncGenerator<Value[]> {
    const [number, version, own, count, ...rest] = list(part => part)(unpackr.unpack(await this.object(of)));
    must(number === KINDS.node && version === 1, 'a child is a node of version 1');
    must(level === undefined || own === level, 'a child is one level down');
    met.add(`node level ${own}`);
    if (own === 0) {
      const rows = decodeLeaf(shape, integer(count), rest);
      const entries = rows.map(row => ({key: keyOf(shape.key, row), rows: 1}));
      checkNode(shape.leafRows, 0, entries, place, last);
      yield* rows;
      return;
    }
    const children = decodeInner(integer(count), rest);
    must(place !== undefined || children.length > 1, 'the root has two children at least');
    checkNode(shape.innerRows, integer(own), children, place, last);
    for (const [i, child] of children.entries()) {
      yield* this.below(shape, child.id, integer(own) - 1, child, last && i === children.length - 1);
    }
  }

  // ------------------------------------------------------------------------------------------ section 7

  /** The bytes of a value that stands outside its row; also checks where it was cut. */
  async body(ref: Reference): Promise<Buffer> {
    const chunks: Buffer[] = [];
    if (ref.chunked) {
      must((await this.chunks(ref.id, undefined, ref.size, chunks, true)) > 1, 'the root of a content has two entries');
    } else chunks.push(await this.object(ref.id));
    const body = Buffer.concat(chunks);
    must(body.length === ref.size, 'a body has its size');
    const cuts = cutsOf(body);
    must(cuts.length === chunks.length, 'a body has its chunks');
    must(
      chunks.every((chunk, i) => chunk.length === cuts[i]),
      'a body is cut where it should be',
    );
    return body;
  }

  private async chunks(
    of: Id,
    level: number | undefined,
    size: number,
    chunks: Buffer[],
    last: boolean,
  ): Promise<number> {
    const [own, joined, sizes] = await this.fields(of, 'content', 3);
    must(level === undefined || own === level, 'a content object is one level down');
    met.add(`content level ${own}`);
    const ids = bin(joined);
    const packed = new Bytes(bin(sizes));
    const count = ids.length / 32;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const child = ids.toString('hex', i * 32, (i + 1) * 32);
      const bytes = packed.varint();
      total += bytes;
      const ends = i + 1 === 2048 || (i + 1 >= 256 && ids[i * 32] === 0);
      const end = i + 1 === count;
      must(end ? ends || last : !ends, 'a list of chunks ends where it should');
      if (own === 0) {
        chunks.push(await this.object(child));
        must(chunks.at(-1)?.length === bytes, 'a chunk has its size');
      } else await this.chunks(child, integer(own) - 1, bytes, chunks, last && end);
    }
    must(total === size && packed.left === 0, 'a content object has its size');
    return count;
  }
}

/** Returns the key of a row. */
export function keyOf(parts: readonly KeyPart[], row: readonly Value[]): Buffer {
  return Buffer.concat(
    parts.map(({collation, descending}, i) => {
      const part = keyPart(collation, row[i] as Value);
      return descending ? Buffer.from(part.map(byte => ~byte)) : part;
    }),
  );
}

function keyPart(collation: number, value: Value): Buffer {
  if (value === null) return Buffer.from([0x05]);
  if (typeof value === 'object' && 'text' in value) {
    let {text} = value;
    if (collation === 2) while (text.at(-1) === 0x20) text = text.subarray(0, -1);
    return Buffer.from([0x20, ...[...text].flatMap(byte => mapped(collation, byte)), 0]);
  }
  if (typeof value === 'object') {
    must('blob' in value, 'no reference is in a key');
    return Buffer.from([0x30, ...[...value.blob].flatMap(byte => mapped(0, byte)), 0]);
  }
  let floor = Number(value);
  if (typeof value === 'bigint' && BigInt(floor) > value) floor = doubleBelow(floor);
  const bytes = Buffer.alloc(11);
  bytes[0] = 0x10;
  bytes.writeDoubleBE(floor + 0, 1);
  const bits = bytes.readBigUInt64BE(1);
  bytes.writeBigUInt64BE(floor >= 0 ? bits | (1n << 63n) : BigInt.asUintN(64, ~bits), 1);
  if (Math.abs(floor) < 2 ** 53) return bytes.subarray(0, 9);
  bytes.writeUInt16BE(typeof value === 'bigint' ? Number(value - BigInt(floor)) : 0, 9);
  return bytes;
}

function doubleBelow(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + (value > 0 ? -1n : 1n));
  return view.getFloat64(0);
}

function mapped(collation: number, byte: number): number[] {
  if (collation === 3) {
    if (byte === 0x2f) return [1];
    return byte <= 2 ? [2, byte + 1] : [byte];
  }
  if (byte <= 1) return [1, byte + 1];
  return collation === 1 && byte >= 0x41 && byte <= 0x5a ? [byte + 0x20] : [byte];
}

function checkNode(
  target: number,
  level: number,
  entries: readonly Entry[],
  place: Entry | undefined,
  last: boolean,
): void {
  let rows = 0;
  for (const [i, entry] of entries.entries()) {
    rows += entry.rows;
    if (i > 0) must(Buffer.compare((entries[i - 1] as Entry).key, entry.key) < 0, 'keys ascend');
    const ends = endsAfter(target, level, entry.key, i + 1);
    must(i + 1 === entries.length ? ends || last : !ends, 'a node ends where it should');
  }
  if (place === undefined) return;
  must(place.rows === rows, 'a parent has the number of rows of its child');
  must(place.key.equals((entries.at(-1) as Entry).key), 'a parent has the greatest key of its child');
}

function endsAfter(target: number, level: number, key: Buffer, n: number): boolean {
  const min = Math.max(level === 0 ? 1 : 2, Math.floor(target / 4));
  const max = 3 * target;
  if (n >= max) return true;
  if (n <= min) return false;
  const a = Math.PI / (2 * (0.75 * target) * (0.75 * target));
  return murmur3(key, level) < Math.floor(Math.min(1, a * (n - min)) * 2 ** 32);
}

/** MurmurHash3_x86_32. */
export function murmur3(key: Buffer, seed: number): number {
  const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by));
  const scramble = (block: number) => Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
  let h = seed;
  let at = 0;
  for (; at + 4 <= key.length; at += 4) {
    h = (Math.imul(rotate(h ^ scramble(key.readInt32LE(at)), 13), 5) + 0xe6546b64) | 0;
  }
  if (at < key.length) h ^= scramble(key.readUIntLE(at, key.length - at));
  h ^= key.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function decodeLeaf(shape: Shape, count: number, fields: readonly unknown[]): Value[][] {
  must(fields.length === 2 && fields[0] === shape.columns, 'a leaf has the columns of its table');
  const body = new Bytes(bin(fields[1]));
  const lengths = Array.from({length: shape.columns}, () => body.varint());
  const columns = lengths.map(length => decodeVector(body.take(length), count));
  must(body.left === 0, 'nothing follows the vectors of a leaf');
  return Array.from({length: count}, (_, row) => columns.map(column => column[row] as Value));
}

function decodeInner(count: number, fields: readonly unknown[]): (Entry & {readonly id: Id})[] {
  must(fields.length === 1, 'an inner node has three fields');
  const body = new Bytes(bin(fields[0]));
  const ids = Array.from({length: count}, () => body.take(32).toString('hex'));
  const rows = decodeVector(body.sized(), count);
  const prefix = body.sized();
  const width = body.u8();
  must(width === 1 || width === 4, 'a length has 1 or 4 bytes');
  const lengths = Array.from({length: count}, () => body.unsigned(width));
  const children = ids.map((child, i) => ({
    id: child,
    rows: Number(rows[i]),
    key: Buffer.concat([prefix, body.take(lengths[i] as number)]),
  }));
  must(body.left === 0, 'nothing follows the keys of an inner node');
  return children;
}

/** Returns the cells of a vector. */
export function decodeVector(vector: Buffer, count: number): Value[] {
  const bytes = new Bytes(vector);
  const first = bytes.u8();
  const tag = first & 0x7f;
  must(first === tag || (tag >= 2 && tag <= 8), 'only tags 2 to 8 have a bitmap');
  met.add(`vector ${first === tag ? tag : `${tag} with NULLs`}`);
  const bitmap = first === tag ? undefined : bytes.take(Math.ceil(count / 8));
  const isNull = (row: number) => bitmap !== undefined && (((bitmap[row >> 3] as number) >> (row & 7)) & 1) === 1;
  const cells = cellsOf(tag, bytes, count, isNull);
  must(bytes.left === 0, 'nothing follows a vector');
  return cells.map((cell, row) => (isNull(row) ? null : cell));
}

function cellsOf(tag: number, bytes: Bytes, count: number, isNull: (row: number) => boolean): Value[] {
  const each = <T>(read: () => T, times = count): T[] => Array.from({length: times}, read);
  const pieces = (lengths: readonly number[], text: boolean) =>
    lengths.map((length): Value => {
      const piece = bytes.take(length);
      return text ? {text: piece} : {blob: piece};
    });
  switch (tag) {
    case 0:
      return each(() => null);
    case 1: {
      const cell = readCell(bytes);
      return each(() => cell);
    }
    case 2: {
      const width = bytes.u8();
      met.add(`integer width ${width}`);
      if (width === 8) return each(() => bytes.i64());
      const least = bytes.i64();
      return each(() => least + BigInt(bytes.unsigned(width)));
    }
    case 3:
      return each(() => bytes.take(8).readDoubleLE());
    case 4:
    case 5: {
      const width = bytes.u8();
      const lengths = each(() => bytes.unsigned(width));
      return pieces(lengths, tag === 4);
    }
    case 6:
    case 7: {
      const distinct = bytes.u8();
      const width = bytes.u8();
      const lengths = each(() => bytes.unsigned(width), distinct);
      const numbers = each(() => bytes.u8());
      const values = pieces(lengths, tag === 6);
      return numbers.map(number => values[number] as Value);
    }
    case 8: {
      const rows = Array.from({length: count}, (_, row) => row).filter(row => !isNull(row));
      const shared = bytes.u8();
      const flags = rows.map(() => (shared === 4 ? bytes.u8() : shared));
      const width = bytes.u8();
      const sizes = rows.map(() => bytes.unsigned(width));
      const cells: Value[] = each(() => null);
      for (const [i, row] of rows.entries()) {
        cells[row] = reference(flags[i] as number, sizes[i] as number, bytes.take(32).toString('hex'));
      }
      return cells;
    }
    case 9:
      return each(() => readCell(bytes));
    default:
      throw new Error(`not as docs/format.md says: a vector has tag ${tag}`);
  }
}

function reference(flags: number, size: number, of: Id): Value {
  must(flags <= 3, 'a reference has two flags');
  return {ref: {id: of, size, chunked: (flags & 1) !== 0, text: (flags & 2) !== 0}};
}

function readCell(bytes: Bytes): Value {
  const tag = bytes.u8();
  met.add(`cell ${tag}`);
  if (tag === 0) return null;
  if (tag === 1) return bytes.i64();
  if (tag === 2) return bytes.take(8).readDoubleLE();
  if (tag === 3) return {text: bytes.sized()};
  if (tag === 4) return {blob: bytes.sized()};
  must(tag === 5, 'the tag of a cell is 0 to 5');
  const flags = bytes.u8();
  const size = bytes.varint();
  return reference(flags, size, bytes.take(32).toString('hex'));
}

/** The gear table. */
export const GEAR = Array.from({length: 32}, (_, i) => hash('sha256', `stone-os gear ${i}`, 'buffer')).flatMap(digest =>
  Array.from({length: 8}, (_, k) => digest.readUInt32BE(k * 4)),
);

/** Returns the lengths of the chunks of a body. */
function cutsOf(body: Buffer): number[] {
  if (body.length <= 65_536) return [body.length];
  const cuts: number[] = [];
  let h = 0;
  let n = 0;
  for (const byte of body) {
    h = ((h << 1) + (GEAR[byte] as number)) >>> 0;
    n++;
    const bits = n < 16_384 ? 32 : n <= 53_248 ? 18 : 14;
    if ((n >= 16_384 && h >>> (32 - bits) === 0) || n === 262_144) {
      cuts.push(n);
      n = 0;
    }
  }
  if (n > 0) cuts.push(n);
  return cuts;
}

/** Returns the CID of a structured object. */
export function cidOf(of: Id): string {
  return `b${base32(Buffer.concat([Buffer.from([0x01, 0x81, 0x04, 0x12, 0x20]), Buffer.from(of, 'hex')]))}`;
}

function base32(bytes: Buffer): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/g) ?? [])
    .map(digits => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(digits.padEnd(5, '0'), 2)])
    .join('');
}

/** Returns the attributes of a value of the column `xattrs`. */
export function attributesOf(bytes: Buffer): [name: Buffer, value: Buffer][] {
  const reader = new Bytes(bytes);
  const attributes: [Buffer, Buffer][] = [];
  while (reader.left > 0) attributes.push([reader.sized(), reader.sized()]);
  return attributes;
}
