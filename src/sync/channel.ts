/**
 * What lies between two stores: something that carries calls there and their answers back. Layer: sync.
 */
import type {Call} from './protocol.js';
import type {Message, Messages} from './wire.js';

export interface Channel {
  /**
   * Sends a call, and yields the messages of its answer. `request` may be gone through again if the other side asks for another
   * try. Throws CONNECTION_FAILED, CONNECTION_BROKEN, REMOTE_BUSY, TRANSFER_INVALID, and what the other side throws.
   */
  exchange(call: Call, request: Messages): AsyncGenerator<Message, void, undefined>;
  close(): Promise<void>;
}
