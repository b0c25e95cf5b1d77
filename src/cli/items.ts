/** Items that are made while they are taken: only the first ones, or each as something else. Layer: cli. */

/** Yields the first items, and makes no more of them. */
export function* limited<T>(items: Iterable<T>, limit = Number.POSITIVE_INFINITY): Generator<T, void> {
  if (limit === 0) return;
  let count = 0;
  for (const item of items) {
    yield item;
    if (++count >= limit) return;
  }
}

/** Yields what `map` makes of each item. */
export function* mapped<T, U>(items: Iterable<T>, map: (item: T) => U): Generator<U, void> {
  for (const item of items) yield map(item);
}
