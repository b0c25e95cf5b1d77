/**
 * What somebody may do in a store that is reached over a network. A role says what can be done, patterns of branches where:
 * for reading as well as for writing. Pure functions; `StorePeer` asks them. Layer: sync.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {BRANCHES, type BranchName, type RefName, shortName, TAGS} from '../repo/refs.js';
import type {BranchPatterns} from './branch-patterns.js';
import type {PeerEdit} from './peer.js';

/** Each can do what those before it can: read; create branches and tags, move branches forward; move and delete any. */
export const ROLES = ['read', 'write', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface Rights {
  /** The name of the token; undefined for somebody who showed none. */
  readonly name: string | undefined;
  readonly role: Role;
  /** Undefined for all branches, and tags; else tags can only be read, where a branch leads to their commits. */
  readonly branches: BranchPatterns | undefined;
}

/** What a store that is open to the public gives to those without a token. */
export const ANYBODY: Rights = {name: undefined, role: 'read', branches: undefined};

/** Returns whether a branch is visible. */
export function maySee({branches}: Rights, branch: BranchName): boolean {
  return branches === undefined || branches.match(branch);
}

/** Throws ACCESS_DENIED, or TOKEN_REQUIRED for somebody without one, if nothing at all may be pushed. */
export function checkWriter({name, role}: Rights): void {
  if (role !== 'read') return;
  if (name === undefined) throw tokenRequired('Without a token this store can only be read.');
  throw denied(`The token '${name}' can only read this store.`, 'Ask for a token with the role write.');
}

/**
 * Throws ACCESS_DENIED unless all of the edits may be made, as far as that can be told without the store: `checkForward` must
 * follow. What lies outside the patterns is refused alike whether it exists or not.
 */
export function checkEdits(rights: Rights, edits: readonly PeerEdit[]): void {
  checkWriter(rights);
  const {name, role, branches} = rights;
  for (const {name: ref, expected, next} of edits) {
    const isBranch = ref.startsWith(BRANCHES);
    const short = shortName(ref);
    if (branches !== undefined && !(isBranch && branches.match(short as BranchName))) {
      throw denied(`The token '${name}' gives no access to '${short}'.`, 'Ask for a token with another --branch.', ref);
    }
    if (role === 'admin' || expected === null) continue;
    if (next === null || ref.startsWith(TAGS)) {
      const what = next === null ? 'delete' : 'move';
      throw denied(`The token '${name}' may not ${what} '${short}'.`, 'Ask for a token with the role admin.', ref);
    }
  }
}

/** Throws ACCESS_DENIED if a branch would lose commits and that is not allowed. `isForward` tells of two commits. */
export function checkForward(
  {name, role}: Rights,
  edits: readonly PeerEdit[],
  isForward: (before: ObjectId, after: ObjectId) => boolean,
): void {
  if (role === 'admin') return;
  for (const {name: ref, expected, next} of edits) {
    if (expected === null || next === null || isForward(expected, next)) continue;
    const message = `The token '${name}' may only move '${shortName(ref)}' forward.`;
    throw denied(message, 'Bring in what is there with `dbos pull`, or ask for a token with the role admin.', ref);
  }
}

/** Returns the error for somebody who must show a token. */
export function tokenRequired(message: string): DbosError {
  return new DbosError('TOKEN_REQUIRED', message, {
    hint: 'Keep one with `dbos login URL`, or set DBOS_TOKEN; `dbos token create` makes it where the store is.',
  });
}

function denied(message: string, hint: string, ref?: RefName): DbosError {
  return new DbosError('ACCESS_DENIED', message, {hint, ...(ref !== undefined && {data: {ref}})});
}
