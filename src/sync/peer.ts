/**
 * The other store, as this one sees it, whatever lies between them. Nothing that a peer returns is trusted. Every call stands
 * for itself and lists are in batches, so that each can be a message. Layer: sync.
 */
import type {ObjectId} from '../objects/id.js';
import type {BranchName, RefName} from '../repo/refs.js';
import type {Listed} from './missing.js';
import type {Parcel} from './parcel.js';

export interface PeerRefs {
  /** The branch that HEAD is on; undefined if it is on none. */
  readonly head: BranchName | undefined;
  /** Branches and tags, with what each holds. */
  readonly refs: ReadonlyMap<RefName, ObjectId>;
}

/** A branch or tag to change. */
export interface PeerEdit {
  readonly name: RefName;
  /** What it must hold before; null for nothing. */
  readonly expected: ObjectId | null;
  /** Null deletes it. */
  readonly next: ObjectId | null;
}

export interface Peer {
  refs(): Promise<PeerRefs>;
  /** Returns for each object whether the peer has it, and everything that it names. */
  has(ids: readonly ObjectId[]): Promise<readonly boolean[]>;
  /** Yields what `wants` reach and `common`, commits that the peer has, do not: see `missingObjects`. */
  missing(wants: readonly ObjectId[], common: readonly ObjectId[]): AsyncIterable<readonly Listed[]>;
  /** Yields objects in the order of the list. */
  read(list: readonly Listed[]): AsyncIterable<Parcel>;
  /**
   * Takes in objects, then makes all edits by one operation, or none of them. Throws NOT_FAST_FORWARD if a ref does not hold
   * what is expected, TRANSFER_INVALID, BRANCH_CURRENT to delete the branch that is checked out, WOULD_OVERWRITE.
   */
  push(parcels: AsyncIterable<Parcel>, edits: readonly PeerEdit[]): Promise<void>;
  close(): Promise<void>;
}
