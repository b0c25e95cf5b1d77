/**
 * What rights that are limited to some branches show of a store: those branches, whatever their commits reach, and the tags of
 * such commits. What is hidden looks as if it were not there. Layer: sync.
 */
import {isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {type CommitHeader, decodeCommitHeader} from '../repo/commit.js';
import {Heap} from '../repo/heap.js';
import {BRANCHES, type BranchName, listRefs, type RefName, shortName, TAGS} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {asHeld, type HistorySource} from '../repo/shallow.js';
import {peel} from '../repo/tag.js';
import {Pace} from '../sql/transfer/pace.js';
import type {PeerRefs} from './peer.js';
import {maySee, type Rights} from './rights.js';

/** A visible part, and what it was found from. */
interface Known {
  readonly operation: ObjectId;
  readonly shallow: ReadonlySet<ObjectId>;
  readonly part: VisiblePart;
}

/** The visible parts of one store, each found anew when the store has changed. */
export class VisibleParts {
  private readonly known = new WeakMap<Rights, Known>();

  /** Returns what rights show; undefined if that is everything. */
  async of(repo: Repository, rights: Rights | undefined): Promise<VisiblePart | undefined> {
    if (rights?.branches === undefined) return undefined;
    const {operation, shallow} = repo;
    const known = this.known.get(rights);
    // no operation tells of older history that came
    if (known?.operation === operation.id && sameCommits(known.shallow, shallow)) return known.part;
    const part = await VisiblePart.of(repo, rights);
    this.known.set(rights, {operation: operation.id, shallow, part});
    return part;
  }
}

export class VisiblePart {
  private constructor(
    readonly refs: PeerRefs,
    /** The commits of the branches. */
    readonly tips: readonly ObjectId[],
    private readonly reach: Reach,
    private readonly held: ReadonlySet<ObjectId>,
  ) {}

  /** Returns what rights show. Reads history from the branches down to the oldest tag. */
  static async of(
    repo: Pick<Repository, 'objects' | 'shallow' | 'view' | 'head'>,
    rights: Rights,
  ): Promise<VisiblePart> {
    const {objects, view} = repo;
    const {branch} = repo.head();
    const head = branch !== undefined && maySee(rights, branch) ? branch : undefined;
    const refs = new Map<RefName, ObjectId>();
    for (const {name, id} of listRefs(objects, view.refs, BRANCHES)) {
      if (maySee(rights, shortName(name) as BranchName)) refs.set(name, id);
    }
    const tips = [...new Set(refs.values())];
    const reach = new Reach(repo, tips);
    const tagged = new Map<RefName, ObjectId>();
    for (const {name, id} of listRefs(objects, view.refs, TAGS)) {
      const commit = peel(objects, id).id;
      if (!(await reach.has(objects, commit))) continue;
      refs.set(name, id);
      if (commit !== id) tagged.set(name, commit);
    }
    const shallow: ObjectId[] = [];
    for (const id of repo.shallow) if (await reach.has(objects, id)) shallow.push(id);
    return new VisiblePart({head, refs, tagged, shallow, partial: true}, tips, reach, new Set(refs.values()));
  }

  /** Returns whether a commit is visible. */
  has(objects: ObjectReader, id: ObjectId): Promise<boolean> {
    return this.reach.has(objects, id);
  }

  /** Returns whether somebody may ask for an object: a visible commit, or what a visible ref holds. */
  async gives(objects: ObjectReader, id: ObjectId): Promise<boolean> {
    return this.held.has(id) || this.reach.has(objects, id);
  }
}

/** The commits that some tips reach, found as far down as was asked for: each is read at most once. */
class Reach {
  private readonly found = new Set<ObjectId>();
  private readonly queue = new Heap<CommitHeader>((a, b) => a.generation > b.generation);
  private readonly pace = new Pace({});
  readonly shallow: ReadonlySet<ObjectId>;

  constructor({objects, shallow}: HistorySource, tips: readonly ObjectId[]) {
    this.shallow = shallow;
    for (const id of tips) this.add(objects, id);
  }

  private add(objects: ObjectReader, id: ObjectId): void {
    if (this.found.has(id)) return;
    this.found.add(id);
    this.queue.push(asHeld(this, id, decodeCommitHeader(objects.read(id))));
  }

  async has(objects: ObjectReader, id: ObjectId): Promise<boolean> {
    if (this.found.has(id)) return true;
    const generation = generationOf(objects, id);
    if (generation === undefined) return false;
    for (let next = this.queue.peek(); next && next.generation > generation; next = this.queue.peek()) {
      this.queue.pop();
      for (const parent of next.parents) this.add(objects, parent);
      await this.pace.step({label: 'Walking', done: this.found.size});
    }
    return this.found.has(id);
  }
}

function sameCommits(a: ReadonlySet<ObjectId>, b: ReadonlySet<ObjectId>): boolean {
  return a.size === b.size && [...a].every(id => b.has(id));
}

/** Returns the generation of a commit, or undefined for what is none, or is not there. */
function generationOf(objects: ObjectReader, id: ObjectId): number | undefined {
  if (!objects.has(id)) return undefined;
  try {
    return decodeCommitHeader(objects.read(id)).generation;
  } catch (error) {
    if (isDbosError(error, 'OBJECT_INVALID') || isDbosError(error, 'STORE_FORMAT')) return undefined;
    throw error;
  }
}
