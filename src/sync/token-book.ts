/**
 * Tells a server what the text of a token allows. It reads the store's tokens again whenever their file has changed, so that
 * what is revoked is refused at once, and hashes each token that it accepts only once. Why one is refused is told to none
 * but who has the secret. Layer: sync.
 */
import {hash, timingSafeEqual} from 'node:crypto';
import {statSync} from 'node:fs';
import {DbosError} from '../errors.js';
import {BranchPatterns} from './branch-patterns.js';
import {ANYBODY, type Rights, tokenRequired} from './rights.js';
import {hashSecret, parseToken, readTokens, type StoredToken, tokensFile} from './tokens.js';

interface Entry {
  readonly token: StoredToken;
  readonly rights: Rights;
  /** The SHA-256 of the secret, once it was right. */
  proven: Buffer | undefined;
}

export class TokenBook {
  private stamp: string | undefined;
  private entries = new Map<string, Entry>();
  /** The last check of a secret: each waits for the one before, so that many at once need the memory of one. */
  private checking: Promise<unknown> = Promise.resolve();

  /** `store` is the store's folder, which need not be open, or undefined for no store; `now` returns milliseconds since 1970. */
  constructor(
    private readonly store: string | undefined,
    private readonly now: () => number,
  ) {}

  /**
   * Returns the rights that the text of a token gives, or those of anybody for none if the store is open to the public.
   * Throws TOKEN_REQUIRED, TOKEN_INVALID, and CONFIG_INVALID or STORE_IO if the tokens cannot be read.
   */
  async rightsOf(text: string | undefined, publicRead = false): Promise<Rights> {
    if (text === undefined) {
      if (publicRead) return ANYBODY;
      throw tokenRequired('This store is open only to those who have a token.');
    }
    const parsed = parseToken(text);
    // An id is random too: that one which exists takes longer to be refused tells only those who have had the token.
    if (parsed === undefined || !(await this.isRight(parsed.id, parsed.secret))) throw refused();
    // it may have been revoked while it was hashed
    const entry = this.read().get(parsed.id);
    if (entry?.proven === undefined) throw refused();
    const {name, expires} = entry.token;
    if (expires === undefined || this.now() < expires) return entry.rights;
    throw new DbosError('TOKEN_INVALID', `The token '${name}' has expired.`, {
      hint: 'Ask for a new one, and keep it with `dbos login URL`.',
    });
  }

  private async isRight(id: string, secret: string): Promise<boolean> {
    const digest = hash('sha256', secret, 'buffer');
    const isProven = () => {
      const {proven} = this.read().get(id) ?? {};
      return proven !== undefined && timingSafeEqual(proven, digest);
    };
    if (isProven()) return true;
    if (!this.entries.has(id)) return false;
    const check = this.checking.then(async () => {
      if (isProven()) return true;
      const entry = this.entries.get(id);
      if (entry === undefined) return false;
      const {token} = entry;
      if (!timingSafeEqual(await hashSecret(secret, token.salt, token.cost), token.hash)) return false;
      entry.proven = digest;
      return true;
    });
    this.checking = check.catch(() => undefined);
    return check;
  }

  /** Returns the tokens by id, as they are in the file now. */
  private read(): ReadonlyMap<string, Entry> {
    if (this.store === undefined) return this.entries;
    const stat = statSync(tokensFile(this.store), {bigint: true, throwIfNoEntry: false});
    const stamp = stat === undefined ? '' : `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
    if (stamp === this.stamp) return this.entries;
    const entries = new Map<string, Entry>();
    for (const token of readTokens(this.store)) {
      const {id, name, role, branches} = token;
      const before = this.entries.get(id);
      const same = before !== undefined && timingSafeEqual(before.token.hash, token.hash);
      const patterns = branches && new BranchPatterns(branches);
      entries.set(id, {token, rights: {name, role, branches: patterns}, proven: same ? before.proven : undefined});
    }
    this.entries = entries;
    this.stamp = stamp;
    return entries;
  }
}

function refused(): DbosError {
  return new DbosError('TOKEN_INVALID', 'The token is not accepted.', {
    hint: 'It may have been revoked, or be that of another store: check the URL, or ask for a new one and keep it with `dbos login URL`.',
  });
}
