/** Serves one store over two streams, to somebody who may do with it what whoever runs the program may. Layer: sync. */
import type {Readable, Writable} from 'node:stream';
import {type DbosError, isDbosError} from '../../errors.js';
import type {RepoContext} from '../../repo/context.js';
import {locationOf} from '../connect.js';
import type {Peer} from '../peer.js';
import {serveStreams} from '../stdio.js';
import {StorePeer} from '../store-peer.js';
import {BurstAccess} from './burst-access.js';

export interface StdioOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Refuse every push. */
  readonly readOnly?: boolean | undefined;
}

/** Serves the store of a directory until the input ends. What is wrong with it is told to whoever calls. */
export async function serveStdio(directory: string, context: RepoContext, options: StdioOptions): Promise<void> {
  const {input, output, readOnly = false} = options;
  let access: BurstAccess | undefined;
  let peer: Peer;
  try {
    access = new BurstAccess(locationOf(directory), context);
    peer = new StorePeer(access, {readOnly});
  } catch (error) {
    if (!isDbosError(error)) throw error;
    peer = failing(error);
  }
  try {
    await serveStreams(peer, input, output);
  } catch (error) {
    // who hung up is not there to be told
    if (!isDbosError(error, 'CONNECTION_BROKEN')) throw error;
  } finally {
    await access?.close();
  }
}

/** Returns a peer that answers everything with an error. */
function failing(error: DbosError): Peer {
  const fail = async (): Promise<never> => {
    throw error;
  };
  return {refs: fail, has: fail, fetch: fail, received: fail, check: fail, push: fail, close: async () => undefined};
}
