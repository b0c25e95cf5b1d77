/**
 * Peers over two streams of bytes, as a child process has them: greeting, then one call after the other, each a message with its
 * name, the messages of the call, and those of the answer. Layer: sync.
 */
import {once} from 'node:events';
import type {Readable, Writable} from 'node:stream';
import {DbosError, isDbosError} from '../errors.js';
import {answer, withTicks} from './answer.js';
import type {Channel} from './channel.js';
import type {Peer} from './peer.js';
import {CALLS, type Call, PROTOCOL} from './protocol.js';
import {encodeMessages, MESSAGE, type Message, MessageReader, type Messages, malformed} from './wire.js';

/** What the serving side says first, so that a shell that prints something is told from it. */
const GREETING = Buffer.from(`dbos ${PROTOCOL}\n`);

/** Writes messages with their end; stops when the reader is slow. */
async function write(output: Writable, messages: Messages): Promise<void> {
  for await (const bytes of encodeMessages(messages)) {
    if (output.destroyed) throw broken();
    // an error closes the stream, which is what the next turn finds
    if (!output.write(bytes)) await Promise.race([once(output, 'drain'), once(output, 'close')]).catch(() => undefined);
  }
}

function broken(): DbosError {
  return new DbosError('CONNECTION_BROKEN', 'The connection to the other store broke off.', {
    hint: 'Run the command again: it goes on where it stopped.',
  });
}

/** Serves a peer until the input ends. */
export async function serveStreams(peer: Peer, input: Readable, output: Writable): Promise<void> {
  output.on('error', () => undefined);
  output.write(GREETING);
  const reader = new MessageReader(input);
  while (await reader.hasMore()) {
    const request = reader.messages();
    const call = readCall((await request.next()).value ?? undefined);
    await write(output, withTicks(answer(peer, call, request)));
    // what is left of a call that failed: its sender may be at it still
    for await (const _message of request);
  }
}

function readCall(message: Message | undefined): Call {
  const call = CALLS.find(each => each === message?.[1]);
  if (message?.[0] !== MESSAGE.call || call === undefined) throw malformed('a call that is unknown');
  return call;
}

/** Calls a peer that is served at the other end of two streams. */
export class StreamChannel implements Channel {
  private readonly reader: MessageReader;
  private greeted = false;

  /** `failure` is asked for what is wrong when the other end is gone: only the caller knows what it was. */
  constructor(
    private readonly input: Readable,
    private readonly output: Writable,
    private readonly failure: (cause: unknown) => Promise<DbosError>,
    private readonly end: () => Promise<void>,
  ) {
    this.reader = new MessageReader(input);
    // told where the answer does not come
    output.on('error', () => undefined);
  }

  async *exchange(call: Call, request: Messages): AsyncGenerator<Message, void, undefined> {
    let unsent: unknown;
    try {
      if (!this.greeted) await this.greet();
      const sent = write(this.output, withName(call, request)).catch(error => {
        unsent = error;
        // nobody would answer half a call
        this.input.destroy();
      });
      yield* this.reader.messages();
      await sent;
      if (unsent !== undefined) throw unsent;
    } catch (error) {
      const reason = unsent ?? error;
      if (!isDbosError(reason, 'CONNECTION_BROKEN')) throw reason;
      this.output.end();
      throw await this.failure(reason);
    }
  }

  private async greet(): Promise<void> {
    const said = await this.reader.take(GREETING.length);
    if (Buffer.compare(said, GREETING) !== 0) {
      throw new DbosError(
        'CONNECTION_FAILED',
        `The other side says ${JSON.stringify(Buffer.from(said).toString())}, not what dbos says.`,
        {
          hint: 'Its shell may print something at login, or dbos there is another version.',
        },
      );
    }
    this.greeted = true;
  }

  async close(): Promise<void> {
    this.output.end();
    this.input.destroy();
    await this.end();
  }
}

async function* withName(call: Call, request: Messages): AsyncGenerator<Message> {
  yield [MESSAGE.call, call];
  yield* request;
}
