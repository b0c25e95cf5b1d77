/**
 * Names that are near to a name that does not exist, for "did you mean". Layer: repo.
 */

const MAX_NAMES = 3;
const MAX_LENGTH = 64;

/** Returns up to three of the names that someone who wrote `text` may have meant, the nearest first. */
export function nearestNames(text: string, names: Iterable<string>): string[] {
  if (text === '' || text.length > MAX_LENGTH) return [];
  const wanted = text.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const found: {name: string; distance: number}[] = [];
  for (const name of names) {
    if (name.length > MAX_LENGTH) continue;
    const candidate = name.toLowerCase();
    const extends_ = wanted.length >= 3 && candidate.startsWith(wanted);
    if (!extends_ && Math.abs(candidate.length - wanted.length) > limit) continue;
    const distance = extends_ ? 1 : editDistance(wanted, candidate);
    if (distance <= limit) found.push({name, distance});
  }
  found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  // beside a name that is one letter off, those that are three off are noise
  const near = found.filter(({distance}) => distance <= (found[0]?.distance ?? 0) + 1);
  return near.slice(0, MAX_NAMES).map(({name}) => name);
}

/** Returns a sentence that offers the names, or undefined if there are none. */
export function didYouMean(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const quoted = names.map(name => `'${name}'`);
  const last = quoted.pop() as string;
  return `Did you mean ${quoted.length > 0 ? `${quoted.join(', ')} or ${last}` : last}?`;
}

/** Returns how many letters must be added, removed, replaced or swapped with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let last = Array.from({length: b.length + 1}, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + (same ? 0 : 1),
      );
      if (!same && i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (older[j - 2] as number) + 1);
      }
      row.push(least);
    }
    older = last;
    last = row;
  }
  return last[b.length] as number;
}
