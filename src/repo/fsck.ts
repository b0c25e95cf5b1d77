/**
 * Checks a store: the files of the index, the value log and the index, the chain of operations with its indexes, and every object that any
 * operation's refs reach — hashes, structure, order, counts, the rules of the files table, bodies. Goes on past
 * damage, and says which commits, refs and paths each damaged object takes with it. Reads each object once or twice;
 * memory grows with the number of objects, not with their size. Layer: repo.
 */
import {compareBytes} from '../bytes.js';
import {isDbosError} from '../errors.js';
import {kindOf} from '../objects/codec.js';
import {formatId, type ObjectId} from '../objects/id.js';
import {type ObjectReader, ObjectStore} from '../objects/store.js';
import {checkIndexFiles} from '../storage/indexcheck.js';
import type {LevelStorage} from '../storage/level.js';
import type {Location} from '../storage/storage.js';
import {type VerifiedNodes, verifyTree} from '../tree/verify.js';
import {CanonicalReader} from './canonicalreader.js';
import {type Commit, checkGeneration, readCommit} from './commit.js';
import {DamageList, type Problem} from './damage.js';
import {attribute} from './damagereach.js';
import {checkFormat} from './format.js';
import {
  decodeOperationEntry,
  describeKey,
  entriesOf,
  OPERATION_KEYS,
  operationKey,
  REF_KEYS,
  readCell,
} from './indexes.js';
import type {StoreLocation} from './location.js';
import {type OpenTransaction, readOpenTransaction} from './opentransaction.js';
import {readOperation, type StoredOperation} from './operation.js';
import {diffRefs, HEAD, listRefs, REFS_SPEC, sameChanges, shortName} from './refs.js';
import {NO_SHALLOW, readHeldCommit, readShallow} from './shallow.js';
import {type SqlCheck, StateCheck} from './statecheck.js';
import {decodeTag} from './tag.js';
import {headChange} from './transaction.js';
import {headOf, readView, sameHead, type View} from './view.js';

export type {Problem} from './damage.js';

/** How far a check has come. */
export interface FsckProgress {
  readonly stage: 'log' | 'operations' | 'commits' | 'report';
  /** Objects and bytes read so far. */
  readonly objects: number;
  readonly bytes: number;
}

export interface FsckOptions {
  /** Called now and then. */
  readonly progress?: (progress: FsckProgress) => void;
  /** Checks what only SQL knows: definitions, and that indexes are those of their tables. */
  readonly sql?: SqlCheck;
}

/** Yields what is wrong with the store; nothing if it is sound. `repo` need not be able to show anything. */
export async function* fsck(
  repo: {readonly storage: LevelStorage},
  options: FsckOptions = {},
): AsyncGenerator<Problem, void, undefined> {
  yield* new Check(repo.storage, options).run();
}

/**
 * Yields what is wrong with the files of the index of a store that is not open; nothing if they are sound. Run it first:
 * opening LevelDB drops some damage without a word, and other damage may end the process. Throws as opening does.
 */
export function* fsckIndexFiles(location: StoreLocation): Generator<Problem, void, undefined> {
  checkFormat(location.store);
  for (const {file, offset, problem} of checkIndexFiles(location.store)) {
    yield corrupt(`The index is damaged in the file ${file} at byte ${offset}: ${problem}.`);
  }
}

/** Counts what is read. */
class CountingReader implements ObjectReader {
  objects = 0;
  bytes = 0;
  private readonly store: ObjectStore;

  constructor(storage: LevelStorage) {
    this.store = new ObjectStore(storage);
  }

  private count(bytes: Uint8Array): Uint8Array {
    this.objects++;
    this.bytes += bytes.length;
    return bytes;
  }

  read(id: ObjectId): Uint8Array {
    return this.count(this.store.read(id));
  }

  find(id: ObjectId): Uint8Array | undefined {
    const bytes = this.store.find(id);
    return bytes && this.count(bytes);
  }

  has(id: ObjectId): boolean {
    return this.store.has(id);
  }

  locate(id: ObjectId): Location | undefined {
    return this.store.locate(id);
  }
}

/** How long to work before others get a turn: an interrupt, a progress bar. */
const TURN = 50;

class Check {
  private readonly reader: CountingReader;
  private readonly damages = new DamageList();
  private readonly canonical: CanonicalReader;
  private readonly seenRefs: VerifiedNodes = new Map();
  /** What refs and heads held at any time. */
  private readonly tips = new Set<ObjectId>();
  /** The newest view that can be read: what the store shows now. */
  private view: View | undefined;
  private shallow = NO_SHALLOW;
  /** The commits that were read, with what each follows. */
  private readonly commits = new Map<ObjectId, readonly ObjectId[]>();
  private stage: FsckProgress['stage'] = 'log';
  private turnEnd = 0;

  constructor(
    private readonly storage: LevelStorage,
    private readonly options: FsckOptions,
  ) {
    this.reader = new CountingReader(storage);
    this.canonical = new CanonicalReader(this.reader, this.damages);
  }

  /** Reports progress and lets others work, now and then. */
  private async turn(): Promise<void> {
    if (performance.now() < this.turnEnd) return;
    const {objects, bytes} = this.reader;
    this.options.progress?.({stage: this.stage, objects, bytes});
    await new Promise(resolve => setImmediate(resolve));
    this.turnEnd = performance.now() + TURN;
  }

  async *run(): AsyncGenerator<Problem, void, undefined> {
    for (const {segment, offset, problem} of this.storage.checkLog()) {
      yield corrupt(`The value log is damaged in segment ${segment} at byte ${offset}: ${problem}.`);
      await this.turn();
    }
    for await (const {key, problem} of this.storage.checkIndex()) {
      const what = key.startsWith('o') ? 'an object' : describeKey(key);
      yield corrupt(`The index entry for ${what} is damaged: ${problem}.`);
    }
    try {
      this.shallow = readShallow(this.storage);
    } catch (error) {
      if (!isDbosError(error)) throw error;
      yield corrupt(error.message);
    }
    this.stage = 'operations';
    yield* this.checkOperations();
    this.stage = 'commits';
    await this.checkCommits();
    yield* this.checkShallow();
    this.stage = 'report';
    attribute(this.reader, this.damages, this.commits, this.currentRefs());
    for (const damage of this.damages.byId.values()) yield damage.problem();
    this.turnEnd = 0;
    await this.turn();
  }

  /** Walks the operations from the newest to the first: by the chain, and where it is broken by the index. */
  private async *checkOperations(): AsyncGenerator<Problem, void, undefined> {
    let whole = true;
    let step: Step | undefined;
    try {
      const id = readCell(this.storage);
      if (id === undefined) yield corrupt('The store has lost its newest operation.');
      else step = this.readStep(id);
    } catch (error) {
      if (!isDbosError(error)) throw error;
      yield corrupt(error.message);
    }
    let operationEntries = 0;
    let refEntries = 0;
    if (step === undefined) {
      whole = false;
      step = await this.stepBefore(undefined);
    }
    while (step !== undefined) {
      this.view ??= step.view;
      const {operation}: Step = step;
      const parent: Step | undefined = operation.parent === null ? undefined : this.readStep(operation.parent);
      const entries: number | undefined = yield* this.checkStep(step, parent);
      if (entries === undefined) whole = false;
      else refEntries += entries - 1;
      operationEntries++;
      if (operation.parent === null) break;
      if (parent === undefined) whole = false;
      // a number that does not fall would lead in a circle
      step =
        parent !== undefined && parent.operation.seq < operation.seq ? parent : await this.stepBefore(operation.seq);
      await this.turn();
    }
    if (!whole) return;
    yield* this.checkSize('operations', OPERATION_KEYS, operationEntries);
    yield* this.checkSize('refs', REF_KEYS, refEntries);
  }

  /** Returns an operation with its view, each as far as it can be read, and takes note of the damage. */
  private readStep(id: ObjectId): Step | undefined {
    let operation: StoredOperation;
    try {
      operation = readOperation(this.canonical, id);
    } catch (error) {
      this.damages.add(error, id, {kind: 'operation'});
      return undefined;
    }
    try {
      return {operation, view: readView(this.canonical, operation.view)};
    } catch (error) {
      this.damages.add(error, operation.view, {kind: 'view'});
      return {operation, view: undefined};
    }
  }

  /** Returns the newest operation before `seq` (of all, without one) that the index knows and that can be read. */
  private async stepBefore(seq: number | undefined): Promise<Step | undefined> {
    const range = seq === undefined ? OPERATION_KEYS : {gte: OPERATION_KEYS.gte, lt: operationKey(seq)};
    for await (const [key, value] of this.storage.range({...range, reverse: true})) {
      const entry = decodeOperationEntry(value);
      const step = entry && this.readStep(entry.id);
      if (step && operationKey(step.operation.seq) === key) return step;
    }
    return undefined;
  }

  /** Checks an operation against its parent and the indexes; returns its number of index entries if that can be known. */
  private *checkStep(
    {operation, view}: Step,
    parent: Step | undefined,
  ): Generator<Problem, number | undefined, undefined> {
    const {id, seq} = operation;
    const wrong = (what: string) => this.damages.addProblem(id, 'OBJECT_INVALID', what, {kind: 'operation'});
    for (const {after} of operation.refChanges) if (after !== null) this.tips.add(after);
    if (view !== undefined) {
      for (const {id: node, code, problem} of verifyTree(this.reader, REFS_SPEC, view.refs, this.seenRefs)) {
        this.damages.addProblem(node, code, problem, {kind: 'node', table: 'refs'});
      }
      if ('detached' in view.head) this.tips.add(view.head.detached);
      if (!sameHead(view.head, operation.headAfter)) wrong('its head is not the one of its view');
    }
    if (parent !== undefined) {
      if (parent.operation.seq !== seq - 1) wrong(`it has the number ${seq} after ${parent.operation.seq}`);
      if (parent.operation.time > operation.time) wrong('it is older than the operation before it');
    }
    const known = operation.parent === null || parent?.view !== undefined;
    if (view === undefined || !known) return undefined;
    let head: ObjectId | null | undefined;
    try {
      const before = parent?.view;
      const changes = [...diffRefs(this.reader, before?.refs ?? null, view.refs)];
      for (const {after} of changes) if (after !== null) this.tips.add(after);
      if (!sameChanges(changes, operation.refChanges))
        wrong('the changes of refs that it tells are not those of its view');
      if (before && !(operation.headBefore && sameHead(before.head, operation.headBefore))) {
        wrong('its head before is not the one of the view before');
      }
      head = headChange(this.reader, before, view);
    } catch (error) {
      // the tree of refs is damaged, which was told above
      this.damages.add(error, view.refs ?? operation.view, {kind: 'node', table: 'refs'});
      return undefined;
    }
    this.checkUndo(operation, wrong);
    const entries = entriesOf(operation, head);
    for (const [key, value] of entries) {
      const found = this.storage.get(key);
      if (found === undefined || compareBytes(found, value) !== 0) {
        yield corrupt(`The index entry for ${describeKey(key)} is ${found === undefined ? 'missing' : 'wrong'}.`);
      }
    }
    return entries.length;
  }

  private checkUndo({undo, kind, view, seq}: StoredOperation, wrong: (what: string) => void): void {
    if (undo === null) return;
    try {
      for (const id of [undo.target, undo.position, undo.below]) {
        if (id !== null && readOperation(this.reader, id).seq >= seq) wrong('it brings back an operation after it');
      }
      const source = readOperation(this.reader, undo.position ?? undo.target);
      if (source.view !== view) wrong(`it is of kind ${kind} and has another view than the one that it brings back`);
    } catch (error) {
      this.damages.add(error, undo.target, {kind: 'operation'});
    }
  }

  private async *checkSize(
    name: string,
    range: {readonly gte: string; readonly lt: string},
    expected: number,
  ): AsyncGenerator<Problem, void, undefined> {
    let count = 0;
    for await (const _entry of this.storage.range(range)) count++;
    if (count === expected) return;
    yield corrupt(`The index of ${name} has ${count === 1 ? '1 entry' : `${count} entries`} instead of ${expected}.`);
  }

  /** Reads every commit that any ref has ever reached, and its state. */
  private async checkCommits(): Promise<void> {
    const states = new StateCheck(this.reader, this.damages, this.options.sql);
    const pending: ObjectId[] = [];
    const transactions: OpenTransaction[] = [];
    for (const tip of this.tips) {
      const target = this.commitOfTip(tip, transactions);
      if (target !== undefined) pending.push(target);
    }
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (this.commits.has(id)) continue;
      let commit: Commit;
      try {
        commit = readHeldCommit({objects: this.canonical, shallow: this.shallow}, id);
      } catch (error) {
        this.damages.add(error, id, {kind: 'commit'});
        this.commits.set(id, []);
        continue;
      }
      this.commits.set(id, commit.parents);
      pending.push(...commit.parents);
      let base: ObjectId | undefined;
      try {
        const parents = commit.parents.map(parent => readCommit(this.reader, parent));
        base = parents[0]?.state;
        checkGeneration(commit.generation, parents);
      } catch (error) {
        if (!isDbosError(error)) throw error;
        // a parent that cannot be read is told when its turn comes
        if (error.code === 'OBJECT_INVALID' && error.data.id === undefined && base !== undefined) {
          this.damages.add(error, id, {kind: 'commit'});
        }
      }
      for (const _part of states.check(commit.state, base)) await this.turn();
    }
    await this.checkTransactions(states, transactions);
  }

  /** Checks that the commits whose parents need not be there are commits. */
  private *checkShallow(): Generator<Problem, void, undefined> {
    for (const id of this.shallow) {
      // one that refs reach was checked as all others are
      if (this.commits.has(id)) continue;
      try {
        readCommit(this.canonical, id);
      } catch (error) {
        if (!isDbosError(error)) throw error;
        yield corrupt(`The list of shallow commits has ${formatId(id)}: ${error.message}`);
      }
    }
  }

  /** Checks the states that transactions had at any time, each against that of the commit that it began from. */
  private async checkTransactions(states: StateCheck, transactions: readonly OpenTransaction[]): Promise<void> {
    for (const {base, state, savepoints} of transactions) {
      let before: ObjectId | undefined;
      try {
        before = base === null ? undefined : readCommit(this.reader, base).state;
      } catch (error) {
        // told when the turn of that commit came
        if (!isDbosError(error)) throw error;
      }
      for (const each of [state, ...savepoints.map(savepoint => savepoint.state)]) {
        if (each !== null) for (const _part of states.check(each, before)) await this.turn();
      }
    }
  }

  /** Returns the commit that a ref's value stands for, if it can be read; transactions are added to a list. */
  private commitOfTip(id: ObjectId, transactions: OpenTransaction[] = []): ObjectId | undefined {
    try {
      const bytes = this.canonical.read(id);
      const kind = kindOf(bytes);
      if (kind === 'transaction') {
        const transaction = readOpenTransaction(this.canonical, id);
        transactions.push(transaction);
        return transaction.base ?? undefined;
      }
      return kind === 'tag' ? decodeTag(bytes).target : id;
    } catch (error) {
      this.damages.add(error, id, {kind: 'target of a ref'});
      return undefined;
    }
  }

  /** Returns the refs of the newest view, as far as they can be read, and HEAD; each with what it holds. */
  private currentRefs(): Map<string, ObjectId[]> {
    const refs = new Map<string, ObjectId[]>();
    const {view} = this;
    if (view === undefined) return refs;
    const add = (name: string, id: ObjectId | undefined) => {
      if (id === undefined) return;
      const commit = this.commitOfTip(id);
      refs.set(name, commit === undefined || commit === id ? [id] : [id, commit]);
    };
    try {
      add(HEAD, headOf(this.reader, view).commit);
      for (const {name, id} of listRefs(this.reader, view.refs)) add(shortName(name), id);
    } catch (error) {
      this.damages.add(error, view.refs as ObjectId, {kind: 'node', table: 'refs'});
    }
    return refs;
  }
}

/** An operation, and its view unless that is damaged. */
interface Step {
  readonly operation: StoredOperation;
  readonly view: View | undefined;
}

function corrupt(message: string): Problem {
  return {code: 'STORE_CORRUPT', message};
}
