/**
 * Tokens, by which a server knows who asks: `dbos_ID_SECRET`. The store's file `tokens` has of each secret only a salted hash,
 * so that whoever reads the file, or a copy of it, cannot use them. The file is written whole, by one who has the store
 * open, so that of several at once none is lost. Layer: sync.
 */
import {randomBytes} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {scryptAsync} from '@noble/hashes/scrypt.js';
import {base32} from 'multiformats/bases/base32';
import {DbosError, systemCode} from '../errors.js';
import {cannotWriteInStore, writeFileAtomically} from '../repo/atomicfile.js';
import {didYouMean, nearestNames} from '../repo/nearest.js';
import type {Repository} from '../repo/repository.js';
import {BranchPatterns} from './branch-patterns.js';
import {ROLES, type Role} from './rights.js';

/** What anybody may know of a token. */
export interface Token {
  readonly name: string;
  /** The part of its text by which it is found. */
  readonly id: string;
  readonly role: Role;
  /** Undefined for all branches. */
  readonly branches: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** From then on it is refused; undefined for never. */
  readonly expires: number | undefined;
}

/** A token with what its secret is held against. */
export interface StoredToken extends Token {
  readonly cost: Cost;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

export interface TokenOptions {
  readonly name: string;
  readonly role: Role;
  readonly branches?: readonly string[] | undefined;
  readonly expires?: number | undefined;
}

/** In the store's folder. */
const TOKENS_FILE = 'tokens';
const VERSION = 1;

const ID_BYTES = 10;
const SECRET_BYTES = 32;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const TEXT = /^dbos_([a-z2-7]{16})_([a-z2-7]{52})$/;
const NAME = /^[a-z0-9][\w.@+-]{0,63}$/i;

/**
 * About 15 ms and 2 MiB for each guess. Passwords need more; a secret of 256 random bits could not be guessed if it were
 * only hashed with SHA-256, and a server should not spend longer on everybody who knocks.
 */
const COST: Cost = {N: 2 ** 11, r: 8, p: 1};
/** What a file may ask for: more would stall whoever reads it. */
const MAX_COST: Cost = {N: 2 ** 16, r: 8, p: 4};

/** Returns the path of a store's tokens. */
export function tokensFile(store: string): string {
  return join(store, TOKENS_FILE);
}

/** Returns the id and the secret of a token's text, or undefined if it is none. */
export function parseToken(text: string): {readonly id: string; readonly secret: string} | undefined {
  const [, id, secret] = TEXT.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : {id, secret};
}

/** Returns the hash of a secret, with time for others meanwhile. */
export function hashSecret(secret: string, salt: Uint8Array, cost: Cost): Promise<Uint8Array> {
  return scryptAsync(secret, salt, {...cost, dkLen: HASH_BYTES});
}

/**
 * Writes a new token and returns it with its text, which is nowhere else. Throws TOKEN_EXISTS, USAGE for an impossible name,
 * REF_NAME_INVALID for patterns, TIME_INVALID for an expiry that is over, CONFIG_INVALID, STORE_IO.
 */
export async function createToken(
  repo: Repository,
  {name, role, branches, expires}: TokenOptions,
): Promise<{readonly token: Token; readonly text: string}> {
  const now = repo.context.now();
  if (!NAME.test(name)) {
    throw new DbosError('USAGE', `${JSON.stringify(name)} cannot name a token.`, {
      hint: 'Use up to 64 letters, digits, and - _ . @ + after the first.',
    });
  }
  if (expires !== undefined && expires <= now) {
    throw new DbosError('TIME_INVALID', 'The token would have expired already.', {
      hint: "Name a time to come, such as 'in 30 days' or a date.",
    });
  }
  if (branches !== undefined) new BranchPatterns(branches);
  const id = base32.baseEncode(randomBytes(ID_BYTES));
  const secret = base32.baseEncode(randomBytes(SECRET_BYTES));
  const salt = randomBytes(SALT_BYTES);
  const hash = await hashSecret(secret, salt, COST);
  const token = {name, id, role, branches, created: now, expires};
  // from here on nothing waits: another one in this process may not come between
  const {store} = repo.location;
  const tokens = readTokens(store);
  if (tokens.some(each => each.name === name)) {
    throw new DbosError('TOKEN_EXISTS', `There is a token '${name}' already.`, {
      hint: `Choose another name, or revoke it with \`dbos token revoke ${name}\`.`,
      data: {name},
    });
  }
  writeTokens(store, [...tokens, {...token, cost: COST, salt, hash}]);
  return {token, text: `dbos_${id}_${secret}`};
}

/** Writes that a token is gone, and returns it. Throws TOKEN_UNKNOWN with the nearest names, CONFIG_INVALID, STORE_IO. */
export function revokeToken(repo: Repository, name: string): Token {
  const {store} = repo.location;
  const tokens = readTokens(store);
  const token = tokens.find(each => each.name === name);
  if (token === undefined) {
    const nearest = nearestNames(
      name,
      tokens.map(each => each.name),
    );
    throw new DbosError('TOKEN_UNKNOWN', `There is no token '${name}'.`, {
      hint: didYouMean(nearest) ?? 'See `dbos token ls`.',
      data: {name, nearest},
    });
  }
  writeTokens(
    store,
    tokens.filter(each => each !== token),
  );
  return token;
}

/** Returns the tokens of a store's folder, the oldest first. Throws CONFIG_INVALID, STORE_IO. */
export function readTokens(store: string): readonly StoredToken[] {
  const path = tokensFile(store);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw new DbosError('STORE_IO', `The tokens in '${path}' cannot be read: ${(error as Error).message}.`, {
      hint: 'The file is for the account alone that made it: run the server under that one.',
      data: {path},
      cause: error,
    });
  }
  try {
    const {version, tokens} = JSON.parse(text) as {version: unknown; tokens: unknown[]};
    if (version === VERSION) return tokens.map(decodeToken);
  } catch {
    // what the parser has to say would quote the file
  }
  throw new DbosError('CONFIG_INVALID', `'${path}' is no list of tokens that this version of dbos can read.`, {
    hint: 'Restore the file, or remove it and create the tokens anew.',
    data: {path},
  });
}

function decodeToken(value: unknown): StoredToken {
  const {name, id, role, branches, created, expires, cost, salt, hash} = value as Record<keyof StoredToken, unknown>;
  const {N, r, p} = cost as Record<keyof Cost, unknown>;
  const token = {
    name: name as string,
    id: id as string,
    role: role as Role,
    branches: (branches ?? undefined) as string[] | undefined,
    created: created as number,
    expires: (expires ?? undefined) as number | undefined,
    cost: {N, r, p} as Cost,
    salt: Buffer.from(salt as string, 'base64'),
    hash: Buffer.from(hash as string, 'base64'),
  };
  const sound =
    typeof name === 'string' &&
    typeof id === 'string' &&
    ROLES.includes(token.role) &&
    (token.branches === undefined || isListOfTexts(branches)) &&
    Number.isSafeInteger(created) &&
    (token.expires === undefined || Number.isSafeInteger(expires)) &&
    isCost(token.cost) &&
    token.salt.length === SALT_BYTES &&
    token.hash.length === HASH_BYTES;
  if (!sound) throw new TypeError('an entry is not that of a token');
  return token;
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(each => typeof each === 'string');
}

function isCost(cost: Readonly<Record<keyof Cost, unknown>>): boolean {
  const bounded = (['N', 'r', 'p'] as const).every(each => {
    const value = cost[each];
    return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_COST[each];
  });
  return bounded && Number.isInteger(Math.log2(cost.N as number)) && cost.N !== 1;
}

function writeTokens(store: string, tokens: readonly StoredToken[]): void {
  const path = tokensFile(store);
  const entries = tokens.map(({branches, expires, salt, hash, ...token}) => ({
    ...token,
    branches: branches ?? null,
    expires: expires ?? null,
    salt: Buffer.from(salt).toString('base64'),
    hash: Buffer.from(hash).toString('base64'),
  }));
  try {
    writeFileAtomically(path, `${JSON.stringify({version: VERSION, tokens: entries}, null, 2)}\n`, 0o600);
  } catch (error) {
    throw cannotWriteInStore('tokens', path, error);
  }
}
