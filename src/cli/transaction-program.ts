/**
 * A program that is run as a transaction, perhaps several times: each time it gets all of stdin from the beginning, and what it
 * prints is held back until it is known whether that counts. Layer: cli.
 */
import {type ChildProcess, type StdioOptions, spawn} from 'node:child_process';
import {closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, statSync} from 'node:fs';
import {constants, tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import type {Readable, Writable} from 'node:stream';
import {DbosError, systemCode} from '../errors.js';

export interface ProgramOptions {
  /** The program and its arguments. */
  readonly words: readonly [string, ...string[]];
  readonly directory: string;
  /** Whether it may be run again. */
  readonly repeats: boolean;
  /** Whether what it prints goes to stderr, as far as it is not held back. */
  readonly aside: boolean;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const CHUNK_BYTES = 64 * 1024;

export class TransactionProgram {
  private readonly input: RepeatedInput | undefined;
  /** The file that holds what the last run printed. */
  private readonly output: number | undefined;

  constructor(private readonly options: ProgramOptions) {
    const {repeats} = options;
    if (repeats && !process.stdin.isTTY) this.input = new RepeatedInput(process.stdin);
    if (repeats) this.output = openUnnamed();
  }

  /**
   * Runs it with more variables in its environment, and returns the status that it ends with, 128 + the number for a signal.
   * Signals to this process reach it and end nothing else. Throws PROGRAM_UNKNOWN if there is none, PROGRAM_FAILED if it cannot
   * be started.
   */
  async run(env: NodeJS.ProcessEnv): Promise<number> {
    const {words, directory, aside} = this.options;
    const [program, ...args] = words;
    if (this.output !== undefined) ftruncateSync(this.output);
    const stdio: StdioOptions = [this.input ? 'pipe' : 'inherit', this.output ?? (aside ? 2 : 'inherit'), 'inherit'];
    let child: ChildProcess;
    try {
      child = spawn(program, args, {cwd: directory, env: {...process.env, ...env}, stdio});
    } catch (cause) {
      throw cannotStart(program, directory, cause);
    }
    // what is typed at a terminal goes to both
    const forward = (signal: NodeJS.Signals) => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    for (const signal of SIGNALS) process.on(signal, forward);
    try {
      if (child.stdin) this.input?.giveTo(child.stdin);
      return await ended(child);
    } catch (cause) {
      throw cannotStart(program, directory, cause);
    } finally {
      this.input?.stop();
      for (const signal of SIGNALS) process.off(signal, forward);
    }
  }

  /** Yields what the last run printed, if that was held back. */
  *printed(): Generator<Uint8Array, void, undefined> {
    if (this.output === undefined) return;
    for (let at = 0; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const length = readSync(this.output, chunk, 0, chunk.length, at);
      if (length === 0) return;
      at += length;
      yield chunk.subarray(0, length);
    }
  }

  close(): void {
    this.input?.close();
    if (this.output !== undefined) closeSync(this.output);
  }
}

/** Why the system does not run what is there, and what to do. */
const REASONS: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  EACCES: ['it is not executable', 'Make it so with `chmod +x`, or name what runs it before it, such as `sh`.'],
  EISDIR: ['it is a directory', 'Name a program in it.'],
  ENOENT: ['what its first line names is not there', 'Correct the line that begins with `#!`, or name what runs it.'],
  ENOEXEC: ['it is no program of this system', 'Name what runs it before it, such as `sh`.'],
  ENOTDIR: ['a part of its path is no directory', 'Check the path.'],
};

/** Returns the error for a program that did not start. */
function cannotStart(program: string, directory: string, cause: unknown): DbosError {
  const data = {program};
  const isPath = program.includes('/');
  const found = isPath ? kindAt(resolve(directory, program)) : undefined;
  const system = found === 'directory' ? 'EISDIR' : systemCode(cause);
  if (program === '' || (system === 'ENOENT' && found === undefined)) {
    return new DbosError('PROGRAM_UNKNOWN', `There is no program '${program}'.`, {
      hint: isPath
        ? 'Check the path: it is seen from where the command runs.'
        : 'Give a program that PATH leads to, or its path such as `./program`, and its arguments after `--`.',
      data,
      cause,
    });
  }
  const [why, hint] = REASONS[system ?? ''] ?? [(cause as Error).message, 'Try the program alone, in a shell.'];
  return new DbosError('PROGRAM_FAILED', `The program '${program}' cannot be run: ${why}.`, {hint, data, cause});
}

/** Returns what is at a path, or undefined for nothing that can be seen. */
function kindAt(path: string): 'directory' | 'other' | undefined {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'other';
  } catch {
    return undefined;
  }
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? 128 + constants.signals[signal as NodeJS.Signals]));
  });
}

/** Returns a new file without a name, which is written at its end whoever writes. */
function openUnnamed(): number {
  const folder = mkdtempSync(join(tmpdir(), 'dbos-'));
  try {
    return openSync(join(folder, 'output'), 'ax+', 0o600);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

/** A stream of which each of several readers, one after the other, gets all. It is read as far as they want it, and kept in memory. */
class RepeatedInput {
  private readonly parts: Buffer[] = [];
  private ended = false;
  private reader: Writable | undefined;

  constructor(private readonly source: Readable) {
    source.pause();
    source.on('data', (part: Buffer) => {
      this.parts.push(part);
      if (this.reader?.write(part) !== false) return;
      source.pause();
      this.reader.once('drain', () => source.resume());
    });
    source.on('end', () => {
      this.ended = true;
      this.reader?.end();
    });
  }

  giveTo(reader: Writable): void {
    // a program need not read what it is given
    reader.on('error', () => this.stop());
    for (const part of this.parts) reader.write(part);
    this.reader = reader;
    if (this.ended) reader.end();
    else this.source.resume();
  }

  stop(): void {
    this.reader = undefined;
    this.source.pause();
  }

  close(): void {
    this.source.destroy();
  }
}
