/**
 * Views: what a store shows at one moment, that is every ref and what HEAD means. An operation leads from one view to the
 * next. Layer: repo.
 */
import {
  asArray,
  asCount,
  asId,
  asIdOrNull,
  decodeObject,
  encodeObject,
  type Field,
  fieldOfId,
  fieldOfIdOrNull,
  invalid,
} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import type {TreeRoot} from '../tree/spec.js';
import {asBranchName, type BranchName, branchRef, findRef} from './refs.js';

/** What HEAD means: a branch (which may have no commit yet), or one commit. */
export type HeadTarget = {readonly branch: BranchName} | {readonly detached: ObjectId};

export interface View {
  /** The tree of refs. */
  readonly refs: TreeRoot;
  readonly head: HeadTarget;
}

/** HEAD with the commit that it comes to. */
export interface Head {
  /** Undefined if HEAD is detached. */
  readonly branch: BranchName | undefined;
  /** Undefined if the branch has no commit yet. */
  readonly commit: ObjectId | undefined;
}

export function fieldOfHead(head: HeadTarget): Field {
  return 'branch' in head ? [0, head.branch] : [1, fieldOfId(head.detached)];
}

/** Returns the head of a field. Throws OBJECT_INVALID. */
export function asHead(value: unknown): HeadTarget {
  const [kind, target, ...rest] = asArray(value);
  if (rest.length > 0) throw invalid('has a malformed head');
  return asCount(kind, 1) === 0 ? {branch: asBranchName(target)} : {detached: asId(target)};
}

/** Returns whether two heads mean the same branch or the same commit. */
export function sameHead(a: HeadTarget, b: HeadTarget): boolean {
  return 'branch' in a ? 'branch' in b && a.branch === b.branch : 'detached' in b && a.detached === b.detached;
}

/** Writes a view and returns its id. */
export function writeView(sink: ObjectSink, view: View): ObjectId {
  return sink.put(encodeObject('view', [fieldOfIdOrNull(view.refs), fieldOfHead(view.head)]));
}

/** Returns the view with this id. Throws OBJECT_MISSING, OBJECT_CORRUPT or OBJECT_INVALID. */
export function readView(reader: ObjectReader, id: ObjectId): View {
  const fields = decodeObject(reader.read(id), 'view');
  if (fields.length !== 2) throw invalid('is a view with a wrong number of fields');
  return {refs: asIdOrNull(fields[0]), head: asHead(fields[1])};
}

/** Returns what HEAD comes to in a view. */
export function headOf(reader: ObjectReader, view: View): Head {
  if ('detached' in view.head) return {branch: undefined, commit: view.head.detached};
  const {branch} = view.head;
  return {branch, commit: findRef(reader, view.refs, branchRef(branch))};
}
