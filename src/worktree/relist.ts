/**
 * The listing after a checkout: the old one with the entries that were written and removed, in one pass that copies whole
 * subtrees where nothing happened. Directories keep the signature of when they were read, so a directory in which
 * something was made is read again by the next scan. Layer: worktree.
 */
import {compareText} from '../bytes.js';
import {joinPath, nameOf, parentOf} from '../state/path.js';
import {COVERED, Listing, S_IFDIR, S_IFMT, type Signature, SKIPPED, UNKNOWN} from './listing.js';

/** What became of a path: its signature and state; without a signature it is gone, and if the state is UNKNOWN it may have a row. */
export interface ListingUpdate {
  readonly path: string;
  readonly signature: Signature | null;
  readonly state: number;
  readonly link: string | null;
}

/**
 * Returns a new listing: `old` (undefined: nothing known) with the updates, each path at most once. `covered` says whether
 * new directories have all rows of the root that the states refer to.
 */
export function relist(old: Listing | undefined, updates: readonly ListingUpdate[], covered: boolean): Listing {
  const byDirectory = new Map<string, ListingUpdate[]>();
  for (const update of updates) {
    const directory = parentOf(update.path);
    const list = byDirectory.get(directory);
    if (list !== undefined) {
      list.push(update);
      continue;
    }
    byDirectory.set(directory, [update]);
    for (let above = directory; above !== ''; ) {
      above = parentOf(above);
      if (byDirectory.has(above)) break;
      byDirectory.set(above, []);
    }
  }
  const merger = new Merger(old ?? new Listing(), byDirectory, covered ? COVERED : 0);
  if (old !== undefined && old.dirCount > 0 && byDirectory.size === 0) return old;
  merger.merge('', old !== undefined && old.dirCount > 0 ? 0 : -1);
  return merger.listing.finish();
}

class Merger {
  readonly listing: Listing;

  constructor(
    private readonly old: Listing,
    private readonly updates: ReadonlyMap<string, ListingUpdate[]>,
    private readonly newFlags: number,
  ) {
    this.listing = new Listing(old.dirCount + 64, old.count + 512);
  }

  /** Adds a directory that something happened in or below; `from` is its number in the old listing, or −1. */
  merge(path: string, from: number): void {
    const {old, listing} = this;
    const known = from >= 0;
    const dir = listing.openDirectory(
      path,
      known ? (old.dirCtime[from] as number) : 0,
      known ? (old.dirIno[from] as number) : 0,
      known ? (old.dirRules[from] as number) : 0,
      known ? (old.dirFlags[from] as number) : this.newFlags,
    );
    const updates = (this.updates.get(path) ?? []).sort((a, b) => compareText(nameOf(a.path), nameOf(b.path)));
    for (const {signature, state} of updates) {
      // what is gone may have a row all the same
      if (signature === null && state === UNKNOWN) listing.dirFlags[dir] = (listing.dirFlags[dir] as number) & ~COVERED;
    }
    const last = known ? (old.dirFirst[from + 1] as number) : 0;
    let child = from + 1;
    let at = 0;
    /** Directories below, with their numbers in the old listing. */
    const below: {path: string; from: number}[] = [];
    const add = (update: ListingUpdate, oldChild: number) => {
      const {signature, state, link} = update;
      if (signature === null) return;
      const entry = listing.add(nameOf(update.path), signature, state);
      if (link !== null) listing.links.set(entry, link);
      if ((signature.mode & S_IFMT) === S_IFDIR && state !== SKIPPED) below.push({path: update.path, from: oldChild});
    };
    /** Where the old entries begin that are not yet copied. */
    let kept = known ? (old.dirFirst[from] as number) : 0;
    for (let i = kept; i < last; i++) {
      const name = old.names[i] as string;
      const oldChild = old.isDirectory(i) ? child : -1;
      if (oldChild >= 0) child = old.dirEnd[oldChild] as number;
      let replaced = false;
      while (at < updates.length && !replaced) {
        const update = updates[at] as ListingUpdate;
        const order = compareText(nameOf(update.path), name);
        if (order > 0) break;
        if (kept < i) listing.copyEntries(old, kept, i);
        kept = i;
        at++;
        replaced = order === 0;
        add(update, replaced ? oldChild : -1);
      }
      if (replaced) kept = i + 1;
      else if (oldChild >= 0) below.push({path: joinPath(path, name), from: oldChild});
    }
    if (kept < last) listing.copyEntries(old, kept, last);
    while (at < updates.length) add(updates[at++] as ListingUpdate, -1);
    for (const {path: inner, from: number} of below) {
      if (number < 0 || this.updates.has(inner)) this.merge(inner, number);
      else listing.copyDirectories(old, number, old.dirEnd[number] as number);
    }
  }
}
