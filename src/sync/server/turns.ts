/** Lets so many at a time work, and so many wait for it, first come first served. Layer: sync. */
export class Turns {
  active = 0;
  private readonly queue: (() => void)[] = [];

  constructor(
    private readonly most: number,
    private readonly mostWaiting: number,
  ) {}

  get waiting(): number {
    return this.queue.length;
  }

  /** Waits for a turn, which `leave` must end. Returns false if too many wait already, or after so many milliseconds. */
  async enter(patience: number): Promise<boolean> {
    if (this.active < this.most) {
      this.active++;
      return true;
    }
    if (this.queue.length >= this.mostWaiting) return false;
    return new Promise(resolve => {
      // who leaves hands the turn over
      const take = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.queue.splice(this.queue.indexOf(take), 1);
        resolve(false);
      }, patience);
      this.queue.push(take);
    });
  }

  leave(): void {
    const next = this.queue.shift();
    if (next) next();
    else this.active--;
  }
}
