/**
 * Small repositories for tests: a clock that the test moves, states from plain objects, and histories drawn as graphs.
 */
import type {ExecutionContext} from 'ava';
import {formatId, type ObjectId} from '../../src/objects/id.js';
import type {ObjectReader, ObjectSink} from '../../src/objects/store.js';
import {type CommitContent, writeCommit} from '../../src/repo/commit.js';
import type {RepoContext} from '../../src/repo/context.js';
import {branchName, branchRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {type HistorySource, NO_SHALLOW} from '../../src/repo/shallow.js';
import type {HeadTarget} from '../../src/repo/view.js';
import {editFiles, FILES_TABLE, type FileRow, filesTable} from '../../src/state/files.js';
import {parentOf} from '../../src/state/path.js';
import {writeState} from '../../src/state/state.js';
import {writeTable} from '../../src/state/table.js';
import {ContentRef} from '../../src/tree/cell.js';
import {makeTmpDir} from './tmp.js';

/** 2024-05-15 10:30 UTC, a Wednesday. */
export const START = Date.UTC(2024, 4, 15, 10, 30);
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** A clock that stands until it is moved. */
export class Clock {
  time = START;

  advance(milliseconds: number): void {
    this.time += milliseconds;
  }
}

/** Returns a context with fixed values; the zone is UTC. */
export function testContext(clock: Clock, changes: Partial<RepoContext> = {}): RepoContext {
  return {
    now: () => clock.time,
    zone: () => 0,
    identity: () => ({name: 'Ada', email: 'ada@example.org'}),
    fileOwner: () => ({uid: 0, gid: 0, user: 'root', group: 'root'}),
    user: 'ada',
    host: 'engine',
    pid: 42,
    command: 'dbos test',
    lockTimeout: 1000,
    ...changes,
  };
}

/** Returns a new, open repository in a directory that is removed after the test, and its clock. */
export async function makeRepo(
  t: ExecutionContext,
  changes: Partial<RepoContext> = {},
): Promise<{repo: Repository; clock: Clock; directory: string}> {
  const clock = new Clock();
  const directory = makeTmpDir(t);
  const repo = await Repository.init(directory, {bare: false, branch: 'main'}, testContext(clock, changes));
  t.teardown(() => repo.close());
  return {repo, clock, directory};
}

/** Files by path, each with its text; directories are made as they are needed. */
export type Files = Readonly<Record<string, string>>;

/** Writes a state with these files and returns its id. */
export function writeFiles(objects: ObjectSink, files: Files): ObjectId {
  const rows = new Map<string, FileRow>();
  const base = {uid: 0, gid: 0, user: 'root', group: 'root', mtime: 0n, target: null, link: null, xattrs: null};
  for (const [path, text] of Object.entries(files)) {
    const bytes = Buffer.from(text);
    const content = new ContentRef(objects.put(bytes), bytes.length, false, false);
    rows.set(path, {...base, path, type: 'file', mode: 0o644, content});
    for (let folder = parentOf(path); folder !== ''; folder = parentOf(folder)) {
      rows.set(folder, {...base, path: folder, type: 'dir', mode: 0o755, content: null});
    }
  }
  const root = editFiles(
    objects,
    null,
    [...rows].map(([path, file]) => ({path, file})),
  );
  return writeState(objects, new Map([[FILES_TABLE, writeTable(objects, filesTable(objects, root))]]));
}

/** Returns what a commit of a test is made of, at a time. */
export function commitContent(
  state: ObjectId,
  parents: readonly ObjectId[],
  message: string,
  time: number,
): CommitContent {
  const signature = {name: 'Ada', email: 'ada@example.org', time, zone: 0};
  return {state, parents, author: signature, committer: signature, message, cause: null};
}

/** Commits files on the current branch and returns the commit. */
export async function commitFiles(repo: Repository, files: Files, message = 'change'): Promise<ObjectId> {
  const {branch, commit} = repo.head();
  const transaction = repo.begin();
  const state = writeFiles(transaction.objects, files);
  const content = commitContent(state, commit === undefined ? [] : [commit], message, repo.context.now());
  const id = writeCommit(transaction.objects, content);
  await transaction.publish(
    branch === undefined
      ? {kind: 'normal', description: message, head: {detached: id}}
      : {
          kind: 'normal',
          description: message,
          refs: [
            {
              name: branchRef(branch),
              expected: commit === undefined ? {kind: 'absent'} : {kind: 'equals', id: commit},
              next: id,
            },
          ],
        },
  );
  return id;
}

/** Moves HEAD. */
export async function moveHead(repo: Repository, head: HeadTarget | string): Promise<void> {
  await repo.begin().publish({kind: 'normal', head: typeof head === 'string' ? {branch: branchName(head)} : head});
}

/** A history: the name of each commit with its parents, parents first; the time is a minute a commit unless given. */
export type Graph = Readonly<Record<string, readonly string[]>>;

/** Writes the commits of a graph, each with a file that has its name, and returns them by name. */
export function writeGraph(
  objects: ObjectSink,
  graph: Graph,
  times: Readonly<Record<string, number>> = {},
): Record<string, ObjectId> {
  const ids: Record<string, ObjectId> = {};
  let minute = 0;
  for (const [name, parents] of Object.entries(graph)) {
    const time = times[name] ?? START + minute++ * 60_000;
    const content = commitContent(
      writeFiles(objects, {file: name}),
      parents.map(parent => ids[parent] as ObjectId),
      name,
      time,
    );
    ids[name] = writeCommit(objects, content);
  }
  return ids;
}

/** Returns objects as a history that is all there. */
export function whole(objects: ObjectReader): HistorySource {
  return {objects, shallow: NO_SHALLOW};
}

/** Returns the name that each id has in a graph; the id itself for others. */
export function namesOf(ids: Readonly<Record<string, ObjectId>>, list: Iterable<ObjectId>): string[] {
  const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]));
  return [...list].map(id => names.get(id) ?? formatId(id));
}
