/**
 * Undo, redo and restore: each brings back the view of an earlier operation as a new operation, so each can itself be
 * undone. Writing parent(P) for the operation before P and position(O) for the operation whose view O has:
 *
 * 1. undo takes P = position(newest) back to the view of parent(P) and puts P on the redo stack
 * 2. redo takes the top P of the stack and brings back the view of P
 * 3. any other operation empties the stack; `restore` still reaches what was on it
 *
 * So undo and redo can be repeated and mixed, and redo after undo changes nothing. The stack is a linked list through the
 * undo operations, and every step costs O(1) reads. Layer: repo.
 */
import {DbosError} from '../errors.js';
import {type ObjectId, shortId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {type OperationKind, readOperation, type StoredOperation, type UndoInfo} from './operation.js';
import {diffRefs} from './refs.js';
import {type RemoteRename, reversedRenames} from './remote-renames.js';
import type {Publication} from './transaction.js';
import {type Head, headOf, readView, type View} from './view.js';

/** What an undo, redo or restore will do. The caller brings the work tree to `head`, then publishes. */
export interface UndoPlan {
  /** The operation that is undone, redone or restored. */
  readonly target: StoredOperation;
  /** The view that comes back. */
  readonly view: View;
  /** HEAD of that view. */
  readonly head: Head;
  /** What to publish; it fails with REF_MOVED if the store changed since the plan. */
  readonly publication: Publication;
}

interface UndoSource {
  readonly objects: ObjectReader;
  readonly operation: StoredOperation;
  readonly view: View;
}

/** Returns the operation whose view this one has. */
function positionOf(reader: ObjectReader, operation: StoredOperation): StoredOperation {
  const position = operation.undo?.position ?? null;
  return position === null ? operation : readOperation(reader, position);
}

/** Returns the undo operation that holds the top of the redo stack, or null if the stack is empty. */
function redoStack(operation: StoredOperation): ObjectId | null {
  if (operation.kind === 'undo') return operation.id;
  return operation.kind === 'redo' ? (operation.undo as UndoInfo).below : null;
}

/** Returns how to undo the newest operation that is not undone. Throws NOTHING_TO_UNDO. */
export function planUndo(repo: UndoSource): UndoPlan {
  const {objects, operation} = repo;
  const target = positionOf(objects, operation);
  if (target.parent === null) {
    throw new DbosError('NOTHING_TO_UNDO', 'There is nothing to undo: every operation is undone already.', {
      hint: 'Use `dbos redo` to bring back what was undone, or see `dbos op log`.',
    });
  }
  const parent = readOperation(objects, target.parent);
  const position = positionOf(objects, parent).id;
  const undo = {target: target.id, position, below: redoStack(operation)};
  return plan(repo, 'undo', target, parent, undo, reversedRenames(target.remoteRenames));
}

/** Returns how to redo what was undone last. Throws NOTHING_TO_REDO. */
export function planRedo(repo: UndoSource): UndoPlan {
  const {objects, operation} = repo;
  const top = redoStack(operation);
  const undone = top === null ? null : readOperation(objects, top).undo;
  if (undone === null) {
    throw new DbosError('NOTHING_TO_REDO', 'There is nothing to redo: the last operation was no undo.', {
      hint: 'Use `dbos op restore` to go back to any operation of `dbos op log`.',
    });
  }
  const target = readOperation(objects, undone.target);
  const undo = {target: target.id, position: target.id, below: undone.below};
  return plan(repo, 'redo', target, target, undo, target.remoteRenames);
}

/** Returns how to bring back the view that an operation left. */
export function planRestore(repo: UndoSource, target: StoredOperation): UndoPlan {
  const renames: RemoteRename[] = [];
  // each says what it did itself, undos and redos too
  for (let at = repo.operation; at.seq > target.seq; at = readOperation(repo.objects, at.parent as ObjectId)) {
    renames.push(...reversedRenames(at.remoteRenames));
  }
  return plan(repo, 'restore', target, target, {target: target.id, position: null, below: null}, renames);
}

function plan(
  repo: UndoSource,
  kind: OperationKind,
  target: StoredOperation,
  source: StoredOperation,
  undo: UndoInfo,
  remoteRenames: readonly RemoteRename[],
): UndoPlan {
  const {objects} = repo;
  const view = readView(objects, source.view);
  const refs = [...diffRefs(objects, repo.view.refs, view.refs)].map(({name, before, after}) => ({
    name,
    expected: before === null ? ({kind: 'absent'} as const) : ({kind: 'equals', id: before} as const),
    next: after,
  }));
  const what = target.description || target.command;
  const description = `${kind} ${shortId(target.id)}${what && `: ${what}`}`;
  const publication = {kind, description, refs, head: view.head, undo, remoteRenames};
  return {target, view, head: headOf(objects, view), publication};
}
