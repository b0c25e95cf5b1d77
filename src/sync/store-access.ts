/**
 * How the side that serves a transfer reaches its store: by pieces of work, between which a server may let go of it so that
 * other processes get their turn. Layer: sync.
 */
import type {Repository} from '../repo/repository.js';

export interface StoreAccess {
  /** The folder of the store. */
  readonly folder: string;
  /** Runs work on the open store. Other work may run where this one waits. */
  read<T>(work: (repo: Repository) => T | Promise<T>): Promise<T>;
  /** Runs work that writes, one after the other: writers of one store must not commit at the same time. */
  write<T>(work: (repo: Repository) => T | Promise<T>): Promise<T>;
}

/** Returns the access to a store that is open, for one caller who does one thing at a time. */
export function accessTo(repo: Repository): StoreAccess {
  const run = async <T>(work: (repo: Repository) => T | Promise<T>): Promise<T> => work(repo);
  return {folder: repo.location.store, read: run, write: run};
}
