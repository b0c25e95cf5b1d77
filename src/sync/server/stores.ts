/**
 * The stores that a server has: one, or all below a folder by their paths in it. Names come from outside: none leads anywhere
 * else. Layer: sync.
 */
import {realpathSync} from 'node:fs';
import {join, sep} from 'node:path';
import type {RepoContext} from '../../repo/context.js';
import {isStore} from '../../repo/format.js';
import {locationFor, type StoreLocation} from '../../repo/location.js';
import {TokenBook} from '../token-book.js';
import {VisibleParts} from '../visible.js';
import {BurstAccess} from './burst-access.js';

/** What is served: one store, at the root of all URLs, or each below a folder, at its path. */
export type Served = {readonly store: StoreLocation} | {readonly root: string};

export interface ServedStore {
  readonly access: BurstAccess;
  readonly tokens: TokenBook;
  readonly parts: VisibleParts;
}

/** A part of the path of a store. */
const NAME = /^[A-Za-z0-9_][\w.+@ -]*$/;
const MOST_PARTS = 8;
const MOST_LENGTH = 255;

export class Stores {
  private readonly open = new Map<string, ServedStore>();

  constructor(
    private readonly served: Served,
    private readonly context: RepoContext,
  ) {}

  /** Returns the store at a path, as URLs have it, or undefined if there is none. */
  find(path: string): ServedStore | undefined {
    const location = this.locate(path);
    if (location === undefined) return undefined;
    let found = this.open.get(location.store);
    if (found === undefined) {
      found = {
        access: new BurstAccess(location, this.context),
        tokens: new TokenBook(location.store, this.context.now),
        parts: new VisibleParts(),
      };
      this.open.set(location.store, found);
    }
    return found;
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.open.values(), ({access}) => access.close()));
  }

  private locate(path: string): StoreLocation | undefined {
    const {served} = this;
    if ('store' in served) return path === '' ? served.store : undefined;
    const parts = path.split('/').map(decoded);
    if (parts.length > MOST_PARTS || !parts.every(part => part.length <= MOST_LENGTH && NAME.test(part)))
      return undefined;
    try {
      const root = realpathSync(served.root);
      const folder = realpathSync(join(root, ...parts));
      // a link below the root may lead elsewhere
      if (!folder.startsWith(root + sep)) return undefined;
      return [false, true].map(bare => locationFor(folder, bare)).find(({store}) => isStore(store));
    } catch {
      return undefined;
    }
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
