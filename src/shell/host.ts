/**
 * What the shell needs of the program that it is part of, so that it can run its commands and depends on none of them.
 * Layer: shell.
 */
import type {StoreLocation} from '../repo/location.js';
import type {Repository} from '../repo/repository.js';
import type {FileRow} from '../state/files.js';

/** An entry of a listing, by the name that it has there. */
export interface ListedEntry {
  readonly row: FileRow;
  readonly name: string;
}

/** What the commands of the program act on. */
export interface ProgramScope {
  /** The id of an open transaction. */
  readonly transaction?: string | undefined;
}

export interface ShellHost {
  readonly location: StoreLocation;
  /** Where the shell was started: paths of this machine are relative to it. */
  readonly directory: string;
  /** The first words of the commands of the program. */
  readonly commands: readonly string[];
  /** Runs a command of the program in this process, as `dbos WORDS` would; returns its exit status. Its errors are reported. */
  program(words: readonly string[], scope: ProgramScope): Promise<number>;
  /** Returns what can stand in place of the last word of a command of the program. */
  complete(words: readonly string[]): Promise<readonly string[]>;
  /** Returns the repository, open until it is closed; operations record the line as what was asked for. */
  open(line: string, lockTimeout?: number): Promise<Repository>;
  /** Runs `work`, interrupted by Ctrl-C; throws then. */
  interruptible<T>(work: (signal: AbortSignal) => Promise<T>, release: () => Promise<void>): Promise<T>;
  /** Yields a line for each entry, as the program lists them; times are those of a zone. */
  listing(entries: readonly ListedEntry[], long: boolean, zone: (time: number) => number): Iterable<string>;
  /** Writes a part of the result. */
  write(part: string | Uint8Array): void;
  /** Writes a line beside the result. */
  note(line: string): void;
  /** Shows what was written so far. */
  settle(): void;
  /** Runs `work` and returns what it, and the commands of the program in it, would have written. */
  capture(work: () => Promise<number>): Promise<{readonly status: number; readonly bytes: Uint8Array}>;
  /** Reports an error; returns the exit status that it stands for. */
  fail(error: unknown): number;
  /** Returns what somebody makes of a file in the editor. Throws EDITOR_FAILED. */
  edit(body: Uint8Array, name: string): Promise<Uint8Array>;
}
