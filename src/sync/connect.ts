/**
 * From a URL to a peer. A URL is the path of another store on this machine, its work tree or its folder, also as `file://`.
 * Layer: sync.
 */
import {realpathSync} from 'node:fs';
import {resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {DbosError} from '../errors.js';
import {findStore, type StoreLocation} from '../repo/location.js';
import type {Repository} from '../repo/repository.js';
import type {Peer} from './peer.js';
import {StorePeer} from './store-peer.js';
import {checkUrlSecret} from './url-secret.js';

/**
 * Returns a URL as it is kept: a path made absolute. Throws REMOTE_URL_SECRET, and REMOTE_URL_INVALID for a scheme that there
 * is nothing for.
 */
export function normalUrl(url: string, directory: string): string {
  checkUrlSecret(url);
  if (url.startsWith('file://')) return fileURLToPath(url);
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0];
  if (scheme === undefined && url !== '') return resolve(directory, url);
  throw new DbosError('REMOTE_URL_INVALID', `'${url}' is no URL of a store that can be reached.`, {
    hint: 'Name the folder of a store on this machine; there is no network transport yet.',
    data: {url},
  });
}

/** Returns where the store of such a URL is. Throws STORE_NOT_FOUND. */
export function locationOf(url: string): StoreLocation {
  let found: StoreLocation | undefined;
  try {
    const path = realpathSync(url);
    found = findStore(path);
    // a store of a folder above is another one
    if (found.workTree === path || found.store === path) return found;
  } catch {
    // told below
  }
  throw new DbosError('STORE_NOT_FOUND', `There is no store in '${url}'.`, {
    hint: 'Check the URL: it is the folder of a work tree, or a bare store.',
    data: {path: url},
  });
}

/** Returns the store of a URL as a peer, to be closed. Throws STORE_NOT_FOUND, and as `StorePeer.open`. */
export function connect(own: Repository, url: string): Promise<Peer> {
  return StorePeer.open(locationOf(url), own);
}
