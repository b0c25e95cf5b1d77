/**
 * The names in the store that the shell completes: branches, tags, revisions, tracked paths, tables, settings,
 * operations. Guarantee: where there is no store, or another process keeps it, there are none, soon and without an error.
 * Layer: cli.
 */
import {isDbosError} from '../errors.js';
import {shortId} from '../objects/id.js';
import {listBranches} from '../repo/branches.js';
import {SETTINGS} from '../repo/config.js';
import type {RepoContext} from '../repo/context.js';
import {findStore} from '../repo/location.js';
import {listOperations} from '../repo/operations.js';
import {listRefs, REMOTES, shortName, TRANSACTIONS} from '../repo/refs.js';
import {Repository} from '../repo/repository.js';
import {listTags} from '../repo/tags.js';
import {directoryRange, FILES_TABLE, scanFiles} from '../state/files.js';
import {nameOf} from '../state/path.js';
import {readState} from '../state/state.js';
import type {Candidate, CompletionKind, NameSource} from './complete.js';
import {operationSubject} from './operation-text.js';
import {statePath} from './paths.js';
import {stateOf} from './table-changes.js';

/** Nobody waits longer for the Tab key. */
const LOCK_TIMEOUT_MS = 300;
const MAX_OPERATIONS = 30;
const MAX_PATHS = 1000;

/** Returns the names of the nearest store of a directory. */
export function storeNames(directory: string, context: RepoContext): NameSource {
  return async (kind, prefix) => {
    if (kind === 'setting') return settings(prefix);
    try {
      const repository = await Repository.open(findStore(directory), {...context, lockTimeout: LOCK_TIMEOUT_MS});
      try {
        return [...namesOf(repository, directory, kind, prefix)];
      } finally {
        await repository.close();
      }
    } catch (error) {
      if (isDbosError(error)) return [];
      throw error;
    }
  };
}

function settings(prefix: string): Candidate[] {
  return Object.entries(SETTINGS)
    .filter(([key]) => key.startsWith(prefix))
    .map(([value, {about}]) => ({value, description: about}));
}

function* namesOf(
  repository: Repository,
  directory: string,
  kind: CompletionKind,
  prefix: string,
): Generator<Candidate> {
  if (kind === 'tracked') yield* trackedPaths(repository, directory, prefix);
  else if (kind === 'table') yield* tables(repository, prefix);
  else if (kind === 'remote') yield* remotes(repository, prefix);
  else if (kind === 'transaction') yield* transactions(repository, prefix);
  else if (kind === 'operation') yield* operations(repository, prefix);
  else {
    // of a range the part after the dots is completed
    const range = kind === 'revision' ? (/^.*\.\.\.?/.exec(prefix)?.[0] ?? '') : '';
    const start = prefix.slice(range.length);
    for (const name of refNames(repository, kind)) if (name.startsWith(start)) yield {value: `${range}${name}`};
  }
}

function* refNames(repository: Repository, kind: CompletionKind): Generator<string> {
  if (kind === 'revision') yield 'HEAD';
  if (kind !== 'tag') for (const {name} of listBranches(repository)) yield name;
  if (kind !== 'branch') for (const {name} of listTags(repository)) yield name;
  if (kind === 'revision') {
    for (const {name} of listRefs(repository.objects, repository.view.refs, REMOTES)) yield shortName(name);
  }
}

function* remotes({config}: Repository, prefix: string): Generator<Candidate> {
  for (const [value, description] of config.record('remotes')) if (value.startsWith(prefix)) yield {value, description};
}

function* transactions({objects, view}: Repository, prefix: string): Generator<Candidate> {
  for (const {name} of listRefs(objects, view.refs, TRANSACTIONS)) {
    const value = shortName(name);
    if (value.startsWith(prefix)) yield {value};
  }
}

function* operations(repository: Repository, prefix: string): Generator<Candidate> {
  let back = 0;
  for (const operation of listOperations(repository)) {
    const relative = back === 0 ? '@' : `@~${back}`;
    const value = prefix === '' || prefix.startsWith('@') ? relative : shortId(operation.id);
    if (value.startsWith(prefix)) yield {value, description: operationSubject(operation)};
    if (++back === MAX_OPERATIONS) return;
  }
}

function* tables(repository: Repository, prefix: string): Generator<Candidate> {
  const state = stateOf(repository, repository.head().commit);
  if (state === undefined) return;
  for (const name of readState(repository.objects, state).keys()) {
    if (name !== FILES_TABLE && name.startsWith(prefix) && !/[\n\t]/.test(name)) yield {value: name};
  }
}

/** A directory ends with a slash, so that the next Tab goes into it. */
function* trackedPaths(repository: Repository, directory: string, prefix: string): Generator<Candidate> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const start = prefix.slice(folder.length);
  const path = statePath(repository.location, directory, folder || '.');
  let left = MAX_PATHS;
  const root = repository.filesRoot(repository.head().commit);
  for (const row of scanFiles(repository.objects, root, directoryRange(path))) {
    const name = nameOf(row.path);
    // the answer is lines with tabs
    if (!name.startsWith(start) || /[\n\t]/.test(name)) continue;
    yield {value: `${folder}${name}${row.type === 'dir' ? '/' : ''}`};
    if (--left === 0) return;
  }
}
