/**
 * Messages between two stores, over any stream of bytes. A message has the form of the fields of an object, behind its length and a
 * checksum; a frame of length 0 ends them, so what broke off or was damaged on its way is always told from what is whole. Nothing that is
 * read is trusted. Layer: sync.
 */
import {asBuffer} from '../bytes.js';
import {DbosError, ERROR_CODES, type ErrorCode, isDbosError} from '../errors.js';
import {countValues, type Field, packFields, unpackFields} from '../objects/codec.js';
import {crc32} from '../storage/checksum.js';
import type {Room} from './room.js';

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

/** Values of a message: some for each change of a push to as many refs as can be. */
const MOST_VALUES = 2 ** 19;

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

const NOTHING = new Uint8Array(0);

/** Reads the messages of a stream of bytes, which may carry several rows of them after each other. */
export class MessageReader {
  private readonly chunks: AsyncIterator<Uint8Array>;
  /** What came and was not taken. */
  private rest: Uint8Array = NOTHING;

  /** `most` bounds a message, in bytes, and `room` all that others send too. */
  constructor(
    chunks: AsyncIterable<Uint8Array>,
    private readonly most = MOST_BYTES,
    private readonly room?: Room,
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
        // none of the last message is kept while the next one waits for room: what a generator stops at holds all its variables
        let message = await this.next();
        if (message === undefined) break;
        ticks = message[0] === MESSAGE.tick ? ticks + 1 : 0;
        if (ticks > MOST_TICKS) throw malformed('nothing but signs of life');
        if (message[0] === MESSAGE.error) told = toldError(message);
        else if (ticks === 0) yield message;
        message = undefined;
      }
    } catch (error) {
      throw told ?? error;
    }
    if (told) throw told;
  }

  /** Returns the next message, or undefined at the end of the row. Throws CONNECTION_BROKEN and TRANSFER_INVALID. */
  private async next(): Promise<Message | undefined> {
    // whoever asks for it has no use for the one before
    this.room?.done();
    const header = asBuffer(await this.take(HEADER_BYTES));
    const [length, checksum] = [header.readUInt32BE(0), header.readUInt32BE(4)];
    if (length > this.most) throw malformed('a message that is too long');
    await this.room?.message(length);
    const payload = await this.take(length);
    if (crc32(payload) !== checksum) {
      throw new DbosError('CONNECTION_BROKEN', 'What the other store sent was damaged on its way.', {hint: AGAIN});
    }
    return length === 0 ? undefined : decode(payload);
  }

  /** Returns whether anything is left. */
  async hasMore(): Promise<boolean> {
    while (this.rest.length === 0) if (!(await this.fill())) return false;
    return true;
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    await this.chunks.return?.();
  }

  private async fill(): Promise<boolean> {
    const {value, done} = await this.chunks.next();
    if (done) return false;
    this.rest = value;
    return true;
  }

  /** Returns the next bytes. Throws CONNECTION_BROKEN. */
  async take(bytes: number): Promise<Uint8Array> {
    if (this.rest.length >= bytes) return this.cut(bytes);
    // each part is let go of as it comes
    const whole = Buffer.allocUnsafeSlow(bytes);
    for (let at = 0; ; ) {
      const part = this.cut(Math.min(bytes - at, this.rest.length));
      whole.set(part, at);
      at += part.length;
      if (at === bytes) return whole;
      if (!(await this.fill())) {
        throw new DbosError('CONNECTION_BROKEN', 'The connection to the other store broke off.', {hint: AGAIN});
      }
    }
  }

  private cut(bytes: number): Uint8Array {
    const {rest} = this;
    this.rest = rest.subarray(bytes);
    return rest.subarray(0, bytes);
  }
}

const AGAIN = 'Run the command again: it goes on where it stopped.';

function decode(payload: Uint8Array): Message {
  let fields: readonly unknown[];
  try {
    // each has a byte at least
    if (payload.length > MOST_VALUES && countValues(payload) > MOST_VALUES) throw malformed('too many values at once');
    fields = unpackFields(payload);
  } catch (error) {
    if (!isDbosError(error) || error.code === 'TRANSFER_INVALID') throw error;
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
