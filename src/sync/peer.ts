/**
 * The other store, as this one sees it, whatever lies between them. Nothing that a peer returns is trusted. Every call stands
 * for itself, so that each can be a message. Layer: sync.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {BranchName, RefName} from '../repo/refs.js';
import type {Received, TransferScope} from './journal.js';
import type {Parcel} from './parcel.js';

export interface PeerRefs {
  /** The branch that HEAD is on; undefined if it is on none. */
  readonly head: BranchName | undefined;
  /** Branches and tags, with what each holds. */
  readonly refs: ReadonlyMap<RefName, ObjectId>;
  /** The commits of tags that hold a tag object; undefined if the peer sends no more with an old tag than without. */
  readonly tagged?: ReadonlyMap<RefName, ObjectId>;
  /** Commits that the peer has without their parents. */
  readonly shallow?: readonly ObjectId[];
  /** Whether the peer hides others. A push then has to bring all that the commits of these do not have. */
  readonly partial?: boolean;
}

/** A branch or tag to change. */
export interface PeerEdit {
  readonly name: RefName;
  /** What it must hold before; null for nothing. */
  readonly expected: ObjectId | null;
  /** Null deletes it. */
  readonly next: ObjectId | null;
}

/** A change that a push would make. */
export interface CheckedEdit extends PeerEdit {
  /** Whether a branch moves forward, which only who has both commits can tell. */
  readonly forward: boolean;
}

export interface FetchRequest extends TransferScope {
  /** What of the list is here already. */
  readonly received?: Received | undefined;
}

/** What a peer sends. */
export interface Sending {
  /** Objects of the whole list. */
  readonly total: number;
  /** So many of the first ones do not come: as many as were received, or none if the peer makes another list. */
  readonly skipped: number;
  /** The others, in the order of the list: what an object names comes before it. */
  readonly parcels: AsyncIterable<Parcel>;
  /** The commits of the list that come without their parents. */
  readonly shallow: readonly ObjectId[];
}

export interface PushRequest {
  /** The `transferKey`. */
  readonly key: string;
  /** Objects that are there already, as `received` told. */
  readonly skipped: number;
  readonly edits: readonly PeerEdit[];
}

export interface Peer {
  refs(): Promise<PeerRefs>;
  /** Returns for each commit whether the peer has it, and everything that it reaches, and shows it. */
  has(commits: readonly ObjectId[]): Promise<readonly boolean[]>;
  /** Returns what `wants` reach and `common` do not. Throws REMOTE_REF_UNKNOWN for a want that is not there. */
  fetch(request: FetchRequest): Promise<Sending>;
  /** Returns how far a push came that broke off. */
  received(key: string): Promise<Received | undefined>;
  /**
   * Takes in objects, then makes all edits by one operation, or none of them. `parcels` are gone through again for another try
   * where a server is busy. Throws NOT_FAST_FORWARD if a ref does not hold
   * what is expected, ACCESS_DENIED, TRANSFER_INVALID, BRANCH_CURRENT to delete the branch that is checked out, WOULD_OVERWRITE.
   */
  push(request: PushRequest, parcels: AsyncIterable<Parcel>): Promise<void>;
  /**
   * Throws what `push` would throw for these edits, as far as that can be told without the objects that it would send; changes nothing.
   * `source` has them, if it is given: a peer on this machine looks there whether files are in the way.
   */
  check(edits: readonly CheckedEdit[], source?: ObjectReader): Promise<void>;
  close(): Promise<void>;
}
