/**
 * Transactions: one change of a store. Objects are staged, may be made durable while still invisible, and one synced
 * batch publishes everything: the operation, its view, the indexes and the cell. Killed at any moment the store shows the
 * view before or the view after. Layer: repo.
 */
import {compareText} from '../bytes.js';
import {DbosError} from '../errors.js';
import {formatId, type ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {ObjectWriter} from '../objects/store.js';
import type {StorageWriter} from '../storage/storage.js';
import type {RepoContext} from './context.js';
import {stageIndexes} from './indexes.js';
import {movesOf} from './moves.js';
import {
  type AffectedTable,
  compareAffected,
  type OperationKind,
  type StoredOperation,
  type UndoInfo,
  writeOperation,
} from './operation.js';
import {branchRef, changeRefs, findRef, type RefChange, type RefName, shortName} from './refs.js';
import type {RemoteRename} from './remote-renames.js';
import {maskSql, maskText} from './secrets.js';
import {type HistorySource, stageShallow} from './shallow.js';
import {type Head, type HeadTarget, headOf, sameHead, type View, writeView} from './view.js';

/** What a ref must hold for an edit to be made. */
export type Expected =
  | {readonly kind: 'any'}
  | {readonly kind: 'absent'}
  | {readonly kind: 'equals'; readonly id: ObjectId};

export interface RefEdit {
  readonly name: RefName;
  readonly expected: Expected;
  /** What it holds afterwards; null deletes it. */
  readonly next: ObjectId | null;
}

/** What an operation does. What is left out stays as it is. */
export interface Publication {
  readonly kind: OperationKind;
  /** What it does, in a few words, for the operation log. */
  readonly description?: string;
  /** Each ref at most once. */
  readonly refs?: readonly RefEdit[];
  readonly head?: HeadTarget;
  readonly undo?: UndoInfo;
  /** Remotes that get another name in the settings of the store. */
  readonly remoteRenames?: readonly RemoteRename[];
  /** The transaction that it belongs to. */
  readonly transaction?: string;
  /** The SQL that is run, whole. */
  readonly sql?: string;
  /**
   * The tables that it changes, with exactly the counts that comparing the commits of each ref would give. Left out where
   * nobody knows them without comparing: whoever asks compares.
   */
  readonly affected?: readonly AffectedTable[];
}

/** Publishes what is staged, as `Transaction.publish` does; where there is a work tree, so that it follows. */
export type Publish = (transaction: Transaction, publication: Publication) => Promise<StoredOperation>;

/** The newest operation and its view. */
export interface Tip {
  readonly operation: StoredOperation;
  readonly view: View;
}

/** Operations record at most this many characters of a command line, and of SQL. */
const MAX_COMMAND = 8192;

/** What a transaction needs of its repository. */
interface Host {
  readonly context: RepoContext;
  /** Returns the newest operation at this moment. */
  tip(): Tip;
  /** Throws REMOTE_EXISTS if remotes cannot be renamed so. */
  checkRenames(renames: readonly RemoteRename[]): void;
  /** Takes note of the operation that was just published, and brings the settings to what it says of them. */
  advance(tip: Tip): void;
  /** Returns the shallow commits of the store. */
  shallow(): ReadonlySet<ObjectId>;
  /** Takes note of the shallow commits that were just made durable. */
  reshape(shallow: ReadonlySet<ObjectId>): void;
}

export class Transaction implements HistorySource {
  /** Stages objects; its reads see them. */
  readonly objects: ObjectSink;
  private open = true;
  private stagedShallow: ReadonlySet<ObjectId> | undefined;

  constructor(
    private readonly host: Host,
    private readonly writer: StorageWriter,
  ) {
    this.objects = new ObjectWriter(writer);
  }

  /** Returns how many bytes are staged in memory; `flush` empties it. */
  get stagedBytes(): number {
    return this.writer.stagedBytes;
  }

  /** The shallow commits of the store, or those that are staged instead. */
  get shallow(): ReadonlySet<ObjectId> {
    return this.stagedShallow ?? this.host.shallow();
  }

  /** Stages which commits of the store are shallow from here on; they become durable with the objects that are staged. */
  setShallow(commits: ReadonlySet<ObjectId>): void {
    this.checkOpen();
    stageShallow(this.writer, commits);
    this.stagedShallow = commits;
  }

  /** Makes the staged objects durable; nothing becomes visible. Throws STORE_FULL or STORE_IO. */
  async flush(): Promise<void> {
    this.checkOpen();
    await this.commit();
  }

  /** Returns what HEAD comes to once this is published. Throws REF_MOVED and REMOTE_EXISTS as `publish` does. */
  headAfter({head, refs = [], remoteRenames = []}: Publication): Head {
    const {view} = this.host.tip();
    this.host.checkRenames(remoteRenames);
    const changes = changesOf(this.objects, view, refs);
    const target = head ?? view.head;
    if ('detached' in target) return {branch: undefined, commit: target.detached};
    const name = branchRef(target.branch);
    const change = changes.find(each => each.name === name);
    const commit = change === undefined ? findRef(this.objects, view.refs, name) : change.after;
    return {branch: target.branch, commit: commit ?? undefined};
  }

  /**
   * Writes the staged objects and the operation, durably and at once, and returns it; the transaction is over then.
   * Throws REF_MOVED if a ref does not hold what its edit expects, REMOTE_EXISTS if a remote has the new name of another, STORE_FULL
   * or STORE_IO; then nothing has changed, unless it was the settings that could not be written.
   */
  async publish(publication: Publication): Promise<StoredOperation> {
    this.checkOpen();
    this.open = false;
    try {
      this.host.checkRenames(publication.remoteRenames ?? []);
      const tip = stagePublication(this.writer, this.objects, this.host.context, this.host.tip(), publication);
      await this.commit();
      this.host.advance(tip);
      return tip.operation;
    } catch (error) {
      this.writer.discard();
      throw error;
    }
  }

  /** Forgets what is staged and not yet flushed. Does nothing after `publish`. */
  discard(): void {
    if (!this.open) return;
    this.open = false;
    this.writer.discard();
  }

  private async commit(): Promise<void> {
    await this.writer.commit();
    if (this.stagedShallow !== undefined) this.host.reshape(this.stagedShallow);
  }

  private checkOpen(): void {
    if (!this.open) throw new TypeError('the transaction is over');
  }
}

/** Stages an operation on top of `base` (none for the first one, which needs a head), and returns what will be the tip. */
export function stagePublication(
  writer: StorageWriter,
  objects: ObjectSink,
  context: RepoContext,
  base: Tip | undefined,
  publication: Publication,
): Tip {
  const before = base?.view;
  const head = publication.head ?? before?.head;
  if (head === undefined) throw new TypeError('the first operation needs a head');
  if ('detached' in head && !objects.has(head.detached)) throw new TypeError('HEAD would mean a missing commit');
  const refChanges = changesOf(objects, before, publication.refs ?? []);
  const view: View = {refs: changeRefs(objects, before?.refs ?? null, refChanges), head};

  const now = context.now();
  const content = {
    seq: base ? base.operation.seq + 1 : 0,
    parent: base?.operation.id ?? null,
    view: writeView(objects, view),
    // lookups by time search the chain, so a clock that was set back must not show in it
    time: Math.trunc(base ? Math.max(now, base.operation.time) : now),
    zone: Math.trunc(context.zone(now)) + 0,
    user: context.user,
    host: context.host,
    pid: context.pid,
    command: shorten(context.command),
    kind: publication.kind,
    description: maskText(publication.description ?? ''),
    refChanges,
    headBefore: before?.head ?? null,
    headAfter: head,
    undo: publication.undo ?? null,
    transaction: publication.transaction ?? null,
    sql: publication.sql === undefined ? null : shorten(maskSql(publication.sql)),
    affected: affectedOf(publication, {refChanges, headBefore: before?.head ?? null, headAfter: head}),
    remoteRenames: publication.remoteRenames ?? [],
  };
  const operation = {id: writeOperation(objects, content), ...content};
  stageIndexes(writer, operation, headChange(objects, before, view));
  return {operation, view};
}

function affectedOf({affected}: Publication, change: Parameters<typeof movesOf>[0]): readonly AffectedTable[] | null {
  if (affected !== undefined) return affected.toSorted(compareAffected);
  return movesOf(change).length === 0 ? [] : null;
}

function shorten(text: string): string {
  if (text.length <= MAX_COMMAND) return text;
  // not between the halves of a character, which would leave text that has no bytes
  const end = (text.charCodeAt(MAX_COMMAND - 1) & 0xfc00) === 0xd800 ? MAX_COMMAND - 1 : MAX_COMMAND;
  return `${text.slice(0, end)}…`;
}

/**
 * Returns the commit (null for none) that HEAD came to between two views, or undefined if neither it nor what HEAD means
 * changed: what the index holds for HEAD.
 */
export function headChange(reader: ObjectReader, before: View | undefined, after: View): ObjectId | null | undefined {
  const next = headOf(reader, after).commit ?? null;
  if (before === undefined) return next;
  const last = headOf(reader, before).commit ?? null;
  return next !== last || !sameHead(before.head, after.head) ? next : undefined;
}

function changesOf(objects: ObjectSink, view: View | undefined, edits: readonly RefEdit[]): RefChange[] {
  const changes: RefChange[] = [];
  const seen = new Set<RefName>();
  for (const {name, expected, next} of edits) {
    if (seen.has(name)) throw new TypeError(`two edits of ${name} in one operation`);
    seen.add(name);
    const before = findRef(objects, view?.refs ?? null, name) ?? null;
    const holds = expected.kind === 'any' || before === (expected.kind === 'absent' ? null : expected.id);
    if (!holds) throw moved(name, before);
    if (next !== null && !objects.has(next)) throw new TypeError(`${name} would name a missing object`);
    if (next !== before) changes.push({name, before, after: next});
  }
  return changes.sort((a, b) => compareText(a.name, b.name));
}

function moved(name: RefName, found: ObjectId | null): DbosError {
  return new DbosError('REF_MOVED', `'${shortName(name)}' was changed by another command meanwhile.`, {
    hint: 'Look at `dbos op log`, then run the command again.',
    data: {ref: name, found: found && formatId(found)},
  });
}
