/**
 * Open transactions as objects: what a transaction began from, the state that its statements have made so far, its savepoints
 * and what it has read. A ref names the newest object of each, so an open transaction is part of the view, lasts through
 * crashes and reboots, and changes by operations like everything else. Layer: repo.
 */
import {compareBytes, compareText} from '../bytes.js';
import {
  anyText,
  asAnyText,
  asArray,
  asBytes,
  asCount,
  asFields,
  asIdOrNull,
  asString,
  decodeVersions,
  encodeObject,
  type Field,
  fieldOfIdOrNull,
  invalid,
} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {asBranchName, type BranchName} from './refs.js';
import {asSignature, fieldOfSignature, type Signature} from './signature.js';

/** `snapshot`: it sees what was there when it began; `serializable`: and nothing that it has read may change until it commits. */
export const ISOLATIONS = ['snapshot', 'serializable'] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** A part of a table that was read: the rows of a range of keys. */
export interface ReadRange {
  /** The least key, included; null for none. */
  readonly gte: Uint8Array | null;
  /** The end, not included; null for none. */
  readonly lt: Uint8Array | null;
}

/**
 * Stands for all tables and views in what was read: what there is and what each of them is; with a range of all keys, their rows
 * too.
 */
export const WHOLE_STATE = '';

/** What was read of a table, at least what it is; ranges are in order and do not touch. */
export interface TableReads {
  readonly table: string;
  /** The rows with these keys. */
  readonly ranges: readonly ReadRange[];
  /** By index, in the order of their names: the rows with these entries. */
  readonly indexes: readonly IndexReads[];
}

export interface IndexReads {
  readonly index: string;
  /** At least one. */
  readonly ranges: readonly ReadRange[];
}

/** A state that the transaction can be brought back to. */
export interface TransactionSavepoint {
  readonly name: string;
  readonly state: ObjectId | null;
  /** Its statements until then, shortened. */
  readonly summary: string;
}

export interface OpenTransaction {
  /** The branch that it will be committed to. */
  readonly branch: BranchName;
  /** The commit that the branch held when it began; null before the first one. */
  readonly base: ObjectId | null;
  /** What its statements have made so far; null for nothing, before the first commit. */
  readonly state: ObjectId | null;
  /** Who began it, and when. */
  readonly author: Signature;
  /** The message of its commit; may be empty. */
  readonly message: string;
  readonly isolation: Isolation;
  /** Its statements so far, shortened; may be empty. */
  readonly summary: string;
  /** The oldest first; a name may be there more than once. */
  readonly savepoints: readonly TransactionSavepoint[];
  /** By table; empty where nothing has to be known of what it reads. */
  readonly reads: readonly TableReads[];
}

const FIELDS = 9;

/** Writes a transaction as it is, and returns its id. */
export function writeOpenTransaction(sink: ObjectSink, transaction: OpenTransaction): ObjectId {
  const {branch, base, state, author, message, isolation, summary, savepoints, reads} = transaction;
  return sink.put(
    encodeObject('transaction', [
      branch,
      fieldOfIdOrNull(base),
      fieldOfIdOrNull(state),
      fieldOfSignature(author),
      anyText(message),
      ISOLATIONS.indexOf(isolation),
      anyText(summary),
      savepoints.map(
        (savepoint): Field => [anyText(savepoint.name), fieldOfIdOrNull(savepoint.state), anyText(savepoint.summary)],
      ),
      reads.map(
        ({table, ranges, indexes}): Field => [
          table,
          ranges.map(fieldOfRange),
          indexes.map((each): Field => [each.index, each.ranges.map(fieldOfRange)]),
        ],
      ),
    ]),
  );
}

function fieldOfRange({gte, lt}: ReadRange): Field {
  return [gte, lt];
}

/** Returns the transaction with this id. Throws OBJECT_MISSING, OBJECT_CORRUPT or OBJECT_INVALID. */
export function readOpenTransaction(reader: ObjectReader, id: ObjectId): OpenTransaction {
  const {version, fields} = decodeVersions(reader.read(id), 'transaction');
  if (fields.length !== FIELDS) throw invalid('is a transaction with a wrong number of fields');
  const reads = asArray(fields[8]).map(version === 1 ? asWholeReads : asTableReads);
  checkOrder(reads.map(({table}) => table));
  return {
    branch: asBranchName(fields[0]),
    base: asIdOrNull(fields[1]),
    state: asIdOrNull(fields[2]),
    author: asSignature(fields[3]),
    message: asAnyText(fields[4]),
    isolation: ISOLATIONS[asCount(fields[5], ISOLATIONS.length - 1)] as Isolation,
    summary: asAnyText(fields[6]),
    savepoints: asArray(fields[7]).map((entry): TransactionSavepoint => {
      const [name, state, summary] = asFields(entry, 3);
      return {name: asAnyText(name), state: asIdOrNull(state), summary: asAnyText(summary)};
    }),
    reads,
  };
}

function checkOrder(names: readonly string[]): void {
  for (let i = 1; i < names.length; i++) {
    if (compareText(names[i - 1] as string, names[i] as string) < 0) continue;
    throw invalid('is a transaction whose reads are not in order');
  }
}

/** Reads of version 1, which knows of no indexes. */
function asWholeReads(value: unknown): TableReads {
  const [table, list] = asFields(value, 2);
  const ranges = asRanges(list);
  if (ranges.length === 0) throw invalid('is a transaction that read nothing of a table');
  return {table: asString(table), ranges, indexes: []};
}

function asTableReads(value: unknown): TableReads {
  const [table, ranges, list] = asFields(value, 3);
  const indexes = asArray(list).map((entry): IndexReads => {
    const [index, parts] = asFields(entry, 2);
    return {index: asString(index), ranges: asRanges(parts)};
  });
  checkOrder(indexes.map(({index}) => index));
  if (indexes.some(each => each.ranges.length === 0)) throw invalid('is a transaction that read nothing of an index');
  return {table: asString(table), ranges: asRanges(ranges), indexes};
}

function asRanges(value: unknown): ReadRange[] {
  const ranges = asArray(value).map((entry): ReadRange => {
    const [gte, lt] = asFields(entry, 2);
    return {gte: gte === null ? null : asBytes(gte), lt: lt === null ? null : asBytes(lt)};
  });
  for (const [i, {gte, lt}] of ranges.entries()) {
    const end = i === 0 ? undefined : (ranges[i - 1] as ReadRange).lt;
    const inOrder = end === undefined || (end !== null && gte !== null && compareBytes(end, gte) < 0);
    if (!inOrder || (gte && lt && compareBytes(gte, lt) >= 0)) {
      throw invalid('is a transaction with a range that is none');
    }
  }
  return ranges;
}
