/**
 * Saves what a forced command is about to overwrite: an automatic commit of exactly those paths on top of HEAD, published
 * as an operation of its own. The command that follows moves HEAD back in its operation, so no branch keeps the automatic
 * commit, and `dbos undo` after it comes to the automatic commit: the branch and the files then have what was saved.
 * Layer: worktree.
 */
import type {ObjectId} from '../objects/id.js';
import {headEdit} from '../repo/headmove.js';
import type {StoredOperation} from '../repo/operation.js';
import type {Repository} from '../repo/repository.js';
import type {Publication, RefEdit} from '../repo/transaction.js';
import type {Head} from '../repo/view.js';
import {findFile} from '../state/files.js';
import {parentOf} from '../state/path.js';
import {writeFilesCommit} from './commitrecord.js';
import {placeOf, type WorkOptions} from './place.js';
import {affectedFiles, record} from './record.js';
import {Selection} from './selection.js';
import {wouldOverwrite} from './wouldoverwrite.js';

/** An automatic commit. */
export interface Saved {
  readonly commit: ObjectId;
  /** `dbos op restore` with it brings everything back, whatever came after. */
  readonly operation: StoredOperation;
  readonly paths: readonly string[];
}

/**
 * Commits paths of the work tree, ignored ones too. Throws WOULD_OVERWRITE if one of them cannot be saved (a socket, a
 * device, a store), FILE_UNREADABLE, FILE_CHANGING.
 */
export async function savePaths(repo: Repository, paths: readonly string[], options: WorkOptions): Promise<Saved> {
  const {root, store} = placeOf(repo);
  const head = repo.head();
  const include = new Set<string>();
  for (const path of paths) for (let at = path; at !== ''; at = parentOf(at)) include.add(at);
  const transaction = repo.begin();
  try {
    const {objects} = transaction;
    const base = repo.filesRoot(head.commit);
    const recording = await record({
      reader: objects,
      sink: objects,
      root,
      store,
      base,
      // the cached names are without those that are ignored
      cached: undefined,
      selection: new Selection(paths),
      include,
      skipUnreadable: false,
      ...options,
    });
    const lost = paths.filter(path => findFile(objects, recording.root, path) === undefined);
    if (lost.length > 0) throw wouldOverwrite(lost);
    const message = `Automatic commit before \`${repo.context.command}\``;
    const commit = await writeFilesCommit(objects, repo.context, {
      base: head.commit,
      files: recording.root,
      parents: head.commit === undefined ? [] : [head.commit],
      message,
      cause: 'save',
    });
    const operation = await transaction.publish({
      kind: 'normal',
      description: `save what \`${repo.context.command}\` would overwrite`,
      ...headEdit(head, commit),
      affected: affectedFiles(head, recording.changes),
    });
    return {commit, operation, paths};
  } finally {
    transaction.discard();
  }
}

/** Returns a publication that was planned before the save, so that it starts from what the save published and undoes its move of HEAD. */
export function afterSave(publication: Publication, before: Head, saved: Saved): Publication {
  const {refs: back = [], head} = headEdit({...before, commit: saved.commit}, before.commit);
  const refs: RefEdit[] = (publication.refs ?? []).map(edit => {
    const moved = back.find(({name}) => name === edit.name);
    return moved === undefined ? edit : {...edit, expected: moved.expected};
  });
  for (const edit of back) if (!refs.some(({name}) => name === edit.name)) refs.push(edit);
  const target = publication.head ?? head;
  const {affected: _, ...rest} = publication;
  return {...rest, refs, ...(target !== undefined && {head: target})};
}
