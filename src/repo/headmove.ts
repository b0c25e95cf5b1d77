/**
 * How an operation makes HEAD's branch, or a detached HEAD, mean another commit. Layer: repo.
 */
import type {ObjectId} from '../objects/id.js';
import {branchRef} from './refs.js';
import type {Publication, RefEdit} from './transaction.js';
import type {Head} from './view.js';

/** Returns the part of a publication that moves HEAD's commit; `next` undefined leaves the branch without commits. */
export function headEdit(head: Head, next: ObjectId | undefined): Pick<Publication, 'refs' | 'head'> {
  if (head.branch === undefined) return next === undefined ? {} : {head: {detached: next}};
  const expected: RefEdit['expected'] =
    head.commit === undefined ? {kind: 'absent'} : {kind: 'equals', id: head.commit};
  return {refs: [{name: branchRef(head.branch), expected, next: next ?? null}]};
}
