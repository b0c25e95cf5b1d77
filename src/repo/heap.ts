/**
 * A priority queue: a binary heap in an array. Layer: repo.
 */
export class Heap<T> {
  private readonly items: T[] = [];

  /** `before(a, b)` says whether `a` leaves the queue before `b`. */
  constructor(private readonly before: (a: T, b: T) => boolean) {}

  get size(): number {
    return this.items.length;
  }

  /** Returns what leaves next, or undefined if there is nothing. */
  peek(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    const {items} = this;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(item, items[parent] as T)) break;
      items[at] = items[parent] as T;
      at = parent;
    }
    items[at] = item;
  }

  /** Removes and returns what leaves next, or undefined if there is nothing. */
  pop(): T | undefined {
    const {items} = this;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.before(items[child + 1] as T, items[child] as T)) child++;
      if (!this.before(items[child] as T, last)) break;
      items[at] = items[child] as T;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
