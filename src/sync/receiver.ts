/**
 * Takes in objects that another store sent. Each is decoded and stored only after everything that it names, so what a store
 * has is whole below; what came stays, durable and invisible, if the rest does not come. Before a ref may show any of it, the
 * new commits are checked as fsck checks a store. Nothing that was sent is trusted. Layer: sync.
 */
import {DbosError, isDbosError} from '../errors.js';
import {countValues, kindOf} from '../objects/codec.js';
import {formatId, idOf, type ObjectId} from '../objects/id.js';
import {type ObjectReader, objectKey} from '../objects/store.js';
import {checkGeneration, decodeCommit, readCommit} from '../repo/commit.js';
import type {Actor} from '../repo/context.js';
import {DamageList} from '../repo/damage.js';
import {type WalkRange, walk} from '../repo/history.js';
import {findRef, type RefName, shortName, TAGS} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {type HistorySource, readHeldCommit} from '../repo/shallow.js';
import {StateCheck} from '../repo/statecheck.js';
import {peel} from '../repo/tag.js';
import type {Transaction} from '../repo/transaction.js';
import {Pace} from '../sql/transfer/pace.js';
import {checkSql} from '../sql/write/sql-check.js';
import {FILES_SPEC} from '../state/files.js';
import {PACKED_LIMIT} from '../storage/frame.js';
import {noteChunk} from '../tree/content.js';
import {findFrom} from '../tree/locate.js';
import {decodeNode, type LeafNode} from '../tree/node.js';
import type {TreeRoot} from '../tree/spec.js';
import {tipsOf} from './common.js';
import {historyPart} from './history-part.js';
import type {Journal, TransferScope} from './journal.js';
import {objectLinks} from './links.js';
import {missingObjects} from './missing.js';
import {type Opened, Opener} from './opener.js';
import type {Parcel} from './parcel.js';
import type {Room} from './room.js';
import type {StoreAccess} from './store-access.js';

/** What came is made durable after so many bytes: what a transfer whose receiver is killed has to send again. */
const FLUSH_BYTES = 16 * 1024 * 1024;

/** Values of an object that came, each of which takes some ten bytes of memory for one that it has as bytes. */
const MOST_VALUES = 2 ** 20;

/** What a ref of the other store holds. */
export interface WantedRef {
  readonly ref: RefName;
  readonly id: ObjectId;
}

export interface ReceiverOptions {
  /** What comes is made durable after so many bytes, which wait in memory. */
  readonly flushBytes?: number;
  /** Whom the operation is recorded under, instead of who opened the store. */
  readonly actor?: Actor | undefined;
  /** Commits whose parents need not come. */
  readonly shallow?: readonly ObjectId[];
  /**
   * Returns the commits whose objects the sender may take for granted. All other objects then count only if they came, and
   * nothing tells whether they are here; else everything that is here may be named.
   */
  readonly granted?: ((repo: Repository) => Promise<readonly ObjectId[]>) | undefined;
  /** Once so many bytes came another thread unpacks the rest; unless given this one unpacks all. */
  readonly threadAfter?: number;
  /** Where memory is shared with others. */
  readonly room?: Room | undefined;
}

export class Receiver {
  objects = 0;
  /** Bytes that travelled. */
  bytes = 0;
  /** What is not stored, with the memory that it takes. */
  private readonly waiting: {readonly opened: Promise<Opened>; readonly memory: number}[] = [];
  private waitingBytes = 0;
  /** What was seen of bodies while they were in hand: see `noteChunk`. */
  private readonly bodies = new Set<string>();
  private readonly mayBeShallow: ReadonlySet<ObjectId>;
  private readonly opener: Opener;
  private storing: Promise<void> = Promise.resolve();

  constructor(
    private readonly access: StoreAccess,
    private readonly journal: Journal,
    private readonly options: ReceiverOptions = {},
  ) {
    this.mayBeShallow = new Set(options.shallow);
    this.opener = new Opener(options.threadAfter ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Takes in parcels to their end. If they break off, what came before is durable and noted down. Throws TRANSFER_INVALID,
   * STORE_FULL or STORE_IO.
   */
  async take(parcels: AsyncIterable<Parcel>, onParcel?: () => Promise<void>): Promise<void> {
    const iterator = parcels[Symbol.asyncIterator]();
    try {
      while (await this.takeOne(iterator)) await onParcel?.();
      await this.opener.settle(0);
    } catch (error) {
      // what went wrong first is told
      await iterator.return?.().catch(() => undefined);
      await this.store();
      throw error;
    } finally {
      await this.opener.close();
    }
  }

  /** Takes in the next parcel, and keeps nothing of it but what waits. Returns false at the end. */
  private async takeOne(parcels: AsyncIterator<Parcel>): Promise<boolean> {
    const {flushBytes = FLUSH_BYTES, room} = this.options;
    const {value: parcel, done} = await parcels.next();
    if (done) return false;
    this.objects += parcel.lengths.length;
    this.bytes += parcel.stored.length;
    await room?.open(openingOf(parcel));
    const opened = this.opener.open(parcel);
    opened.catch(() => undefined);
    const memory = memoryOf(parcel);
    this.waiting.push({opened, memory});
    this.waitingBytes += memory;
    await this.opener.settle();
    if (this.waitingBytes < flushBytes) return true;
    await this.storing;
    this.storing = this.storeWhatIsOpen();
    // where there is a thread, reading goes on meanwhile; what goes wrong is told by whoever waits next
    if (this.options.threadAfter === undefined) await this.storing;
    else this.storing.catch(() => undefined);
    return true;
  }

  /** Makes what came durable, while nothing shows it. Throws TRANSFER_INVALID, STORE_FULL or STORE_IO. */
  async store(): Promise<void> {
    await this.storing;
    await this.storeOpened(await this.opened());
  }

  private async storeWhatIsOpen(): Promise<void> {
    await this.storeOpened(await this.opened(this.waiting.length - this.opener.waiting));
  }

  private async storeOpened(opened: readonly Opened[]): Promise<void> {
    await this.access.write(async repo => {
      const transaction = repo.begin();
      try {
        const ids = this.stage(transaction, opened, filesAt(repo, repo.head().commit));
        await transaction.flush();
        this.journal.append(ids);
      } catch (error) {
        if (isDbosError(error, 'TRANSFER_INVALID')) this.journal.forget();
        throw error;
      } finally {
        transaction.discard();
      }
    });
  }

  /** Returns the first of what waits, all unless told how many, and forgets it. Throws TRANSFER_INVALID. */
  private async opened(count = this.waiting.length): Promise<readonly Opened[]> {
    const first = this.waiting.splice(0, count);
    for (const {memory} of first) this.waitingBytes -= memory;
    try {
      this.opener.send();
      return await Promise.all(first.map(({opened}) => opened));
    } catch (error) {
      this.journal.forget();
      throw error;
    }
  }

  /**
   * Stages parcels. Returns the objects in the order in which they came; `base` are the files that those that came may be a version of.
   * Throws TRANSFER_INVALID.
   */
  private stage(transaction: Transaction, opened: readonly Opened[], base: TreeRoot): ObjectId[] {
    const {objects: sink} = transaction;
    const came: ObjectId[] = [];
    const shallow: ObjectId[] = [];
    const known = new KnownLinks(sink, base);
    for (const {parcel, ids, objects, forms} of opened) {
      const {blobs, codec, rawLength, stored, lengths} = parcel;
      for (const id of ids) came.push(id);
      if (blobs) {
        const entries = ids.map((id, i) => ({key: objectKey(id), length: lengths[i] as number}));
        for (const [i, {length}] of entries.entries())
          noteChunk(ids[i] as ObjectId, length, forms[i] as number, this.bodies);
        sink.putFrame({codec, rawLength, stored, entries});
        continue;
      }
      for (const [i, bytes] of objects.entries()) {
        const id = ids[i] as ObjectId;
        const lacking = lackingLink(sink, bytes, known);
        const isShallow = lacking !== undefined && this.isShallow(sink, id, bytes);
        if (lacking === undefined || isShallow) sink.put(bytes);
        // within limited rights said at the end only, in the words for an object that is here and was not granted
        else if (this.options.granted === undefined) throw unsound(lacking);
        if (isShallow) shallow.push(id);
      }
    }
    if (shallow.length > 0) transaction.setShallow(new Set([...transaction.shallow, ...shallow]));
    return came;
  }

  /** Returns whether an object is a commit that came without its parents, and may. */
  private isShallow(objects: ObjectReader, id: ObjectId, bytes: Uint8Array): boolean {
    return this.mayBeShallow.has(id) && kindOf(bytes) === 'commit' && objects.has(decodeCommit(bytes).state);
  }

  /** Takes commits whose parents came out of those that are shallow, and returns them. */
  private joinShallow(transaction: Transaction, came: readonly ObjectId[]): ObjectId[] {
    const {objects, shallow} = transaction;
    if (shallow.size === 0) return [];
    const fresh = new Set([...this.journal.ids(), ...came]);
    const joined = new Set<ObjectId>();
    for (const id of shallow) {
      const {parents} = readCommit(objects, id);
      // parents that were there before may be of a transfer that was found to be unsound
      if (parents.some(parent => fresh.has(parent)) && parents.every(parent => objects.has(parent))) joined.add(id);
    }
    if (joined.size > 0) transaction.setShallow(new Set([...shallow].filter(id => !joined.has(id))));
    return [...joined];
  }

  /**
   * Checks everything that refs would show and none shows now, then has it published: `publish` gets the transaction that
   * holds it. Throws TRANSFER_INVALID, and what `publish` throws; then no ref has moved.
   */
  async publish<T>(
    refs: readonly WantedRef[],
    publish: (repo: Repository, transaction: Transaction) => Promise<T>,
    pace = new Pace({}),
  ): Promise<T> {
    await this.storing;
    const opened = await this.opened();
    return this.access.write(async repo => {
      const transaction = repo.begin(this.options.actor);
      try {
        const came = this.stage(transaction, opened, baseOf(repo, refs));
        const turn = () => pace.step({label: 'Checking', done: pace.done});
        const joined = this.joinShallow(transaction, came);
        const granted = await this.options.granted?.(repo);
        if (granted) {
          const scope = {wants: refs.map(({id}) => id), common: granted, shallow: [...repo.shallow]};
          await checkWhole(transaction, scope, new Set([...this.journal.ids(), ...came]), turn);
        }
        const shown = {exclude: [...tipsOf(repo)], excludeShallow: repo.shallow};
        await checkCommits(transaction, {refs, joined, ...shown}, turn, this.bodies);
        const result = await publish(repo, transaction);
        this.journal.forget();
        return result;
      } catch (error) {
        if (isDbosError(error, 'TRANSFER_INVALID')) this.journal.forget();
        throw error;
      } finally {
        transaction.discard();
      }
    });
  }
}

/** Objects with fewer links have each of them looked up. */
const MANY_LINKS = 8;

/** Returns the files of the first branch here that the refs would move, or of HEAD. */
function baseOf(repo: Repository, refs: readonly WantedRef[]): TreeRoot {
  const {objects, view} = repo;
  const here = refs.flatMap(({ref}) => findRef(objects, view.refs, ref) ?? []);
  const [tip = repo.head().commit] = here.flatMap(id => peel(objects, id).id);
  return filesAt(repo, tip);
}

function filesAt(repo: Repository, commit: ObjectId | undefined): TreeRoot {
  return commit === undefined ? null : repo.filesRoot(commit);
}

/**
 * Tells by the files that are here already that bodies are here: a leaf that came names mostly those of the leaf in whose place
 * it stands, and reading that one costs far less than looking for each.
 */
class KnownLinks {
  private leaf: LeafNode | undefined;
  private links: ReadonlySet<ObjectId> = new Set();

  constructor(
    private readonly objects: ObjectReader,
    /** Of files whose objects are all here. */
    private readonly base: TreeRoot,
  ) {}

  /** Returns the ids of bodies that are here and that a node may name; undefined for a node of another sort. */
  near(bytes: Uint8Array): ReadonlySet<ObjectId> | undefined {
    const {objects, base} = this;
    if (base === null || kindOf(bytes) !== 'node') return undefined;
    try {
      const node = decodeNode(FILES_SPEC, bytes);
      if (node.level > 0) return undefined;
      const found = findFrom(objects, FILES_SPEC, base, node.keyAt(node.count - 1));
      if (found !== undefined && found.leaf !== this.leaf) {
        this.leaf = found.leaf;
        this.links = new Set(found.leaf.refs());
      }
      return this.links;
    } catch (error) {
      // a leaf of another table, or one that is not sound, which the check of its tree tells
      if (!isDbosError(error)) throw error;
      return undefined;
    }
  }
}

/** Of an object that waits, beside its bytes. */
const OBJECT_BYTES = 200;

/** Returns the memory that unpacking a parcel takes, beside its bytes. */
function openingOf({codec, rawLength, lengths}: Parcel): number {
  // more is refused
  return (codec === 'stored' ? 0 : Math.min(rawLength, PACKED_LIMIT)) + OBJECT_BYTES * lengths.length;
}

/** Returns the memory that a parcel takes until it is durable: structured objects wait unpacked. */
function memoryOf({blobs, rawLength, stored, lengths}: Parcel): number {
  return (blobs ? stored.length : Math.max(stored.length, rawLength)) + OBJECT_BYTES * lengths.length;
}

/** Throws TRANSFER_INVALID, with `data.problem`, unless everything that an object names is there. */
export function checkLinks(objects: ObjectReader, bytes: Uint8Array): void {
  const lacking = lackingLink(objects, bytes);
  if (lacking !== undefined) throw unsound(lacking);
}

/** Returns what is wrong if an object names one that is not there. Throws TRANSFER_INVALID. */
function lackingLink(objects: ObjectReader, bytes: Uint8Array, known?: KnownLinks): string | undefined {
  let links: readonly ObjectId[];
  try {
    // each value has a byte at least
    if (bytes.length > MOST_VALUES && countValues(bytes) > MOST_VALUES) throw unsound('an object has too many values.');
    links = objectLinks(bytes);
  } catch (error) {
    if (!isDbosError(error) || error.code === 'TRANSFER_INVALID') throw error;
    throw unsound(error.message, error);
  }
  const near = links.length < MANY_LINKS ? undefined : known?.near(bytes);
  const missing = links.find(id => !near?.has(id) && !objects.has(id));
  return missing && `${formatId(idOf(bytes))} names ${formatId(missing)}, which did not come.`;
}

/**
 * Throws TRANSFER_INVALID unless everything came that a transfer should bring. It is the same error for what is not here and
 * what is here and hidden.
 */
async function checkWhole(
  source: HistorySource,
  scope: TransferScope,
  came: ReadonlySet<ObjectId>,
  turn: () => Promise<void>,
): Promise<void> {
  let whole = true;
  try {
    for (const batch of missingObjects(historyPart(source, scope), scope.common)) {
      whole = batch.every(({id}) => came.has(id));
      if (!whole) break;
      await turn();
    }
  } catch (error) {
    if (!isDbosError(error, 'OBJECT_MISSING') && !isDbosError(error, 'OBJECT_INVALID')) throw error;
    whole = false;
  }
  if (!whole) throw unsound('it names objects that did not come with it.');
}

export interface CheckedCommits extends Omit<WalkRange, 'include'> {
  /** What would be shown. */
  readonly refs: readonly WantedRef[];
  /** Commits that were shallow, and whose parents are to be checked now. */
  readonly joined?: readonly ObjectId[];
}

/** Checks the commits that refs would show and some others do not reach, as fsck does. Throws TRANSFER_INVALID, with `data.problem`. */
export async function checkCommits(
  source: HistorySource,
  {refs, joined = [], ...excluded}: CheckedCommits,
  turn: () => Promise<void>,
  bodies: Set<string> = new Set(),
): Promise<void> {
  const {objects} = source;
  const damages = new DamageList();
  const states = new StateCheck(objects, damages, checkSql, bodies);
  try {
    const include = refs.map(({ref, id}) => {
      const peeled = peel(objects, id);
      if (peeled.tag && !ref.startsWith(TAGS)) throw unsound(`'${shortName(ref)}' holds a tag and is a branch.`);
      return peeled.id;
    });
    for (const id of joined) {
      const {generation, parents} = readCommit(objects, id);
      checkGeneration(
        generation,
        parents.map(parent => readCommit(objects, parent)),
      );
      include.push(...parents);
    }
    const commits = Array.from(walk(source, {include, ...excluded}), ({id}) => id);
    for (const id of commits.reverse()) {
      const {state, parents} = readHeldCommit(source, id);
      const sound = parents.map(parent => readCommit(objects, parent).state);
      for (const _part of states.check(state, sound[0], sound)) await turn();
      const [damage] = damages.byId.values();
      if (damage) throw unsound(damage.problem().message);
    }
  } catch (error) {
    if (!isDbosError(error) || error.code === 'TRANSFER_INVALID') throw error;
    throw unsound(error.message, error);
  }
}

function unsound(what: string, cause?: unknown): DbosError {
  return new DbosError('TRANSFER_INVALID', `What the other store sent is not sound: ${what}`, {
    hint: 'Nothing was changed here. Run `dbos fsck` in the other store, or `dbos bundle verify` on a bundle.',
    data: {problem: what},
    cause,
  });
}
