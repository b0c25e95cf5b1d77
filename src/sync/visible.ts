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
import {peel} from '../repo/tag.js';
import type {PeerRefs} from './peer.js';
import {maySee, type Rights} from './rights.js';

export class VisiblePart {
  readonly refs: PeerRefs;
  /** The commits of the branches. */
  readonly tips: readonly ObjectId[];
  private readonly reach: Reach;
  private readonly held: ReadonlySet<ObjectId>;

  /** Reads history from the tips down to the oldest tag. */
  constructor(repo: Pick<Repository, 'objects' | 'view' | 'head'>, rights: Rights) {
    const {objects, view} = repo;
    const refs = new Map<RefName, ObjectId>();
    for (const {name, id} of listRefs(objects, view.refs, BRANCHES)) {
      if (maySee(rights, shortName(name) as BranchName)) refs.set(name, id);
    }
    this.tips = [...new Set(refs.values())];
    this.reach = new Reach(objects, this.tips);
    for (const {name, id} of listRefs(objects, view.refs, TAGS)) {
      if (this.reach.has(objects, peel(objects, id).id)) refs.set(name, id);
    }
    this.held = new Set(refs.values());
    const {branch} = repo.head();
    this.refs = {head: branch !== undefined && maySee(rights, branch) ? branch : undefined, refs, partial: true};
  }

  /** Returns whether a commit is visible. */
  has(objects: ObjectReader, id: ObjectId): boolean {
    return this.reach.has(objects, id);
  }

  /** Returns whether somebody may ask for an object: a visible commit, or what a visible ref holds. */
  gives(objects: ObjectReader, id: ObjectId): boolean {
    return this.held.has(id) || this.reach.has(objects, id);
  }
}

/** The commits that some tips reach, found as far down as was asked for: each is read at most once. */
class Reach {
  private readonly found = new Set<ObjectId>();
  private readonly queue = new Heap<CommitHeader>((a, b) => a.generation > b.generation);

  constructor(objects: ObjectReader, tips: readonly ObjectId[]) {
    for (const id of tips) this.add(objects, id);
  }

  private add(objects: ObjectReader, id: ObjectId): void {
    if (this.found.has(id)) return;
    this.found.add(id);
    this.queue.push(decodeCommitHeader(objects.read(id)));
  }

  has(objects: ObjectReader, id: ObjectId): boolean {
    if (this.found.has(id)) return true;
    const generation = generationOf(objects, id);
    if (generation === undefined) return false;
    for (let next = this.queue.peek(); next && next.generation > generation; next = this.queue.peek()) {
      this.queue.pop();
      for (const parent of next.parents) this.add(objects, parent);
    }
    return this.found.has(id);
  }
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
