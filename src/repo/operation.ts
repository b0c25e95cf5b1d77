/**
 * Operations: one for each change of a store, with the view that it left, who made it, when and with which command. They
 * form one chain; its newest is the only mutable thing in a store. Layer: repo.
 */
import {compareText} from '../bytes.js';
import {
  anyText,
  asAnyText,
  asArray,
  asCount,
  asFields,
  asId,
  asIdOrNull,
  asString,
  asWideInteger,
  decodeVersions,
  encodeObject,
  type Field,
  fieldOfId,
  fieldOfIdOrNull,
  invalid,
  wideInteger,
} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {asRefName, asRemoteName, HEAD, type IndexedName, type RefChange} from './refs.js';
import type {RemoteRename} from './remote-renames.js';
import {asTime, asZone} from './signature.js';
import {asHead, fieldOfHead, type HeadTarget} from './view.js';

/**
 * `init` makes the store; `undo`, `redo` and `restore` bring back an earlier view; `rollback` ends a transaction without
 * effect; `normal` is everything else.
 */
const OPERATION_KINDS = ['init', 'normal', 'undo', 'redo', 'restore', 'rollback'] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

/**
 * How an undo, redo or restore stands to earlier operations. The *position* of an operation is the one whose view it has:
 * itself, unless it is an undo or redo. What can be redone is a stack that runs through the undo operations.
 */
export interface UndoInfo {
  /** The operation that was undone, redone or restored. */
  readonly target: ObjectId;
  /** The position after an undo or redo; null for a restore, which is its own. */
  readonly position: ObjectId | null;
  /** The undo operation whose target is the next to redo after this one's; null if there is none. */
  readonly below: ObjectId | null;
}

/** How many rows of a table an operation changed, in the commits that a ref held before and after it. */
export interface AffectedTable {
  /** The ref that moved; HEAD if it is detached. */
  readonly ref: IndexedName;
  readonly table: string;
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
}

export interface Operation {
  /** 0 for the first operation, then one more each. */
  readonly seq: number;
  readonly parent: ObjectId | null;
  readonly view: ObjectId;
  /** Milliseconds since 1970; never before the parent's. */
  readonly time: number;
  /** Minutes east of UTC. */
  readonly zone: number;
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly command: string;
  readonly kind: OperationKind;
  /** What it did, in a few words; may be empty. */
  readonly description: string;
  readonly refChanges: readonly RefChange[];
  /** Null for the first operation. */
  readonly headBefore: HeadTarget | null;
  readonly headAfter: HeadTarget;
  /** For an undo, redo or restore; else null. */
  readonly undo: UndoInfo | null;
  /** The transaction that it belongs to, if it was made in one. */
  readonly transaction: string | null;
  /** The SQL that it ran, shortened; null if it ran none. */
  readonly sql: string | null;
  /** The tables that it changed, by ref and name; null if that was not counted, and can be told by comparing. */
  readonly affected: readonly AffectedTable[] | null;
  /** The remotes that have another name since, one after the other. */
  readonly remoteRenames: readonly RemoteRename[];
}

/** An operation with its id. */
export type StoredOperation = Operation & {readonly id: ObjectId};

/** How many fields each version has, from version 1 on. */
const FIELDS = [15, 18, 19];
/** The version of an operation that renames no remote: the same as ever, which earlier versions of this program read. */
const WITHOUT_RENAMES = 2;

/** Writes an operation and returns its id. */
export function writeOperation(sink: ObjectSink, operation: Operation): ObjectId {
  const {undo, affected, remoteRenames} = operation;
  const fields: Field[] = [
    wideInteger(operation.seq),
    fieldOfIdOrNull(operation.parent),
    fieldOfId(operation.view),
    wideInteger(operation.time),
    operation.zone,
    anyText(operation.user),
    anyText(operation.host),
    operation.pid,
    anyText(operation.command),
    OPERATION_KINDS.indexOf(operation.kind),
    anyText(operation.description),
    operation.refChanges.map(({name, before, after}): Field => [name, fieldOfIdOrNull(before), fieldOfIdOrNull(after)]),
    operation.headBefore && fieldOfHead(operation.headBefore),
    fieldOfHead(operation.headAfter),
    undo && [fieldOfId(undo.target), fieldOfIdOrNull(undo.position), fieldOfIdOrNull(undo.below)],
    operation.transaction,
    operation.sql === null ? null : anyText(operation.sql),
    affected?.map(({ref, table, added, modified, deleted}): Field => {
      return [ref, table, wideInteger(added), wideInteger(modified), wideInteger(deleted)];
    }) ?? null,
  ];
  if (remoteRenames.length === 0) return sink.put(encodeObject('operation', fields, WITHOUT_RENAMES));
  return sink.put(encodeObject('operation', [...fields, remoteRenames.map(({from, to}): Field => [from, to])]));
}

/** Returns the operation with this id. Throws OBJECT_MISSING, OBJECT_CORRUPT or OBJECT_INVALID. */
export function readOperation(reader: ObjectReader, id: ObjectId): StoredOperation {
  const {version, fields} = decodeVersions(reader.read(id), 'operation');
  if (fields.length !== FIELDS[version - 1]) throw invalid('is an operation with a wrong number of fields');
  const operation: StoredOperation = {
    id,
    seq: asCount(asWideInteger(fields[0])),
    parent: asIdOrNull(fields[1]),
    view: asId(fields[2]),
    time: asTime(fields[3]),
    zone: asZone(fields[4]),
    user: asAnyText(fields[5]),
    host: asAnyText(fields[6]),
    pid: asCount(fields[7]),
    command: asAnyText(fields[8]),
    kind: OPERATION_KINDS[asCount(fields[9], OPERATION_KINDS.length - 1)] as OperationKind,
    description: asAnyText(fields[10]),
    refChanges: asArray(fields[11]).map(asRefChange),
    headBefore: fields[12] === null ? null : asHead(fields[12]),
    headAfter: asHead(fields[13]),
    undo: fields[14] === null ? null : asUndoInfo(fields[14]),
    // what version 1 has not is not known
    transaction: fields[15] == null ? null : asString(fields[15]),
    sql: fields[16] == null ? null : asAnyText(fields[16]),
    affected: fields[17] == null ? null : asAffected(fields[17]),
    remoteRenames: version <= WITHOUT_RENAMES ? [] : asRenames(fields[18]),
  };
  const first = operation.seq === 0;
  if (first !== (operation.parent === null) || first !== (operation.kind === 'init')) {
    throw invalid('is an operation that does not know its place');
  }
  const {kind, undo} = operation;
  const moves = kind === 'undo' || kind === 'redo';
  if ((undo !== null) !== (moves || kind === 'restore') || (undo && (undo.position !== null) !== moves)) {
    throw invalid(`is an operation of kind ${kind} that does not say what it brought back`);
  }
  return operation;
}

function asRefChange(value: unknown): RefChange {
  const [name, before, after] = asFields(value, 3);
  return {name: asRefName(name), before: asIdOrNull(before), after: asIdOrNull(after)};
}

function asAffected(value: unknown): AffectedTable[] {
  const tables = asArray(value).map((entry): AffectedTable => {
    const [ref, table, ...counts] = asFields(entry, 5);
    const [added, modified, deleted] = counts.map(count => asCount(asWideInteger(count))) as [number, number, number];
    return {ref: ref === HEAD ? HEAD : asRefName(ref), table: asString(table), added, modified, deleted};
  });
  const ordered = tables.every((table, i) => i === 0 || compareAffected(tables[i - 1] as AffectedTable, table) < 0);
  if (!ordered) throw invalid('is an operation whose tables are not in order');
  return tables;
}

function asRenames(value: unknown): RemoteRename[] {
  const renames = asArray(value).map((entry): RemoteRename => {
    const [from, to] = asFields(entry, 2);
    return {from: asRemoteName(from), to: asRemoteName(to)};
  });
  if (renames.length === 0) throw invalid('is an operation of a version that it has no need of');
  return renames;
}

/** Returns how two tables stand in the list of an operation: by ref, then by name. */
export function compareAffected(a: AffectedTable, b: AffectedTable): number {
  return compareText(a.ref, b.ref) || compareText(a.table, b.table);
}

function asUndoInfo(value: unknown): UndoInfo {
  const [target, position, below] = asFields(value, 3);
  return {target: asId(target), position: asIdOrNull(position), below: asIdOrNull(below)};
}
