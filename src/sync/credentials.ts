/**
 * The tokens that a user keeps for other stores: by the server's origin, or by the URL of a store. Each is a file of its own
 * that only the user can read, beside the user's settings, so that nobody who writes one can lose another. Layer: sync.
 */
import {hash} from 'node:crypto';
import {mkdirSync, readFileSync, rmSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {DbosError, systemCode} from '../errors.js';
import {cannotWrite, writeFileAtomically} from '../repo/atomicfile.js';
import type {RepoContext} from '../repo/context.js';
import {parseToken} from './tokens.js';
import {checkUrlSecret} from './url-secret.js';

interface Kept {
  readonly url: string;
  readonly token: string;
}

/** Returns a URL as tokens are kept under: origin and path. Throws REMOTE_URL_INVALID unless it is http(s), REMOTE_URL_SECRET. */
export function credentialUrl(text: string): string {
  checkUrlSecret(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.origin + url.pathname.replace(/\/+$/, '');
  throw new DbosError('REMOTE_URL_INVALID', `'${text}' is no URL of a server.`, {
    hint: 'Write https://HOST, or the whole URL of a store there.',
    data: {url: text},
  });
}

/** Returns whether a token for a URL would travel where others can read it: unencrypted, and not within this machine. */
export function isExposed(url: string): boolean {
  const {protocol, hostname} = new URL(url);
  return protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/**
 * Returns the token for the URL of a store: that of the context, else the one that is kept for most of the URL; undefined if
 * there is none, or the URL is not http(s). Throws CONFIG_INVALID for a file that is damaged.
 */
export function findCredential(context: RepoContext, text: string): string | undefined {
  if (!/^https?:\/\//i.test(text)) return undefined;
  if (context.token !== undefined) return context.token;
  const {userConfig} = context;
  if (userConfig === undefined) return undefined;
  const url = credentialUrl(text);
  const {origin} = new URL(url);
  for (let place = url; ; place = place.slice(0, place.lastIndexOf('/'))) {
    const kept = readKept(fileOf(userConfig, place));
    if (kept?.url === place) return kept.token;
    if (place.length <= origin.length) return undefined;
  }
}

/**
 * Writes a token to keep for a URL, in place of one before, and returns the URL that it is kept for. Throws TOKEN_INVALID if it
 * is none, REMOTE_URL_INVALID, REMOTE_URL_SECRET, CONFIG_INVALID where users have no settings, STORE_IO.
 */
export function keepCredential(context: RepoContext, text: string, token: string): string {
  const url = credentialUrl(text);
  if (parseToken(token) === undefined) {
    throw new DbosError('TOKEN_INVALID', 'That is no token of dbos.', {
      hint: 'A token is what `dbos token create` prints: dbos_, an id, and a secret.',
    });
  }
  const file = fileOf(homeOf(context), url);
  const kept: Kept = {url, token};
  try {
    mkdirSync(dirname(file), {recursive: true, mode: 0o700});
    writeFileAtomically(file, `${JSON.stringify(kept)}\n`, 0o600);
  } catch (error) {
    throw cannotWrite('tokens', file, error);
  }
  return url;
}

/** Removes the token that is kept for a URL and returns that URL. Throws LOGIN_UNKNOWN, and as `keepCredential`. */
export function forgetCredential(context: RepoContext, text: string): string {
  const url = credentialUrl(text);
  const file = fileOf(homeOf(context), url);
  try {
    rmSync(file);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw cannotWrite('tokens', file, error);
    throw new DbosError('LOGIN_UNKNOWN', `There is no token for '${url}'.`, {
      hint: 'Name the URL as it was given to `dbos login`.',
      data: {url},
    });
  }
  return url;
}

function homeOf({userConfig}: RepoContext): string {
  if (userConfig !== undefined) return userConfig;
  throw new DbosError('CONFIG_INVALID', 'There is no folder for the settings of the user.', {
    hint: 'Set HOME or XDG_CONFIG_HOME, or give the token in DBOS_TOKEN.',
  });
}

function fileOf(userConfig: string, url: string): string {
  return join(dirname(userConfig), 'credentials', `${hash('sha256', url)}.json`);
}

function readKept(file: string): Kept | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw unreadable(file, error);
  }
  try {
    const {url, token} = JSON.parse(text) as Partial<Record<keyof Kept, unknown>>;
    if (typeof url === 'string' && typeof token === 'string') return {url, token};
  } catch {
    // what the parser has to say would quote the token
  }
  throw unreadable(file);
}

function unreadable(file: string, cause?: unknown): DbosError {
  return new DbosError('CONFIG_INVALID', `The token in '${file}' cannot be read.`, {
    hint: 'Keep it anew with `dbos login URL`.',
    data: {path: file},
    cause,
  });
}
