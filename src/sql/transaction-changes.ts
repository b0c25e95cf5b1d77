/**
 * What an open transaction has changed of the state that it began from. Layer: sql.
 */
import type {ObjectId} from '../objects/id.js';
import {readCommit} from '../repo/commit.js';
import {filesRootOf} from '../repo/filesroot.js';
import type {OpenTransaction} from '../repo/opentransaction.js';
import type {Repository} from '../repo/repository.js';
import {diffFiles, FILES_TABLE, type FileChange, type FileRow, type FileType} from '../state/files.js';
import {countChanges} from './catalog/affected.js';
import {States} from './catalog/states.js';

/** A file that is not what it was. */
export interface ChangedFile {
  readonly path: string;
  readonly change: 'added' | 'modified' | 'deleted' | 'typechange';
  readonly type: FileType;
  /** What it was. */
  readonly before: FileRow | undefined;
}

/** A table that is not what it was, and how many of its rows are not. */
export interface TableChanges {
  readonly table: string;
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
}

/** Returns the files by path and the other tables by name. */
export function changesOfTransaction(
  repo: Repository,
  {base, state}: OpenTransaction,
): {readonly files: readonly ChangedFile[]; readonly tables: readonly TableChanges[]} {
  const {objects} = repo;
  const before = base === null ? undefined : readCommit(objects, base).state;
  const after = state ?? undefined;
  const rootOf = (id: ObjectId | undefined) => (id === undefined ? null : filesRootOf(objects, id));
  const files = [...diffFiles(objects, rootOf(before), rootOf(after))].map(changedFile);
  const states = new States(objects);
  const tablesOf = (id: ObjectId | undefined) => (id === undefined ? new Map<string, ObjectId>() : states.tables(id));
  const [old, now] = [tablesOf(before), tablesOf(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  const changed = names.filter(name => name !== FILES_TABLE && old.get(name) !== now.get(name));
  const version = (id: ObjectId | undefined, name: string) => states.find(id, name);
  return {
    files,
    tables: changed.map(table => ({table, ...countChanges(version(before, table), version(after, table))})),
  };
}

function changedFile({path, before, after}: FileChange): ChangedFile {
  const type = (after ?? before)?.type as FileType;
  if (before === undefined) return {path, change: 'added', type, before};
  if (after === undefined) return {path, change: 'deleted', type, before};
  return {path, change: before.type === after.type ? 'modified' : 'typechange', type, before};
}
