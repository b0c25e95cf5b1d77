/**
 * Where the lines of a shell come from: a terminal, with editing, history and completion, or a file or pipe. A terminal is
 * taken over only while a line is typed, so that Ctrl-C reaches the command that runs, and what is typed or pasted
 * meanwhile is kept. Layer: shell.
 */
import {createReadStream, openSync, statSync} from 'node:fs';
import {createInterface, type Interface} from 'node:readline';
import type {ReadStream} from 'node:tty';
import {DbosError, systemCode} from '../errors.js';

export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

/** What came instead of a line: Ctrl-C on it, or the end of all lines. */
export type NoLine = 'cancelled' | 'ended';

export interface LineSource {
  readonly interactive: boolean;
  /** Returns the next line; `prompt` is shown on a terminal. */
  next(prompt: string): Promise<Line | NoLine>;
  close(): void;
}

/** Returns what can stand in place of the end of a line, and that end. */
export type Completer = (line: string) => Promise<[readonly string[], string]>;

/** Returns the lines of a file, or of a pipe. Throws FILE_UNREADABLE. */
export function scriptLines(input: {readonly path: string} | {readonly fd: number}): LineSource {
  const stream = createReadStream('', {fd: 'path' in input ? opened(input.path) : input.fd, autoClose: false});
  const reader = createInterface({input: stream, crlfDelay: Number.POSITIVE_INFINITY});
  const lines = reader[Symbol.asyncIterator]();
  let number = 0;
  return {
    interactive: false,
    async next() {
      const {done, value} = await lines.next();
      return done ? 'ended' : {text: value, number: ++number};
    },
    close() {
      reader.close();
      stream.destroy();
    },
  };
}

function opened(path: string): number {
  try {
    if (!statSync(path).isDirectory()) return openSync(path, 'r');
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new DbosError('PATH_UNKNOWN', `There is no script '${path}'.`, {hint: 'Check the path.', data: {path}});
    }
  }
  throw new DbosError('FILE_UNREADABLE', `The script '${path}' cannot be read.`, {
    hint: 'Check the path and its permissions.',
    data: {path},
  });
}

/** The lines that somebody types at a terminal. */
export class TerminalLines implements LineSource {
  readonly interactive = true;
  private number = 0;
  /** Lines that were pasted together with one before. */
  private readonly waiting: string[] = [];
  /** What was typed after the last of them. */
  private typed = '';

  constructor(
    private readonly input: ReadStream,
    private readonly output: NodeJS.WriteStream,
    /** Newest first. */
    private readonly history: () => readonly string[],
    private readonly complete: Completer,
  ) {}

  async next(prompt: string): Promise<Line | NoLine> {
    if (this.waiting.length === 0) {
      const none = await this.read(prompt);
      if (none !== undefined) return none;
    }
    return {text: this.waiting.shift() as string, number: ++this.number};
  }

  close(): void {
    this.input.pause();
  }

  /** Waits for lines, or returns what came instead. */
  private read(prompt: string): Promise<NoLine | undefined> {
    const reader = createInterface({
      input: this.input,
      output: this.output,
      terminal: true,
      history: [...this.history()],
      historySize: Number.POSITIVE_INFINITY,
      removeHistoryDuplicates: true,
      tabSize: 4,
      completer: (line: string, done: (error: Error | null, result?: [string[], string]) => void) => {
        this.complete(line).then(
          ([found, end]) => done(null, [[...found], end]),
          // what cannot be completed is not
          () => done(null, [[], line]),
        );
      },
    });
    const search = new HistorySearch(reader, this.history);
    const onKey = (_: string | undefined, key: {ctrl?: boolean; name?: string}) => search.key(key);
    this.input.on('keypress', onKey);
    return new Promise(resolve => {
      let cancelled = false;
      reader.on('line', line => {
        this.waiting.push(line);
        if (this.waiting.length > 1) return;
        // lines that are pasted come in one piece: the others are there before this runs
        setImmediate(() => {
          this.typed = reader.line;
          reader.close();
        });
      });
      reader.on('SIGINT', () => {
        this.output.write('^C\n');
        cancelled = true;
        reader.close();
      });
      reader.on('close', () => {
        this.input.off('keypress', onKey);
        resolve(this.waiting.length > 0 ? undefined : cancelled ? 'cancelled' : 'ended');
      });
      reader.setPrompt(prompt);
      reader.prompt();
      if (this.typed !== '') reader.write(this.typed);
      this.typed = '';
    });
  }
}

/** Ctrl-R: the newest line of the history that has in it what is typed; once more, the one before. */
class HistorySearch {
  private wanted = '';
  private at = -1;

  constructor(
    private readonly reader: Interface,
    private readonly history: () => readonly string[],
  ) {}

  key({ctrl, name}: {readonly ctrl?: boolean; readonly name?: string}): void {
    if (ctrl !== true || name !== 'r') {
      this.at = -1;
      return;
    }
    if (this.at < 0) this.wanted = this.reader.line;
    const lines = this.history();
    const found = lines.findIndex((line, i) => i > this.at && line.includes(this.wanted));
    if (found < 0) return;
    this.at = found;
    this.reader.write(null, {ctrl: true, name: 'e'});
    this.reader.write(null, {ctrl: true, name: 'u'});
    this.reader.write(lines[found] as string);
    this.at = found;
  }
}
