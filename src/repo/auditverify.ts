/**
 * Proves that the log of operations is whole: walks the chain from the newest operation to the first, or to one that is known
 * from elsewhere, and holds every object against its hash, every view against what its operation tells, and the indexes
 * against the chain. Stops at the first link that is broken. Layer: repo.
 */
import {compareBytes} from '../bytes.js';
import {DbosError, type ErrorCode, isDbosError} from '../errors.js';
import {digestText, formatId, type ObjectId, parseId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {Storage} from '../storage/storage.js';
import {
  decodeRefEntry,
  describeKey,
  entriesOf,
  OPERATION_KEYS,
  operationKey,
  REF_KEYS,
  readCell,
  seqOfKey,
} from './indexes.js';
import {readOperation, type StoredOperation} from './operation.js';
import {diffRefs, sameChanges} from './refs.js';
import {headChange} from './transaction.js';
import {readView, sameHead, type View} from './view.js';

export interface BrokenLink {
  readonly code: ErrorCode;
  /** One sentence. */
  readonly message: string;
  /** The operation, by its id and its number, as far as they are known. */
  readonly operation?: string;
  readonly seq?: number;
}

export interface Verification {
  /** How many operations are proved. */
  readonly operations: number;
  /** The newest operation, and the last one that was reached. */
  readonly newest: StoredOperation | undefined;
  readonly oldest: StoredOperation | undefined;
  /** What is wrong with the first link that is broken; empty if none is. */
  readonly problems: readonly BrokenLink[];
}

export interface VerifyOptions {
  /** The id (or its digest part, or the start of either) of an operation that is known: nothing before it is looked at. */
  readonly since?: string | undefined;
  /** Called now and then; may throw to stop. */
  readonly progress?: (operations: number) => void;
}

interface VerifySource {
  readonly objects: ObjectReader;
  readonly storage: Storage;
}

/** How long to work before others get a turn: an interrupt, a progress line. */
const TURN_MS = 50;

/** Returns what the log of a store proves. Throws OPERATION_UNKNOWN if `since` is no id, and what `progress` does. */
export async function verifyOperations(repo: VerifySource, options: VerifyOptions = {}): Promise<Verification> {
  return new Walk(repo, options).run();
}

interface Step {
  readonly operation: StoredOperation;
  readonly view: View;
}

class Walk {
  private readonly problems: BrokenLink[] = [];
  private operations = 0;
  private newest: StoredOperation | undefined;
  private oldest: StoredOperation | undefined;
  private refEntries = 0;

  constructor(
    private readonly repo: VerifySource,
    private readonly options: VerifyOptions,
  ) {}

  async run(): Promise<Verification> {
    const {since} = this.options;
    const isKnown = since === undefined ? undefined : namedBy(since);
    try {
      await this.walk(isKnown);
    } catch (error) {
      if (!isDbosError(error)) throw error;
      this.problem(error.message, undefined, error.code);
    }
    const {operations, newest, oldest, problems} = this;
    return {operations, newest, oldest, problems};
  }

  private problem(message: string, operation?: {readonly id: ObjectId; readonly seq: number}, code?: ErrorCode): void {
    this.problems.push({
      code: code ?? 'STORE_CORRUPT',
      message,
      ...(operation && {operation: formatId(operation.id), seq: operation.seq}),
    });
  }

  private async walk(isKnown: ((id: ObjectId) => boolean) | undefined): Promise<void> {
    const {since, progress} = this.options;
    const id = readCell(this.repo.storage);
    if (id === undefined) return this.problem('The store has lost its newest operation.');
    let step: Step | undefined = this.read(id, undefined);
    if (step === undefined) return;
    this.newest = step.operation;
    if (!(await this.checkNothingNewer(step.operation))) return;
    let turn = performance.now() + TURN_MS;
    for (;;) {
      const {operation}: Step = step;
      const known: boolean = isKnown?.(operation.id) ?? false;
      // what a known operation follows is vouched for by its id
      const parent: ObjectId | null = known ? null : operation.parent;
      const before: Step | undefined = parent === null ? undefined : this.read(parent, operation);
      if (parent !== null && before === undefined) return;
      if (known) this.checkEntries(operation, entriesOf(operation, undefined).slice(0, 1));
      else this.check(step, before);
      if (this.problems.length > 0) return;
      this.operations++;
      this.oldest = operation;
      if (before === undefined) {
        if (known || isKnown === undefined) return this.checkSizes(operation, known);
        return this.problem(
          `The log does not have the operation ${since}: it was removed, or the log was written anew.`,
          undefined,
          'OPERATION_UNKNOWN',
        );
      }
      step = before;
      if (performance.now() > turn) {
        progress?.(this.operations);
        await new Promise(resolve => setImmediate(resolve));
        turn = performance.now() + TURN_MS;
      }
    }
  }

  /** Returns an operation with its view, if both can be read; says so if not. `after` is the one that names it. */
  private read(id: ObjectId, after: StoredOperation | undefined): Step | undefined {
    let operation: StoredOperation | undefined;
    try {
      operation = readOperation(this.repo.objects, id);
      return {operation, view: readView(this.repo.objects, operation.view)};
    } catch (error) {
      if (!isDbosError(error)) throw error;
      const seq = operation?.seq ?? (after === undefined ? undefined : after.seq - 1);
      const which = seq === undefined ? 'The newest operation' : `Operation ${seq}`;
      const what = operation === undefined ? which : `The view of operation ${seq}`;
      this.problems.push({
        code: error.code,
        message: `${what} cannot be read: ${error.message}`,
        operation: formatId(id),
        ...(seq !== undefined && {seq}),
      });
      return undefined;
    }
  }

  /** Returns whether the indexes know of nothing after the newest operation. */
  private async checkNothingNewer({seq, id}: StoredOperation): Promise<boolean> {
    for await (const [key] of this.repo.storage.range({gte: operationKey(seq + 1), lt: OPERATION_KEYS.lt})) {
      this.problem(
        `The index knows operation ${seqOfKey(key)}, but the log ends with operation ${seq}: later ones were cut off.`,
        {id, seq},
      );
      return false;
    }
    return true;
  }

  /** Holds an operation against the one before it, its view and the indexes. */
  private check({operation, view}: Step, before: Step | undefined): void {
    const {objects} = this.repo;
    const {seq, headBefore} = operation;
    const wrong = (what: string) => this.problem(`Operation ${seq} is not as it was made: ${what}.`, operation);
    if (before !== undefined && before.operation.seq !== seq - 1) {
      wrong(`it follows operation ${before.operation.seq}`);
      return;
    }
    if (before !== undefined && before.operation.time > operation.time) wrong('it is older than the one before it');
    if (!sameHead(view.head, operation.headAfter)) wrong('its HEAD is not that of its view');
    if (before !== undefined && !(headBefore && sameHead(before.view.head, headBefore))) {
      wrong('the HEAD before it is not that of the view before');
    }
    try {
      const changes = [...diffRefs(objects, before?.view.refs ?? null, view.refs)];
      if (!sameChanges(changes, operation.refChanges)) wrong('the refs that it tells of are not those that moved');
      const entries = entriesOf(operation, headChange(objects, before?.view, view));
      this.refEntries += entries.length - 1;
      this.checkEntries(operation, entries);
    } catch (error) {
      if (!isDbosError(error)) throw error;
      this.problem(`The refs of operation ${seq} cannot be read: ${error.message}`, operation, error.code);
    }
  }

  private checkEntries(operation: StoredOperation, entries: readonly (readonly [string, Uint8Array])[]): void {
    for (const [key, value] of entries) {
      const found = this.repo.storage.get(key);
      if (found !== undefined && compareBytes(found, value) === 0) continue;
      const how = found === undefined ? 'is missing' : 'tells of another one';
      this.problem(`The index entry for ${describeKey(key)} ${how}.`, operation);
    }
  }

  /** Looks for entries of the indexes that no operation of the chain has made. */
  private async checkSizes({seq}: StoredOperation, isKnown: boolean): Promise<void> {
    const {storage} = this.repo;
    const first = isKnown ? seq + 1 : seq;
    let operations = 0;
    for await (const _entry of storage.range({gte: operationKey(seq), lt: OPERATION_KEYS.lt})) operations++;
    let refs = 0;
    for await (const [key, value] of storage.range(REF_KEYS)) if (decodeRefEntry(key, value).seq >= first) refs++;
    const compare = (name: string, count: number, expected: number) => {
      if (count === expected) return;
      this.problem(`The index of ${name} has ${count === 1 ? '1 entry' : `${count} entries`} instead of ${expected}.`);
    };
    compare('operations', operations, this.operations);
    compare('refs', refs, this.refEntries);
  }
}

/**
 * Returns what tells whether an id is the one that a text names: a whole id, or the first 12 characters or more of its digest
 * part. Throws OPERATION_UNKNOWN for any other text.
 */
function namedBy(text: string): (id: ObjectId) => boolean {
  const name = text.toLowerCase();
  const whole = parseId(name)?.id;
  if (whole !== undefined) return id => id === whole;
  if (/^[a-z2-7]{12,52}$/.test(name)) return id => digestText(id).startsWith(name);
  throw new DbosError('OPERATION_UNKNOWN', `'${text}' is not the id of an operation.`, {
    hint: 'Give the id as `dbos audit verify` or `dbos op show --json` has printed it, whole or from 12 characters on.',
    data: {operation: text},
  });
}
