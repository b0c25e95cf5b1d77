/**
 * A look at a work tree that begins before its store is open: opening takes a while, and so does the start of the thread
 * that looks at entries. It counts only if the store, once it is open, still has the stat cache that it began with, and only
 * if that was soon, so a command that waited for another one looks again. Layer: worktree.
 */
import type {StoreLocation} from '../repo/location.js';
import {LookAhead} from './lookahead.js';
import {type CachedListing, loadStatCache, StatCacheFile} from './statcache.js';

/** What is older does not count. */
const FRESH_MS = 250;

export class EarlyLook {
  private readonly began = performance.now();
  private ahead: Promise<LookAhead | undefined> | undefined;

  private constructor(
    private readonly store: string,
    private file: StatCacheFile | undefined,
    root: string,
    worth: number | undefined,
  ) {
    if (file !== undefined) this.ahead = LookAhead.start(root, file.count, file.bytes, worth).catch(() => undefined);
  }

  /** Begins to look at the work tree of a store; `worth` is as for `LookAhead`. End it with `stop`. */
  static start({store, workTree}: StoreLocation, worth?: number): EarlyLook | undefined {
    if (workTree === undefined) return undefined;
    return new EarlyLook(store, StatCacheFile.open(store), workTree, worth);
  }

  /** Returns the stat cache of the store, which is open now, and the thread that looks at its entries, if it counts. Once. */
  take(): {readonly cached: CachedListing | undefined; readonly ahead: Promise<LookAhead | undefined> | undefined} {
    const {file, ahead} = this;
    if (file === undefined || performance.now() - this.began > FRESH_MS || !file.isCurrent()) {
      this.stop();
      return {cached: loadStatCache(this.store), ahead: undefined};
    }
    this.file = undefined;
    this.ahead = undefined;
    file.close();
    return {cached: file.decode(), ahead};
  }

  /** Ends it, unless somebody took it. */
  stop(): void {
    this.file?.close();
    this.file = undefined;
    void this.ahead?.then(ahead => ahead?.stop());
    this.ahead = undefined;
  }
}
