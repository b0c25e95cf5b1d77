/**
 * Answers the calls of a peer far away from the one that is here: the serving side of every transport. Layer: sync.
 */

import type {Parcel} from './parcel.js';
import type {Peer} from './peer.js';
import {
  type Call,
  fetchAnswer,
  hasAnswer,
  parcelMessage,
  pushAnswer,
  readCheckCall,
  readFetchCall,
  readHasCall,
  readParcel,
  readPushCall,
  readReceivedCall,
  receivedAnswer,
  refsAnswer,
} from './protocol.js';
import {MESSAGE, type Message} from './wire.js';

/** Yields the answer to a call. Throws TRANSFER_INVALID for what is none, and what the peer throws. */
export async function* answer(
  peer: Peer,
  call: Call,
  request: AsyncIterator<Message>,
): AsyncGenerator<Message, void, undefined> {
  const next = async (): Promise<Message | undefined> => {
    const {value, done} = await request.next();
    return done ? undefined : value;
  };
  switch (call) {
    case 'refs':
      yield* refsAnswer(await peer.refs());
      return;
    case 'has':
      yield hasAnswer(await peer.has(readHasCall(await next())));
      return;
    case 'fetch': {
      const sending = await peer.fetch(readFetchCall(await next()));
      yield fetchAnswer(sending);
      for await (const parcel of sending.parcels) yield parcelMessage(parcel);
      return;
    }
    case 'received':
      yield receivedAnswer(await peer.received(readReceivedCall(await next())));
      return;
    case 'check':
      await peer.check(readCheckCall(await next()));
      yield pushAnswer();
      return;
    case 'push':
      await peer.push(readPushCall(await next()), parcelsOf(next));
      yield pushAnswer();
  }
}

/** Returns the parcels that messages hold, one at a time: none is kept while the next one comes. */
function parcelsOf(next: () => Promise<Message | undefined>): AsyncIterableIterator<Parcel> {
  return {
    async next() {
      const message = await next();
      return message === undefined ? {done: true, value: undefined} : {done: false, value: readParcel(message)};
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** While nothing is said for so long, a tick is sent: nobody on the way should take the connection for dead. */
export const TICK_MS = 5000;

/** Yields messages, and a tick where the next one takes its time. */
export async function* withTicks(
  messages: AsyncIterator<Message>,
  every = TICK_MS,
): AsyncGenerator<Message, void, undefined> {
  let since = performance.now();
  let wake: ((late: 'late') => void) | undefined;
  const timer = setInterval(() => {
    if (performance.now() - since >= every) wake?.('late');
  }, every / 2);
  try {
    for (;;) {
      const next = messages.next();
      for (;;) {
        since = performance.now();
        // not Promise.race, which would keep all of them for as long as the slowest
        const came = await new Promise<IteratorResult<Message, unknown> | 'late'>((resolve, reject) => {
          wake = resolve;
          next.then(resolve, reject);
        });
        if (came === 'late') yield [MESSAGE.tick];
        else if (came.done) return;
        else {
          yield came.value;
          break;
        }
      }
    }
  } finally {
    clearInterval(timer);
    await messages.return?.();
  }
}
