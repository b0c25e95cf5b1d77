/**
 * A store that is lent while its owner waits for somebody else: closed when it has not been needed for a while, and for a moment
 * now and then where it is needed all the time, so that other processes get their turn. Layer: sync.
 */
import type {Repository} from '../repo/repository.js';
import type {StoreAccess} from './store-access.js';

/** How long the store stays open for the next piece of work. */
const LINGER_MS = 200;
/** How long it is held under steady work. */
const HOLD_MS = 2000;
/** How long it is let go of then: longer than those who wait for it sleep between two tries. */
const GAP_MS = 60;

export class LentStore implements StoreAccess {
  private since = performance.now();
  /** Whether the owner waits. */
  private isLent = false;
  private timer: NodeJS.Timeout | undefined;
  private leaving: Promise<void> | undefined;
  private coming: Promise<void> | undefined;

  constructor(private readonly repo: Repository) {}

  get folder(): string {
    return this.repo.location.store;
  }

  /**
   * Does work to which the store matters only as `read` and `write` give it; when it is over the store is open, and shows what others
   * have made of it. Throws STORE_LOCKED and what `Repository.open` throws.
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.isLent = true;
    this.linger();
    try {
      return await work();
    } finally {
      this.isLent = false;
      clearTimeout(this.timer);
      await this.back();
    }
  }

  async read<T>(work: (repo: Repository) => T | Promise<T>): Promise<T> {
    clearTimeout(this.timer);
    await this.back();
    try {
      return await work(this.repo);
    } finally {
      this.linger();
    }
  }

  /** The one who fetches does one thing at a time. */
  write<T>(work: (repo: Repository) => T | Promise<T>): Promise<T> {
    return this.read(work);
  }

  private linger(): void {
    if (!this.isLent) return;
    if (performance.now() - this.since > HOLD_MS) this.leave();
    else this.timer = setTimeout(() => this.leave(), LINGER_MS);
  }

  private leave(): void {
    this.leaving ??= this.repo.letGo().then(() => new Promise(resolve => setTimeout(resolve, GAP_MS)));
    // whoever needs the store is told
    this.leaving.catch(() => undefined);
  }

  /** Opens the store if it was let go of. What fails once fails again, at once: others have waited long enough. */
  private async back(): Promise<void> {
    if (this.leaving === undefined) return;
    this.coming ??= this.leaving.then(() => this.repo.takeBack());
    await this.coming;
    this.coming = undefined;
    this.leaving = undefined;
    this.since = performance.now();
  }
}
