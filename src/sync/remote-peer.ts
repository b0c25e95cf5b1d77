/**
 * A store at the other end of a channel, as a peer. Layer: sync.
 */
import type {ObjectId} from '../objects/id.js';
import type {Channel} from './channel.js';
import type {Received} from './journal.js';
import type {Parcel} from './parcel.js';
import type {CheckedEdit, FetchRequest, Peer, PeerRefs, PushRequest, Sending} from './peer.js';
import {
  type Call,
  checkCall,
  fetchCall,
  hasCall,
  parcelMessage,
  pushCall,
  readFetchAnswer,
  readHasAnswer,
  readParcel,
  readPushAnswer,
  readReceivedAnswer,
  readRefs,
  receivedCall,
} from './protocol.js';
import {type Message, malformed} from './wire.js';

export class RemotePeer implements Peer {
  constructor(private readonly channel: Channel) {}

  refs(): Promise<PeerRefs> {
    return readRefs(this.channel.exchange('refs', []));
  }

  async has(commits: readonly ObjectId[]): Promise<readonly boolean[]> {
    return readHasAnswer(await this.ask('has', hasCall(commits)), commits.length);
  }

  async fetch(request: FetchRequest): Promise<Sending> {
    const messages = this.channel.exchange('fetch', [fetchCall(request)]);
    const {value} = await messages.next();
    return {...readFetchAnswer(value ?? undefined), parcels: parcelsOf(messages)};
  }

  async received(key: string): Promise<Received | undefined> {
    return readReceivedAnswer(await this.ask('received', receivedCall(key)));
  }

  async push(request: PushRequest, parcels: AsyncIterable<Parcel>): Promise<void> {
    const messages: AsyncIterable<Message> = {
      async *[Symbol.asyncIterator]() {
        yield pushCall(request);
        for await (const parcel of parcels) yield parcelMessage(parcel);
      },
    };
    readPushAnswer(await onlyOne(this.channel.exchange('push', messages)));
  }

  async check(edits: readonly CheckedEdit[]): Promise<void> {
    readPushAnswer(await this.ask('check', checkCall(edits)));
  }

  close(): Promise<void> {
    return this.channel.close();
  }

  private ask(call: Call, message: Message): Promise<Message | undefined> {
    return onlyOne(this.channel.exchange(call, [message]));
  }
}

/** Returns the only message, once the end has come too. Throws TRANSFER_INVALID if there is another. */
async function onlyOne(messages: AsyncIterable<Message>): Promise<Message | undefined> {
  let only: Message | undefined;
  for await (const message of messages) {
    if (only !== undefined) throw malformed('more than one answer');
    only = message;
  }
  return only;
}

async function* parcelsOf(messages: AsyncIterable<Message>): AsyncGenerator<Parcel> {
  for await (const message of messages) yield readParcel(message);
}
