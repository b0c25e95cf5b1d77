/**
 * Messages between two stores, over any stream of bytes. A message has the form of the fields of an object, behind its length and a
 * checksum; a frame of length 0 ends them, so what broke off or was damaged on its way is always told from what is whole. Nothing that is
 * read is trusted. Layer: sync.
 */
import {asBuffer} from '../bytes.js';
import {DbosError, ERROR_CODES, type ErrorCode, isDbosError} from '../errors.js';
import {type Field, packFields, unpackFields} from '../objects/codec.js';
import {crc32} from '../storage/checksum.js';

/** A message: what it is first. */
export type Message = readonly [MessageKind, ...Field[]];
export type Messages = AsyncIterable<Message> | Iterable<Message>;

/** What a message can be. The numbers are on the wire: never change one. */
export const MESSAGE = {
  /** Code, sentence, hint or null, and data as JSON: the exchange failed. */
  error: 0,
  /** Arguments or result of a call. */
  call: 1,
  /** Some objects. */
  parcel: 2,
  /** Nothing: the other side is still at it. */
  tick: 3,
} as const;
type MessageKind = (typeof MESSAGE)[keyof typeof MESSAGE];

const HEADER_BYTES = 8;

/** The greatest length of a message: an object of the greatest size with some room for what stands around it. */
const MOST_BYTES = 2 ** 28 + 2 ** 16;

/** Ticks that may come after each other: those of a day, as dbos sends them. */
const MOST_TICKS = 20_000;

/** What ends the messages of one side. */
export const END: Uint8Array = new Uint8Array(HEADER_BYTES);

/** Returns a message as it travels. */
export function encodeMessage(message: Message): Uint8Array {
  const payload = packFields(message);
  const framed = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  framed.writeUInt32BE(payload.length, 0);
  framed.writeUInt32BE(crc32(payload), 4);
  payload.copy(framed, HEADER_BYTES);
  return framed;
}

/** Yields messages as they travel, with the end; an error of them becomes the last one. */
export async function* encodeMessages(messages: Messages): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const message of messages) yield encodeMessage(message);
  } catch (error) {
    if (!isDbosError(error)) throw error;
    yield encodeMessage(errorMessage(error));
  }
  yield END;
}

/** Reads the messages of a stream of bytes, which may carry several rows of them after each other. */
export class MessageReader {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private parts: Uint8Array[] = [];
  private length = 0;

  /** `most` bounds a message, in bytes. */
  constructor(
    chunks: AsyncIterable<Uint8Array>,
    private readonly most = MOST_BYTES,
  ) {
    this.chunks = chunks[Symbol.asyncIterator]();
  }

  /**
   * Yields messages up to the end of their row, without ticks. Throws CONNECTION_BROKEN if it breaks off or is damaged,
   * TRANSFER_INVALID for what is no message, and the error that the other side tells.
   */
  async *messages(): AsyncGenerator<Message, void, undefined> {
    let told: DbosError | undefined;
    let ticks = 0;
    try {
      for (;;) {
        const header = asBuffer(await this.take(HEADER_BYTES));
        const [length, checksum] = [header.readUInt32BE(0), header.readUInt32BE(4)];
        if (length > this.most) throw malformed('a message that is too long');
        const payload = await this.take(length);
        if (crc32(payload) !== checksum) {
          throw new DbosError('CONNECTION_BROKEN', 'What the other store sent was damaged on its way.', {hint: AGAIN});
        }
        if (length === 0) break;
        const message = decode(payload);
        ticks = message[0] === MESSAGE.tick ? ticks + 1 : 0;
        if (ticks > MOST_TICKS) throw malformed('nothing but signs of life');
        if (message[0] === MESSAGE.error) told = toldError(message);
        else if (ticks === 0) yield message;
      }
    } catch (error) {
      throw told ?? error;
    }
    if (told) throw told;
  }

  /** Returns whether anything is left. */
  async hasMore(): Promise<boolean> {
    return this.length > 0 || (await this.fill());
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    await this.chunks.return?.();
  }

  private async fill(): Promise<boolean> {
    const {value, done} = await this.chunks.next();
    if (done) return false;
    this.parts.push(value);
    this.length += value.length;
    return true;
  }

  /** Returns the next bytes. Throws CONNECTION_BROKEN. */
  async take(bytes: number): Promise<Uint8Array> {
    while (this.length < bytes) {
      if (!(await this.fill())) {
        throw new DbosError('CONNECTION_BROKEN', 'The connection to the other store broke off.', {hint: AGAIN});
      }
    }
    const whole = this.parts.length === 1 ? (this.parts[0] as Uint8Array) : Buffer.concat(this.parts);
    this.length -= bytes;
    this.parts = this.length > 0 ? [whole.subarray(bytes)] : [];
    return whole.subarray(0, bytes);
  }
}

const AGAIN = 'Run the command again: it goes on where it stopped.';

function decode(payload: Uint8Array): Message {
  let fields: readonly unknown[];
  try {
    fields = unpackFields(payload);
  } catch (error) {
    if (!isDbosError(error)) throw error;
    throw malformed('bytes that are no message', error);
  }
  if (typeof fields[0] !== 'number') throw malformed('what is no message');
  return fields as unknown as Message;
}

/** Returns the error for what cannot be a message of this exchange. */
export function malformed(what: string, cause?: unknown): DbosError {
  return new DbosError('TRANSFER_INVALID', `The other side sent ${what}.`, {
    hint: 'It may be another program, or a newer version of dbos: nothing was changed here.',
    cause,
  });
}

/** Returns the message that tells an error. */
export function errorMessage({code, message, hint, data}: DbosError): Message {
  return [MESSAGE.error, code, message, hint ?? null, JSON.stringify(data)];
}

/** What is believed of an error of the other side: no terminal should be flooded. */
const MOST_TEXT = 2000;

function toldError([, code, message, hint, data]: Message): DbosError {
  if (typeof code !== 'string' || typeof message !== 'string') return malformed('an error that it does not name');
  return errorTold(code, message, hint, data);
}

/** Returns the error that the other side tells, as far as it can be believed. */
export function errorTold(code: string, message: string, hint: unknown, json: unknown): DbosError {
  let data: unknown;
  try {
    data = typeof json === 'string' ? JSON.parse(json) : {};
  } catch {
    data = {};
  }
  return new DbosError(
    Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'REMOTE_FAILED',
    message.slice(0, MOST_TEXT),
    {
      ...(typeof hint === 'string' && {hint: hint.slice(0, MOST_TEXT)}),
      ...(typeof data === 'object' && data !== null && {data: data as Record<string, unknown>}),
    },
  );
}
