/**
 * Refs: names for commits. A view keeps them as a prolly tree of name → id, so a change among many costs a path through
 * the tree. Full names are `branches/NAME`, `tags/NAME` and `remotes/REMOTE/BRANCH`; the rules for names are those of git's
 * check-ref-format.
 * Layer: repo.
 */
import {encodeText, isWellFormed} from '../bytes.js';
import {DbosError} from '../errors.js';
import {asBytes, asId, invalid} from '../objects/codec.js';
import {idToBytes, type ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {diffTrees} from '../tree/diff.js';
import {editTree} from '../tree/edit.js';
import {encodeKey} from '../tree/key.js';
import {getRow, scanRows} from '../tree/read.js';
import type {TreeRoot, TreeSpec} from '../tree/spec.js';

declare const refBrand: unique symbol;
declare const branchBrand: unique symbol;

declare const remoteBrand: unique symbol;

/** The full name of a ref: `branches/main`, `tags/v1`. */
export type RefName = string & {readonly [refBrand]: true};

/** The name of a branch without its folder: `main`. */
export type BranchName = string & {readonly [branchBrand]: true};

/** The name of a remote: `origin`. */
export type RemoteName = string & {readonly [remoteBrand]: true};

/** The name of HEAD, where it stands among refs. */
export const HEAD = 'HEAD';

/** What has a history: a ref, or HEAD. */
export type IndexedName = RefName | typeof HEAD;

export const BRANCHES = 'branches/';
export const TAGS = 'tags/';
/** The folder of what branches of other stores held when they were last looked at: `remotes/origin/main`. */
export const REMOTES = 'remotes/';
/** What was fetched last from a URL stands where the branches of a remote of this name would: `remotes/FETCH_HEAD/main`. */
export const FETCH_HEAD = 'FETCH_HEAD' as RemoteName;
/** The folder of open transactions, which are refs to what each is at the moment. */
export const TRANSACTIONS = 'transactions/';

/** All folders; all but the last hold commits. */
const FOLDERS = [BRANCHES, TAGS, REMOTES, TRANSACTIONS];

const MAX_NAME_BYTES = 255;

const FORBIDDEN = /[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(\/|$)/;

/** Returns why a name cannot be that of a branch or tag, or undefined if it can. */
function refNameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name === '@' || name === 'HEAD') return 'it means the current commit';
  if (name.startsWith('-')) return "it starts with '-', like an option";
  if (name.startsWith('/') || name.endsWith('/')) return "it starts or ends with '/'";
  if (name.startsWith('.') || name.endsWith('.')) return "it starts or ends with '.'";
  if (!isWellFormed(name)) return 'it is not valid UTF-8';
  if (encodeText(name).length > MAX_NAME_BYTES) return `it is longer than ${MAX_NAME_BYTES} bytes`;
  const found = FORBIDDEN.exec(name)?.[0];
  if (found === undefined) return undefined;
  if (found.startsWith('.lock')) return "a part of it ends with '.lock'";
  if (found === '/.') return "a part of it starts with '.'";
  return `it contains ${JSON.stringify(found)}`;
}

function checkName(kind: 'branch' | 'tag' | 'remote', name: string): void {
  const problem = refNameProblem(name);
  if (problem === undefined) return;
  throw new DbosError('REF_NAME_INVALID', `${JSON.stringify(name)} cannot name a ${kind}: ${problem}.`, {
    hint: 'Use letters, digits, and - _ . / between them.',
    data: {name},
  });
}

/** Returns the name as that of a branch. Throws REF_NAME_INVALID. */
export function branchName(name: string): BranchName {
  checkName('branch', name);
  return name as BranchName;
}

/** Returns the ref of a branch. */
export function branchRef(name: BranchName): RefName {
  return `${BRANCHES}${name}` as RefName;
}

/** Returns the ref of a tag. Throws REF_NAME_INVALID. */
export function tagRef(name: string): RefName {
  checkName('tag', name);
  return `${TAGS}${name}` as RefName;
}

/** Returns the ref of a branch of a remote. Throws REF_NAME_INVALID if both together are too long. */
export function remoteRef(remote: RemoteName, branch: BranchName): RefName {
  checkName('branch', `${remote}/${branch}`);
  return `${REMOTES}${remote}/${branch}` as RefName;
}

/** Returns the name as that of a remote: one part, so that what follows it is the branch. Throws REF_NAME_INVALID. */
export function remoteName(name: string): RemoteName {
  checkName('remote', name);
  if (name.includes('/')) {
    throw new DbosError('REF_NAME_INVALID', `${JSON.stringify(name)} cannot name a remote: it contains '/'.`, {
      hint: 'Use letters, digits, and - _ . between them.',
      data: {name},
    });
  }
  return name as RemoteName;
}

/** Returns the name as people write it: `main` for `branches/main`. */
export function shortName(ref: string): string {
  const folder = FOLDERS.find(each => ref.startsWith(each));
  return folder === undefined ? ref : ref.slice(folder.length);
}

/** Returns the text as a full ref name, or undefined if it is none. */
export function findRefName(text: string): RefName | undefined {
  const folder = FOLDERS.find(each => text.startsWith(each));
  return folder !== undefined && refNameProblem(text.slice(folder.length)) === undefined
    ? (text as RefName)
    : undefined;
}

/** Returns the ref name of a field. Throws OBJECT_INVALID. */
export function asRefName(value: unknown): RefName {
  const name = typeof value === 'string' ? findRefName(value) : undefined;
  if (name === undefined) throw invalid('has an impossible ref name');
  return name;
}

/** Returns the branch name of a field. Throws OBJECT_INVALID. */
export function asBranchName(value: unknown): BranchName {
  if (typeof value !== 'string' || refNameProblem(value) !== undefined) throw invalid('has an impossible branch name');
  return value as BranchName;
}

/** Returns the name of a remote of a field. Throws OBJECT_INVALID. */
export function asRemoteName(value: unknown): RemoteName {
  if (typeof value !== 'string' || refNameProblem(value) !== undefined || value.includes('/')) {
    throw invalid('has an impossible name of a remote');
  }
  return value as RemoteName;
}

export const REFS_SPEC: TreeSpec = {
  keys: [{collation: 'binary', descending: false}],
  columns: 2,
  leafRows: 64,
  innerRows: 64,
};

export interface Ref {
  readonly name: RefName;
  /** A commit, or a tag object. */
  readonly id: ObjectId;
}

/** Returns what a ref holds, or undefined if it does not exist. */
export function findRef(reader: ObjectReader, refs: TreeRoot, name: RefName): ObjectId | undefined {
  const row = getRow(reader, REFS_SPEC, refs, encodeKey(REFS_SPEC, [name]));
  return row && asId(asBytes(row[1]));
}

/** Yields the refs whose name starts with a folder (`branches/`, `tags/`), or those of all folders that hold commits, by name. */
export function* listRefs(reader: ObjectReader, refs: TreeRoot, folder?: string): Generator<Ref> {
  if (folder === undefined) {
    yield* listRefs(reader, refs, BRANCHES);
    yield* listRefs(reader, refs, TAGS);
    return;
  }
  // '0' is the character after '/'
  const range = {gte: encodeKey(REFS_SPEC, [folder]), lt: encodeKey(REFS_SPEC, [`${folder.slice(0, -1)}0`])};
  for (const row of scanRows(reader, REFS_SPEC, refs, range)) yield {name: asRefName(row[0]), id: asId(row[1])};
}

/** A change of one ref; null stands for none. */
export interface RefChange {
  readonly name: RefName;
  readonly before: ObjectId | null;
  readonly after: ObjectId | null;
}

/** Returns whether two lists tell of the same changes. */
export function sameChanges(a: readonly RefChange[], b: readonly RefChange[]): boolean {
  return (
    a.length === b.length &&
    a.every((change, i) => {
      const other = b[i] as RefChange;
      return change.name === other.name && change.before === other.before && change.after === other.after;
    })
  );
}

/** Returns the refs after the changes, each name at most once. */
export function changeRefs(sink: ObjectSink, refs: TreeRoot, changes: readonly RefChange[]): TreeRoot {
  const edits = changes.map(({name, after}) => ({
    key: encodeKey(REFS_SPEC, [name]),
    row: after === null ? null : [name, idToBytes(after)],
  }));
  edits.sort((a, b) => Buffer.compare(a.key, b.key));
  return editTree(sink, REFS_SPEC, refs, edits);
}

/** Yields the refs that differ between two views, by name. */
export function* diffRefs(reader: ObjectReader, a: TreeRoot, b: TreeRoot): Generator<RefChange> {
  for (const {before, after} of diffTrees(reader, REFS_SPEC, a, b)) {
    yield {
      name: asRefName((after ?? before)?.[0]),
      before: before ? asId(before[1]) : null,
      after: after ? asId(after[1]) : null,
    };
  }
}
