/**
 * Lists what a store lacks that has some commits already: takes the part of history between, and compares each state
 * with its parents', each tree and body with what stood in its place, so the cost follows the change. Guarantee: whatever an
 * object names comes before it, so that a receiver which stores them in order has everything below each object it has, also
 * when it is killed in between. Memory grows with the number of objects listed (ids only). Layer: sync.
 */
import {invalid} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {decodeCommitHeader} from '../repo/commit.js';
import {asHeld, type HistorySource} from '../repo/shallow.js';
import {Pace} from '../sql/transfer/pace.js';
import {isView, readDefinition} from '../state/definition.js';
import {readState, type State} from '../state/state.js';
import {readTable, type Table, type TableIndex} from '../state/table.js';
import {compareNodes} from '../tree/compare-nodes.js';
import {contentLinks, MAX_LEVEL} from '../tree/content.js';
import {linksOf} from '../tree/links.js';
import type {TreeRoot} from '../tree/spec.js';
import {bodiesIn, mayBeIn} from './copies.js';
import {type HistoryPart, historyPart} from './history-part.js';
import type {TransferScope} from './journal.js';

/** An object to send: plain bytes, what the pieces of a body are, or anything else that has a kind. */
export interface Listed {
  readonly id: ObjectId;
  readonly kind: 'blob' | 'content' | 'structure';
}

/** States that one without parents is compared with, at most. */
const COMPARED = 4;

/** Leaves that follow each other, behind the bodies of all of them: objects of one sort travel packed together. */
const LEAVES_TOGETHER = 128;

/** The objects of a batch, about. */
const BATCH = 1024;

/** What a transfer brings. */
export interface Missing {
  /** What an object names comes before it, but for the parents of `shallow`. */
  readonly list: readonly Listed[];
  /** The commits of the list whose parents do not come, nor are in the receiver as far as is known here. */
  readonly shallow: readonly ObjectId[];
}

/** Yields the objects of a part of history, less what a receiver has that has the states of the common commits, in batches. */
export function* missingObjects(
  {commits, tags, source}: HistoryPart,
  common: readonly ObjectId[],
): Generator<readonly Listed[], void, undefined> {
  const listing = new Listing(source, common);
  for (const id of commits) yield* listing.commit(id);
  for (const id of tags) listing.add(id);
  yield listing.take();
}

/** Returns what `missingObjects` yields, less what was copied from what `common` holds, unless the list must be `whole`. */
export async function listMissing(
  source: HistorySource,
  scope: TransferScope,
  {pace = new Pace({}), whole = false}: {readonly pace?: Pace; readonly whole?: boolean | undefined} = {},
): Promise<Missing> {
  const part = historyPart(source, scope);
  const shallow = part.commits.filter(id => part.source.shallow.has(id));
  const list: Listed[] = [];
  const bodies = new Set<ObjectId>();
  for (const batch of missingObjects(part, whole ? [] : scope.common)) {
    for (const listed of batch) {
      list.push(listed);
      if (listed.kind !== 'structure') bodies.add(listed.id);
    }
    await pace.step({label: 'Comparing', done: list.length});
  }
  if (whole) return {list, shallow};
  const copies = bodiesIn(source.objects, scope.common, mayBeIn(source.objects, scope.common, bodies));
  return {list: copies.size === 0 ? list : list.filter(({id}) => !copies.has(id)), shallow};
}

class Listing {
  private readonly listed = new Set<ObjectId>();
  private batch: Listed[] = [];
  private readonly reader: ObjectReader;
  /** States that the receiver has by then: what commits without parents are compared with. */
  private known: readonly ObjectId[];

  constructor(
    private readonly source: HistorySource,
    common: readonly ObjectId[],
  ) {
    this.reader = source.objects;
    this.known = common.slice(0, COMPARED).map(id => this.stateOf(id));
  }

  private stateOf(commit: ObjectId): ObjectId {
    return decodeCommitHeader(this.reader.read(commit)).state;
  }

  add(id: ObjectId, kind: Listed['kind'] = 'structure'): void {
    if (this.listed.has(id)) return;
    this.listed.add(id);
    this.batch.push({id, kind});
  }

  take(): readonly Listed[] {
    const {batch} = this;
    this.batch = [];
    return batch;
  }

  private *full(): Generator<readonly Listed[], void, undefined> {
    if (this.batch.length >= BATCH) yield this.take();
  }

  *commit(id: ObjectId): Generator<readonly Listed[], void, undefined> {
    const {reader} = this;
    const {state, parents} = asHeld(this.source, id, decodeCommitHeader(reader.read(id)));
    const before = parents.length === 0 ? this.known : parents.map(parent => this.stateOf(parent));
    if (!this.listed.has(state) && !before.includes(state)) {
      const states = before.map(each => readState(reader, each));
      const now = readState(reader, state);
      for (const [name, entry] of now) {
        if (!states.some(each => each.get(name) === entry)) yield* this.entry(entry, placesOf(name, now, states));
      }
      this.add(state);
    }
    this.add(id);
    if (parents.length === 0) this.known = [state, ...this.known].slice(0, COMPARED);
    yield* this.full();
  }

  /** Lists a table or a view; `before` are those that it may have come from. */
  private *entry(id: ObjectId, before: readonly ObjectId[]): Generator<readonly Listed[], void, undefined> {
    const {reader} = this;
    if (this.listed.has(id) || before.includes(id)) return;
    if (isView(reader, id)) {
      for (const trigger of readDefinition(reader, id).triggers ?? []) this.add(trigger.id);
    } else {
      const table = readTable(reader, id);
      const tables = before.filter(each => !isView(reader, each)).map(each => readTable(reader, each));
      yield* this.tree(table, tables);
      for (const index of table.indexes ?? [])
        yield* this.tree(
          index,
          tables.flatMap(each => indexOf(each, index.name)),
        );
      for (const trigger of table.triggers ?? []) this.add(trigger.id);
    }
    this.add(id);
  }

  private *tree(
    {schema, root}: Pick<Table, 'schema' | 'root'>,
    before: readonly {readonly root: TreeRoot}[],
  ): Generator<readonly Listed[], void, undefined> {
    const {reader} = this;
    this.add(schema);
    const {own, otherLeaves} = compareNodes(
      reader,
      root,
      before.map(each => each.root),
    );
    let known: Bodies | undefined;
    let leaves: ObjectId[] = [];
    for (const leaf of own[0] ?? []) {
      if (this.listed.has(leaf)) continue;
      for (const {id, kind} of linksOf(reader.read(leaf))) {
        known ??= bodiesOf(reader, otherLeaves);
        if (kind === 'blob') this.blob(id, known);
        else yield* this.content(id, known);
        yield* this.full();
      }
      leaves.push(leaf);
      if (leaves.length < LEAVES_TOGETHER) continue;
      for (const each of leaves) this.add(each);
      leaves = [];
      yield* this.full();
    }
    for (const leaf of leaves) this.add(leaf);
    for (const level of own.slice(1)) {
      for (const node of level) this.add(node);
      yield* this.full();
    }
  }

  private blob(id: ObjectId, known: Bodies): void {
    if (!known.has(id)) this.add(id, 'blob');
  }

  private *content(id: ObjectId, known: Bodies, depth = 0): Generator<readonly Listed[], void, undefined> {
    if (this.listed.has(id) || known.has(id)) return;
    // what is listed may be unchecked yet: levels that lie would lead down without end
    if (depth > MAX_LEVEL) throw invalid('is a list of chunks that is nested too deep');
    known.open();
    for (const link of contentLinks(this.reader.read(id))) {
      if (link.chunked) yield* this.content(link.id, known, depth + 1);
      else this.blob(link.id, known);
      yield* this.full();
    }
    this.add(id, 'content');
  }
}

function indexOf(table: Table, name: string): readonly TableIndex[] {
  return table.indexes?.filter(index => index.name === name) ?? [];
}

/** Returns what a table may have come from: what had its name, else what has lost its own. */
function placesOf(name: string, now: State, states: readonly State[]): ObjectId[] {
  const named = states.flatMap(each => each.get(name) ?? []);
  if (named.length > 0) return named;
  return states.flatMap(each => Array.from(each).flatMap(([other, id]) => (now.has(other) ? [] : [id])));
}

/** The bodies that rows had before; those that are cut into chunks are opened when the first other one is. */
class Bodies {
  constructor(
    private readonly reader: ObjectReader,
    private readonly ids: Set<ObjectId>,
    private unopened: ObjectId[],
  ) {}

  has(id: ObjectId): boolean {
    return this.ids.has(id);
  }

  open(): void {
    for (let id = this.unopened.pop(); id !== undefined; id = this.unopened.pop()) {
      for (const link of contentLinks(this.reader.read(id))) {
        this.ids.add(link.id);
        if (link.chunked) this.unopened.push(link.id);
      }
    }
  }
}

function bodiesOf(reader: ObjectReader, leaves: readonly ObjectId[]): Bodies {
  const ids = new Set<ObjectId>();
  const chunked: ObjectId[] = [];
  for (const leaf of leaves) {
    for (const {id, kind} of linksOf(reader.read(leaf))) {
      if (ids.has(id)) continue;
      ids.add(id);
      if (kind === 'content') chunked.push(id);
    }
  }
  return new Bodies(reader, ids, chunked);
}
