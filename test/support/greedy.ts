/** Clients that have a token and use it to take up memory of a server. */
import {randomBytes} from 'node:crypto';
import http from 'node:http';
import {brotliCompressSync, constants} from 'node:zlib';
import {encodeObject} from '../../src/objects/codec.js';
import type {ObjectId} from '../../src/objects/id.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import {parcelMessage, pushCall} from '../../src/sync/protocol.js';
import {END, encodeMessage} from '../../src/sync/wire.js';

const MB = 2 ** 20;
const EVIL = {name: branchRef(branchName('evil')), expected: null, next: '\x07'.repeat(32) as ObjectId};
const BOMBS = 2;

/** Returns a parcel of one body that travels as some bytes and unpacks to as many as can be. */
function bomb(): Uint8Array {
  const size = 16 * MB;
  const stored = brotliCompressSync(Buffer.alloc(size), {params: {[constants.BROTLI_PARAM_QUALITY]: 1}});
  return encodeMessage(parcelMessage({blobs: true, codec: 'brotli', rawLength: size, stored, lengths: [size]}));
}

/** Returns a parcel of an object that nothing is stored of, about as large as a message may be. */
function giant(): Uint8Array {
  const stored = encodeObject('content', [0, Buffer.alloc(63 * MB), Buffer.alloc(1)]);
  const size = stored.length;
  return encodeMessage(parcelMessage({blobs: false, codec: 'stored', rawLength: size, stored, lengths: [size]}));
}

/** Makes so many pushes at once, each of bodies that unpack to much and then of a great message, and returns their answers. */
export function pushGreedily(url: string, token: string, connections: number): Promise<string[]> {
  const parts = [...Array<Uint8Array>(BOMBS).fill(bomb()), giant(), END];
  return Promise.all(Array.from({length: connections}, () => pushParts(url, token, parts)));
}

async function pushParts(url: string, token: string, parts: readonly Uint8Array[]): Promise<string> {
  const request = http.request(`${url}/v1/push`, {
    method: 'POST',
    headers: {'content-type': 'application/vnd.dbos.v1', authorization: `Bearer ${token}`},
  });
  const answered = new Promise<string>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', async response => {
      let text = '';
      for await (const chunk of response) text += (chunk as Buffer).toString('latin1');
      resolve(/[A-Z]+_[A-Z_]+/.exec(text)?.[0] ?? '');
    });
  });
  const call = encodeMessage(pushCall({key: randomBytes(16).toString('hex'), skipped: 0, edits: [EVIL]}));
  for (const part of [call, ...parts]) {
    if (!request.write(part)) await Promise.race([answered, new Promise(resolve => request.once('drain', resolve))]);
  }
  request.end();
  return answered;
}
