/**
 * Walks through history. Generations say what cannot be an ancestor of what, so every walk is lazy and yet exact
 * whatever the clocks said: the algorithm is that of git's incremental topological order (revision.c). Nothing recurses,
 * so histories may be as deep as they like. A commit with a wrong generation is OBJECT_INVALID. Layer: repo.
 */
import type {ObjectId} from '../objects/id.js';
import {type Commit, type CommitHeader, checkGeneration, decodeCommit, decodeCommitHeader} from './commit.js';
import {Heap} from './heap.js';
import {asHeld, type HistorySource, NO_SHALLOW} from './shallow.js';

export interface HistoryEntry {
  readonly id: ObjectId;
  /** As the source has it; decoded when it is first asked for. */
  readonly commit: Commit;
}

/** What a walk knows of a commit without decoding all of it. */
export interface WalkEntry extends HistoryEntry {
  readonly state: ObjectId;
  readonly parents: readonly ObjectId[];
  /** Returns the parents, which the walk then need not read again. To be called before the walk goes on. */
  readParents(): readonly WalkEntry[];
}

export interface WalkRange {
  /** Commits to start from. */
  readonly include: readonly ObjectId[];
  /** Commits that are left out with all their ancestors. */
  readonly exclude?: readonly ObjectId[];
  /** Commits whose ancestors are not left out with them: whoever has what is left out has those without their parents. */
  readonly excludeShallow?: ReadonlySet<ObjectId>;
}

/** A commit that a walk has read. */
class Visit implements WalkEntry, CommitHeader {
  readonly state: ObjectId;
  readonly parents: readonly ObjectId[];
  readonly generation: number;
  readonly time: number;
  /** The parents, once they were read. */
  expanded: readonly Visit[] | undefined;
  /** Children that are known and must come before it. */
  pending = 0;
  /** Whether it is an excluded commit, or an ancestor of one. */
  hidden = false;
  /** Whether it waits among those that come next. */
  queued = false;
  private decoded: Commit | undefined;

  constructor(
    readonly id: ObjectId,
    private readonly bytes: Uint8Array,
    private readonly frontier: Frontier,
  ) {
    const {state, parents, generation, time} = asHeld(frontier.source, id, decodeCommitHeader(bytes));
    this.state = state;
    this.parents = parents;
    this.generation = generation;
    this.time = time;
  }

  /** The whole commit; walks that only pass it do without. */
  get commit(): Commit {
    this.decoded ??= asHeld(this.frontier.source, this.id, decodeCommit(this.bytes));
    return this.decoded;
  }

  readParents(): readonly WalkEntry[] {
    return this.frontier.expand(this);
  }
}

/** Reads commits from the greatest generation down, so that when one is reached all its descendants are known. */
class Frontier {
  private readonly visits = new Map<ObjectId, Visit>();
  private readonly queue = new Heap<Visit>((a, b) => a.generation > b.generation);

  readonly source: HistorySource;

  constructor(
    {objects, shallow}: HistorySource,
    private readonly hiddenShallow = NO_SHALLOW,
  ) {
    // a repository looks its own up whenever it is asked
    this.source = {objects, shallow};
  }

  visit(id: ObjectId): Visit {
    let visit = this.visits.get(id);
    if (visit === undefined) {
      visit = new Visit(id, this.source.objects.read(id), this);
      this.visits.set(id, visit);
      this.queue.push(visit);
    }
    return visit;
  }

  /** Reads on until no commit above this generation is unexplored. */
  exploreAbove(generation: number): void {
    for (;;) {
      const next = this.queue.peek();
      if (next === undefined || next.generation <= generation) return;
      this.queue.pop();
      this.expand(next);
      if (next.hidden) this.forget(next);
    }
  }

  /** Reads the parents of a commit and tells them what follows for them. */
  expand(visit: Visit): readonly Visit[] {
    if (visit.expanded !== undefined) return visit.expanded;
    const parents: Visit[] = [];
    const hidesNone = visit.hidden && this.hiddenShallow.has(visit.id);
    for (const id of hidesNone ? [] : visit.parents) {
      const parent = this.visit(id);
      if (visit.hidden) parent.hidden = true;
      else parent.pending++;
      parents.push(parent);
    }
    checkGeneration(visit.generation, parents);
    visit.expanded = parents;
    return parents;
  }

  /** Forgets a commit that no later one can lead to, so that memory holds no more of history than the walk needs. */
  forget(visit: Visit): void {
    this.visits.delete(visit.id);
    visit.expanded = [];
  }
}

/** Returns whether `a` comes before `b` in a log: the newer one, and of two of one time the deeper one. */
function isNewer(a: CommitHeader & {readonly id: ObjectId}, b: CommitHeader & {readonly id: ObjectId}): boolean {
  if (a.time !== b.time) return a.time > b.time;
  return a.generation === b.generation ? a.id < b.id : a.generation > b.generation;
}

/**
 * Yields the commits of a range: newest first by the committer's time, but never a parent before its child. Reads only
 * what the commits taken so far need: the first of a single start costs one read.
 */
export function* walk(
  source: HistorySource,
  {include, exclude = [], excludeShallow}: WalkRange,
): Generator<WalkEntry, void, undefined> {
  const frontier = new Frontier(source, excludeShallow);
  const ready = new Heap<Visit>(isNewer);
  const enqueue = (visit: Visit) => {
    if (visit.hidden || visit.queued || visit.pending > 0) return;
    visit.queued = true;
    ready.push(visit);
  };
  for (const id of exclude) frontier.visit(id).hidden = true;
  for (const id of include) enqueue(frontier.visit(id));
  for (let visit = ready.pop(); visit !== undefined; visit = ready.pop()) {
    visit.queued = false;
    // only now is it sure that it is not hidden, and that no child of it is still to come
    frontier.exploreAbove(visit.generation);
    if (visit.hidden || visit.pending > 0) continue;
    yield visit;
    const parents = frontier.expand(visit);
    frontier.forget(visit);
    for (const parent of parents) {
      parent.pending--;
      enqueue(parent);
    }
  }
}

/** Returns whether a commit is another one or an ancestor of it. Reads no commit older than it by generation. */
export function isAncestor(source: HistorySource, ancestor: ObjectId, descendant: ObjectId): boolean {
  if (ancestor === descendant) return true;
  const frontier = new Frontier(source);
  const target = frontier.visit(ancestor);
  frontier.visit(descendant);
  frontier.exploreAbove(target.generation);
  return target.pending > 0;
}

const LEFT = 1;
const RIGHT = 2;
const STALE = 4;

/**
 * Returns the best common ancestors of two commits: those that are not ancestors of another one; newest first. None for
 * unrelated histories, several where merges crossed.
 */
export function mergeBases({objects, shallow}: HistorySource, a: ObjectId, b: ObjectId): ObjectId[] {
  interface Painted extends CommitHeader {
    readonly id: ObjectId;
    colours: number;
  }
  const painted = new Map<ObjectId, Painted>();
  const queue = new Heap<Painted>((x, y) => x.generation > y.generation);
  // those in the queue that are not known to be ancestors of a common one: without them the search is over
  let fresh = 0;
  const paint = (id: ObjectId, colours: number): Painted => {
    let entry = painted.get(id);
    if (entry === undefined) {
      entry = {id, ...asHeld({shallow}, id, decodeCommitHeader(objects.read(id))), colours: 0};
      painted.set(id, entry);
      queue.push(entry);
      fresh++;
    }
    if ((entry.colours & STALE) === 0 && (colours & STALE) !== 0) fresh--;
    entry.colours |= colours;
    return entry;
  };
  paint(a, LEFT);
  paint(b, RIGHT);
  const bases: Painted[] = [];
  while (fresh > 0) {
    const entry = queue.pop() as Painted;
    let {colours} = entry;
    if ((colours & STALE) === 0) {
      fresh--;
      if (colours === (LEFT | RIGHT)) {
        bases.push(entry);
        colours |= STALE;
      }
    }
    const parents = entry.parents.map(id => paint(id, colours));
    checkGeneration(entry.generation, parents);
  }
  bases.sort((x, y) => (isNewer(x, y) ? -1 : 1));
  return bases.map(({id}) => id);
}
