/**
 * Which commits an operation moved refs between: what there is to compare when one asks what it changed. A ref that is made or
 * deleted is a name that comes or goes, and changes no row; except that a branch which HEAD is on begins without rows.
 * Layer: repo.
 */
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {Operation} from './operation.js';
import {branchRef, HEAD, type IndexedName, TRANSACTIONS} from './refs.js';
import {peel} from './tag.js';
import {type HeadTarget, sameHead} from './view.js';

/** A ref, or a detached HEAD, that came from one commit to another; null stands for none. */
export interface Move {
  readonly ref: IndexedName;
  readonly before: ObjectId | null;
  readonly after: ObjectId | null;
}

/** Returns what an operation moved, by ref, as it stands there: a tag may hold a tag object. */
export function movesOf({
  refChanges,
  headBefore,
  headAfter,
}: Pick<Operation, 'refChanges' | 'headBefore' | 'headAfter'>): Move[] {
  const moves: Move[] = [];
  if (headBefore !== null && 'detached' in headBefore && 'detached' in headAfter && !sameHead(headBefore, headAfter)) {
    moves.push({ref: HEAD, before: headBefore.detached, after: headAfter.detached});
  }
  for (const {name, before, after} of refChanges) {
    // what a transaction is at changes no row before it is committed
    if (name.startsWith(TRANSACTIONS)) continue;
    const began = before === null && headBefore !== null && isOn(headBefore, name);
    const ended = after === null && isOn(headAfter, name);
    if (began || ended || (before !== null && after !== null)) moves.push({ref: name, before, after});
  }
  return moves;
}

function isOn(head: HeadTarget, ref: IndexedName): boolean {
  return 'branch' in head && branchRef(head.branch) === ref;
}

/**
 * Returns what an operation moved and can have changed tables of: commits, and of an operation whose tables were counted only
 * the refs that such tables are of. Throws as `peel`.
 */
export function changingMoves(
  reader: ObjectReader,
  operation: Operation,
  isTable: (name: string) => boolean = () => true,
): Move[] {
  const {affected} = operation;
  const commitOf = (id: ObjectId | null) => id && peel(reader, id).id;
  const moves: Move[] = [];
  for (const {ref, before, after} of movesOf(operation)) {
    if (affected !== null && !affected.some(each => each.ref === ref && isTable(each.table))) continue;
    const move = {ref, before: commitOf(before), after: commitOf(after)};
    if (move.before !== move.after) moves.push(move);
  }
  return moves;
}
