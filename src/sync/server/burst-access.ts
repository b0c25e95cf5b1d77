/**
 * Opens a store for bursts of work, so that commands on the server's machine get their turn: it is closed as soon as nobody
 * needs it, and after a while of steady work for a moment, in which others can take it. Layer: sync.
 */
import type {RepoContext} from '../../repo/context.js';
import type {StoreLocation} from '../../repo/location.js';
import {Repository} from '../../repo/repository.js';
import type {StoreAccess} from '../store-access.js';

/** How long the store stays open for the next piece of work. */
const LINGER_MS = 100;
/** How long it is held under steady work. */
const HOLD_MS = 1000;
/** How long it is let go of then: longer than those who wait for it sleep between two tries. */
const GAP_MS = 60;

export class BurstAccess implements StoreAccess {
  readonly folder: string;
  private opening: Promise<Repository> | undefined;
  private openedAt = 0;
  private active = 0;
  private lingering: NodeJS.Timeout | undefined;
  /** Settles when the store may be opened again. */
  private closing: Promise<void> | undefined;
  /** Those who wait until the store has been let go of. */
  private readonly waiting: (() => void)[] = [];
  /** The end of the writes so far. */
  private writes: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly location: StoreLocation,
    private readonly context: RepoContext,
  ) {
    this.folder = location.store;
  }

  async read<T>(work: (repo: Repository) => T | Promise<T>): Promise<T> {
    const repo = await this.enter();
    try {
      return await work(repo);
    } finally {
      this.leave();
    }
  }

  write<T>(work: (repo: Repository) => T | Promise<T>): Promise<T> {
    const turn = this.writes.then(() => this.read(work));
    this.writes = turn.catch(() => undefined);
    return turn;
  }

  /** Lets go of the store once all work is done. */
  async close(): Promise<void> {
    await this.writes;
    while (this.opening !== undefined || this.closing !== undefined) {
      if (this.active === 0) this.release(0);
      await (this.closing ?? new Promise(resolve => setTimeout(resolve, LINGER_MS)));
    }
  }

  private async enter(): Promise<Repository> {
    while (this.closing !== undefined) await this.closing;
    if (this.opening !== undefined && performance.now() - this.openedAt > HOLD_MS) {
      if (this.active === 0) this.release(GAP_MS);
      else await new Promise<void>(resolve => this.waiting.push(resolve));
      return this.enter();
    }
    clearTimeout(this.lingering);
    this.active++;
    if (this.opening === undefined) {
      this.openedAt = performance.now();
      this.opening = Repository.open(this.location, this.context);
    }
    const {opening} = this;
    try {
      return await opening;
    } catch (error) {
      if (this.opening === opening) this.opening = undefined;
      this.active--;
      throw error;
    }
  }

  private leave(): void {
    this.active--;
    if (this.active > 0) return;
    if (this.waiting.length > 0) this.release(GAP_MS);
    else this.lingering = setTimeout(() => this.release(0), LINGER_MS);
  }

  /** Closes the store, which nobody uses, and keeps it closed for so long. */
  private release(gap: number): void {
    clearTimeout(this.lingering);
    const {opening} = this;
    if (opening === undefined) return;
    this.opening = undefined;
    this.closing = (async () => {
      try {
        await (await opening).close();
        if (gap > 0) await new Promise(resolve => setTimeout(resolve, gap));
      } finally {
        this.closing = undefined;
        for (const wake of this.waiting.splice(0)) wake();
      }
    })();
  }
}
