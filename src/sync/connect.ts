/**
 * From a URL to a peer: the path of another store on this machine (its work tree or its folder) or of a bundle, also as `file://`;
 * `http(s)://` for what `dbos serve` has; or a place that ssh reaches. Layer: sync.
 */
import {realpathSync, statSync} from 'node:fs';
import {isAbsolute, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {DbosError, isDbosError} from '../errors.js';
import {findStore, type StoreLocation} from '../repo/location.js';
import type {Repository} from '../repo/repository.js';
import {Input} from '../sql/transfer/input.js';
import {BundlePeer, bundleReadOnly} from './bundle-peer.js';
import {findCredential} from './credentials.js';
import type {Peer} from './peer.js';
import {listRemotes} from './remotes.js';
import {sshPlace} from './ssh.js';
import {StorePeer} from './store-peer.js';
import {checkUrlSecret} from './url-secret.js';

/** The URL of a remote whose bundles come through a pipe: with each command anew, and not by themselves. */
export const STREAM_URL = '-';

/** Where another store is: a URL, or a bundle that came through a pipe and is open. */
export type Place = string | Input;

/**
 * Returns a URL as it is kept: a path made absolute. Throws REMOTE_URL_SECRET, and REMOTE_URL_INVALID for a scheme that there
 * is nothing for.
 */
export function normalUrl(url: string, directory: string): string {
  checkUrlSecret(url);
  if (url.startsWith('file://')) return fileURLToPath(url);
  if (isHttp(url)) return httpUrl(url);
  if (sshPlace(url)) return url;
  if (url !== '' && !/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return resolve(directory, url);
  throw urlInvalid(url);
}

/** Returns whether a word is a URL: names of remotes have no slash and no colon. */
export function isUrl(word: string): boolean {
  return /[/:]/.test(word);
}

function isHttp(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

function httpUrl(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw urlInvalid(url);
  }
  if (parsed.search !== '' || parsed.hash !== '') throw urlInvalid(url);
  return parsed.href.replace(/\/+$/, '');
}

function urlInvalid(url: string): DbosError {
  return new DbosError('REMOTE_URL_INVALID', `'${url}' is no URL of a store that can be reached.`, {
    hint: 'Name a folder, a bundle, https://HOST/NAME, ssh://USER@HOST/PATH or USER@HOST:PATH.',
    data: {url},
  });
}

/** Returns where the store of a path is. Throws STORE_NOT_FOUND. */
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
    hint: statSync(url, {throwIfNoEntry: false})?.isFIFO()
      ? 'A bundle that comes through a pipe is taken from stdin: give - in its place.'
      : 'Check the URL: it is the folder of a work tree, a bare store, or a bundle.',
    data: {path: url},
  });
}

/** Returns whether a URL is that of a bundle: the path of a file. */
export function isBundle(url: string): boolean {
  return isAbsolute(url) && statSync(url, {throwIfNoEntry: false})?.isFile() === true;
}

/**
 * Returns a word that stands where a remote can be named as a URL, as `normalUrl` does; undefined if it is the name of a remote, or
 * nothing that is known: neither a URL nor the path of a bundle or a store.
 */
export function urlNamed(repo: Repository, word: string, directory: string): string | undefined {
  if (word === '' || listRemotes(repo).some(({name}) => name === word)) return undefined;
  const path = resolve(directory, word);
  return isUrl(word) || isBundle(path) || isStoreAt(path) ? normalUrl(word, directory) : undefined;
}

function isStoreAt(path: string): boolean {
  try {
    locationOf(path);
    return true;
  } catch (error) {
    if (isDbosError(error, 'STORE_NOT_FOUND')) return false;
    throw error;
  }
}

/** Returns whether what is at a URL can be pushed to, as far as that can be told from here: a bundle cannot. */
export function takesPushes(url: string): boolean {
  return url !== STREAM_URL && !isBundle(url);
}

/**
 * Returns what is at a place as a peer, to be closed. Throws STORE_NOT_FOUND, as `StorePeer.open` and as `BundlePeer.open`,
 * READ_ONLY for a bundle that is to be pushed to, and REMOTE_URL_INVALID where a bundle is to come through a pipe and none
 * did; over a network what is wrong shows with the first call.
 */
export async function connect(own: Repository, url: Place, purpose: 'fetch' | 'push' = 'fetch'): Promise<Peer> {
  if (url instanceof Input) return BundlePeer.of(url, own);
  if (url === STREAM_URL) {
    if (purpose === 'push') throw bundleReadOnly(url);
    throw new DbosError('REMOTE_URL_INVALID', 'Bundles of this remote come through a pipe.', {
      hint: 'Say `dbos fetch REMOTE -` at the end of one, or name a place with `dbos remote set-url`.',
      data: {url},
    });
  }
  if (isHttp(url)) {
    const [{RemotePeer}, {HttpChannel}] = await Promise.all([import('./remote-peer.js'), import('./http-channel.js')]);
    return new RemotePeer(new HttpChannel(url, {token: findCredential(own.context, url)}));
  }
  const place = sshPlace(url);
  if (place) {
    const [{RemotePeer}, {sshChannel}] = await Promise.all([import('./remote-peer.js'), import('./ssh.js')]);
    const {config} = own;
    const commands = {ssh: config.get('ssh.command') ?? 'ssh', dbos: config.get('ssh.dbos') ?? 'dbos'};
    return new RemotePeer(sshChannel(place, commands));
  }
  if (!isBundle(url)) return StorePeer.open(locationOf(url), own);
  if (purpose === 'push') throw bundleReadOnly(url);
  return BundlePeer.open(url, own);
}
