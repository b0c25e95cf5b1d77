/** Tells revisions from paths where no `--` stands between them. Layer: cli. */
import {lstatSync} from 'node:fs';
import {resolve} from 'node:path';
import {DbosError, isDbosError} from '../errors.js';
import type {Repository} from '../repo/repository.js';
import {resolveRevision} from '../repo/revisions.js';
import {hasPath} from './commit-changes.js';
import {statePath} from './paths.js';

export interface RevisionWords {
  readonly revisions: readonly string[];
  /** As they were typed. */
  readonly paths: readonly string[];
}

/**
 * Returns which of the words of a command are revisions or ranges, and which the paths that follow them: those behind `--`, or without it
 * (`behind` is undefined) the first word that is no revision, but the path of something in the work tree or in HEAD, and all
 * after it. What is both is a revision. Throws USAGE for a word after a path that is none.
 */
export async function splitWords(
  repo: Repository,
  directory: string,
  words: readonly string[],
  behind: readonly string[] | undefined,
): Promise<RevisionWords> {
  if (behind !== undefined) return {revisions: words, paths: behind};
  for (const [at, word] of words.entries()) {
    if (!isPath(repo, directory, word) || (await isRevision(repo, word))) continue;
    const paths = words.slice(at);
    const other = paths.find(path => !isPath(repo, directory, path));
    if (other === undefined) return {revisions: words.slice(0, at), paths};
    throw new DbosError('USAGE', `'${word}' is a path, and '${other}' after it is not.`, {
      hint: 'Name revisions first, then paths; write `--` between them for paths that are not there any more.',
      data: {path: word, word: other},
    });
  }
  return {revisions: words, paths: []};
}

/** Returns whether a word is the path of something that is in the work tree, or in HEAD. */
function isPath(repo: Repository, directory: string, word: string): boolean {
  const {location} = repo;
  let path: string;
  try {
    path = statePath(location, directory, word);
  } catch (error) {
    if (isDbosError(error, 'PATH_INVALID')) return false;
    throw error;
  }
  const isThere = (file: string) => lstatSync(file, {throwIfNoEntry: false}) !== undefined;
  if (location.workTree !== undefined && isThere(resolve(directory, word))) return true;
  return hasPath(repo, repo.filesRoot(repo.head().commit), path);
}

async function isRevision(repo: Repository, word: string): Promise<boolean> {
  const [, left, , right] = /^(.*?)(\.\.\.?)(?!\.)(.*)$/.exec(word) ?? [undefined, word];
  try {
    for (const side of [left, right]) if (side) await resolveRevision(repo, side);
    return true;
  } catch (error) {
    if (isDbosError(error)) return false;
    throw error;
  }
}
