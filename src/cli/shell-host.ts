/**
 * The program as the shell uses it: commands run in this process, one after the other, as if each were one of its own.
 * Guarantee: a command that fails or is interrupted ends, and the shell goes on. Layer: cli.
 */
import {join} from 'node:path';
import {DbosError, EXIT} from '../errors.js';
import type {RepoContext} from '../repo/context.js';
import type {StoreLocation} from '../repo/location.js';
import {Repository} from '../repo/repository.js';
import {formatTime} from '../repo/time.js';
import type {ListedEntry, ProgramScope, ShellHost} from '../shell/host.js';
import {plainText} from '../state/quote.js';
import {complete, type Surface} from './complete.js';
import {editFile} from './editor.js';
import {entryName, LongColumns} from './entry-text.js';
import {describeFailure, failureText} from './failure.js';
import {interruptible, outliveSignals} from './interrupt.js';
import {storeNames} from './names.js';
import {stderr, stdout} from './output.js';
import {createStyle, type Style} from './style.js';
import {readSurface} from './surface.js';

/** The variable that names the transaction which commands act in. */
const TRANSACTION = 'DBOS_TXN';

export interface ShellHostOptions {
  readonly location: StoreLocation;
  /** Where the shell was started: paths of this machine are relative to it. */
  readonly directory: string;
  readonly style: Style;
  /** Returns what the library gets to know for a line. */
  readonly context: (line: string) => RepoContext;
  /** Runs the program with arguments; `process.exitCode` is set when it returns. */
  readonly run: (argv: readonly string[]) => Promise<void>;
  /** The setting `core.editor`. */
  readonly editor: string | undefined;
}

export class ProgramHost implements ShellHost {
  private readonly surface: Surface = readSurface();
  readonly location: StoreLocation;
  readonly directory: string;

  constructor(private readonly options: ShellHostOptions) {
    this.location = options.location;
    this.directory = options.directory;
    outliveSignals();
    process.chdir(options.location.workTree ?? options.location.store);
  }

  get commands(): readonly string[] {
    const names = Object.values(this.surface.commands).flatMap(({id, hidden}) =>
      hidden ? [] : [id.split(':')[0] as string],
    );
    return [...new Set(names)];
  }

  async program(words: readonly string[], {transaction}: ProgramScope): Promise<number> {
    if (transaction === undefined) delete process.env[TRANSACTION];
    else process.env[TRANSACTION] = transaction;
    process.exitCode = EXIT.done;
    try {
      await this.options.run(words);
      return Number(process.exitCode ?? EXIT.done);
    } finally {
      process.exitCode = EXIT.done;
      delete process.env[TRANSACTION];
    }
  }

  async complete(words: readonly string[]): Promise<readonly string[]> {
    const names = storeNames(process.cwd(), this.options.context(''));
    const {candidates} = await complete(words, this.surface, names);
    return candidates.map(({value}) => value);
  }

  open(line: string, lockTimeout?: number): Promise<Repository> {
    const context = this.options.context(line);
    return Repository.open(this.location, lockTimeout === undefined ? context : {...context, lockTimeout});
  }

  interruptible<T>(work: (signal: AbortSignal) => Promise<T>, release: () => Promise<void>): Promise<T> {
    return interruptible(work, release);
  }

  *listing(entries: readonly ListedEntry[], long: boolean, zone: (time: number) => number): Generator<string> {
    const style = createStyle(this.options.style.enabled && !stdout.isDiverted);
    if (!long) {
      for (const {row, name} of entries) yield entryName(row, name, style);
      return;
    }
    const columns = new LongColumns();
    for (const {row} of entries) columns.fit(row);
    for (const {row, name} of entries) {
      const time = Number(row.mtime / 1_000_000n);
      yield columns.line(row, name, formatTime(time, zone(time)).slice(0, 16), style);
    }
  }

  write(part: string | Uint8Array): void {
    if (typeof part === 'string') stdout.write(part);
    else stdout.writeBytes(part);
  }

  note(line: string): void {
    stdout.flush();
    stderr.write(`${plainText(line)}\n`);
    stderr.flush();
  }

  async capture(work: () => Promise<number>): Promise<{readonly status: number; readonly bytes: Uint8Array}> {
    const parts: Uint8Array[] = [];
    const restore = stdout.divert(bytes => parts.push(Buffer.from(bytes)));
    try {
      const status = await work();
      stdout.flush();
      return {status, bytes: Buffer.concat(parts)};
    } finally {
      restore();
    }
  }

  settle(): void {
    stdout.flush();
    stderr.flush();
  }

  fail(error: unknown): number {
    const failure = describeFailure(error);
    stdout.flush();
    stderr.write(failureText(failure, this.options.style, Boolean(process.env.DBOS_DEBUG)));
    stderr.flush();
    return failure.exitStatus;
  }

  edit(body: Uint8Array, name: string): Promise<Uint8Array> {
    if (!stdout.isTerminal) {
      throw new DbosError('EDITOR_FAILED', 'There is no terminal for an editor.', {
        hint: 'Write files with echo TEXT > FILE.',
      });
    }
    return editFile(body, name, process.env, this.options.editor);
  }
}

/** Returns whether the terminal understands sequences of control. */
export function isCapableTerminal({TERM} = process.env): boolean {
  return TERM !== 'dumb';
}

/** Returns the file that keeps the lines that were entered, or undefined where there is no home. */
export function historyFile({XDG_STATE_HOME, HOME} = process.env): string | undefined {
  const folder = XDG_STATE_HOME || (HOME ? join(HOME, '.local/state') : undefined);
  return folder === undefined ? undefined : join(folder, 'dbos', 'shell_history');
}
