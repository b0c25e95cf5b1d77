/**
 * Where the lines of a shell come from: a terminal, with editing, history and completion, or a file or pipe. A terminal is
 * taken over only while a line is typed, so that Ctrl-C reaches the command that runs, and what is typed or pasted
 * meanwhile is kept. Layer: shell.
 */
import {createReadStream, openSync, statSync} from 'node:fs';
import {createInterface, emitKeypressEvents, type Interface} from 'node:readline';
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

interface Key {
  readonly name?: string;
  readonly ctrl?: boolean;
}

type Press = (text: string | undefined, key: Key) => void;

/** What makes a terminal tell where a text begins that is pasted, and where it ends (`paste-start`, `paste-end`). */
const MARK_PASTES = '\x1b[?2004h';
const NO_MARKS = '\x1b[?2004l';

export interface TerminalOptions {
  /** The lines that were entered, the newest first. */
  readonly history: () => readonly string[];
  readonly complete: Completer;
  /** Whether the terminal understands sequences of control. */
  readonly capable: boolean;
}

/**
 * The lines that somebody types at a terminal. Keys take effect in their order, however many come at once: those behind the
 * end of a line are kept for the next one, those behind a Tab until it has completed. A Tab that is pasted is a character.
 */
export class TerminalLines implements LineSource {
  readonly interactive = true;
  private number = 0;
  private readonly kept: Parameters<Press>[] = [];
  private pasting = false;
  /** Whether the last key that came was a carriage return: a line feed behind it is no key. */
  private returned = false;

  constructor(
    private readonly input: ReadStream,
    private readonly output: NodeJS.WriteStream,
    private readonly options: TerminalOptions,
  ) {
    // else the first line is read by other rules: see `isCompletionEnabled` in Node
    emitKeypressEvents(input);
  }

  async next(prompt: string): Promise<Line | NoLine> {
    const read = await this.read(prompt);
    return typeof read === 'string' ? read : {text: read.text, number: ++this.number};
  }

  close(): void {
    this.input.pause();
  }

  private read(prompt: string): Promise<{readonly text: string} | NoLine> {
    const {input, output, kept} = this;
    const {history, complete, capable} = this.options;
    let line: {readonly text: string} | undefined;
    let cancelled = false;
    let closed = false;
    let completing = false;
    const reader = createInterface({
      input,
      output,
      terminal: true,
      history: [...history()],
      historySize: Number.POSITIVE_INFINITY,
      removeHistoryDuplicates: true,
      tabSize: 8,
      completer: (typed: string, done: (error: Error | null, result?: [string[], string]) => void) => {
        completing = true;
        const completed = (found: readonly string[], end: string) => {
          if (closed) return;
          done(null, [[...found], end]);
          completing = false;
          goOn();
        };
        complete(typed).then(
          ([found, end]) => completed(found, end),
          // what cannot be completed is not
          () => completed([], typed),
        );
      },
    });
    const search = new HistorySearch(reader, history);
    // the reader's own way to take keys, which would not wait
    const press = input.listeners('keypress').at(-1) as Press;
    input.off('keypress', press);
    const take: Press = (text, key) => {
      if (key.name === 'paste-start' || key.name === 'paste-end') this.pasting = key.name === 'paste-start';
      press(text, this.pasting && key.name === 'tab' ? {name: 'character'} : key);
      search.key(key);
    };
    const goOn = (): void => {
      while (kept.length > 0 && line === undefined && !completing && !closed)
        take(...(kept.shift() as Parameters<Press>));
    };
    const onKey: Press = (text, key) => {
      const isSecondHalf = this.returned && key.name === 'enter';
      this.returned = key.name === 'return';
      if (isSecondHalf) return;
      if (completing && key.ctrl && key.name === 'c') {
        kept.length = 0;
        take(text, key);
      } else {
        kept.push([text, key]);
        goOn();
      }
    };
    input.on('keypress', onKey);
    return new Promise(resolve => {
      reader.on('line', text => {
        line = {text};
        // keys that come in one piece are all there before this runs
        setImmediate(() => reader.close());
      });
      reader.on('SIGINT', () => {
        output.write('^C\n');
        cancelled = true;
        reader.close();
      });
      reader.on('close', () => {
        closed = true;
        input.off('keypress', onKey);
        if (capable) output.write(NO_MARKS);
        resolve(line ?? (cancelled ? 'cancelled' : 'ended'));
      });
      if (capable) output.write(MARK_PASTES);
      reader.setPrompt(prompt);
      reader.prompt();
      goOn();
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

  key({ctrl, name}: Key): void {
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
