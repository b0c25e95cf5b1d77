/**
 * The sqlite3 shell as an engine: many questions in one process, told apart by lines printed between them. Errors come on
 * the other stream and are found by the line of the script that they name.
 */
import {spawnSync} from 'node:child_process';
import {decodeText} from '../../../src/bytes.js';
import type {Value} from '../../../src/sql/values/value.js';
import type {Batch, Engine, Outcome} from './engine.js';
import {readWord} from './literal.js';

/** The most that one statement may do, in steps of SQLite's virtual machine. */
const STEPS = {every: 10_000, times: 1500};

/** Returns the version of the sqlite3 shell as numbers, or undefined if there is none. */
export function sqliteVersion(): readonly [number, number, number] | undefined {
  const done = spawnSync('sqlite3', ['--version'], {encoding: 'utf8'});
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(done.stdout ?? '');
  return found ? [Number(found[1]), Number(found[2]), Number(found[3])] : undefined;
}

const MARK = '@@ ';

/** The lines of a script, and to which question each belongs. */
class Script {
  readonly lines: string[] = [];
  /** From the number of a line to a question, counted over all batches; -1 for what is no question. */
  private readonly owners: number[] = [];
  questions = 0;

  add(text: string, owner = -1): void {
    for (const line of text.split('\n')) {
      this.lines.push(line);
      this.owners.push(owner);
    }
  }

  ownerOf(line: number): number | undefined {
    return this.owners[line - 1];
  }
}

function literalText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function writeBatch(script: Script, {setup, questions}: Batch): void {
  script.add('.open :memory:');
  script.add('.parameter init');
  for (const statement of setup) script.add(statement.startsWith('.') ? statement : `${statement};`);
  script.add(`.progress ${STEPS.every} --limit ${STEPS.times} --reset --quiet`);
  for (const {sql, parameters} of questions) {
    if (parameters !== undefined) {
      script.add('DELETE FROM temp.sqlite_parameters;');
      for (const {name, literal} of parameters) {
        script.add(`INSERT INTO temp.sqlite_parameters(key, value) VALUES (${literalText(name)}, ${literal});`);
      }
    }
    const number = script.questions++;
    script.add(`.print ${MARK}${number}`);
    // a comment at the end must not take the semicolon with it
    script.add(`${sql}\n;`, number);
  }
}

/** Reads what `.mode quote` prints. */
class QuoteReader {
  private at = 0;

  constructor(private readonly text: string) {}

  get done(): boolean {
    return this.at >= this.text.length;
  }

  /** Returns the number of the question whose mark stands here, if one does. */
  mark(): number | undefined {
    if (!this.text.startsWith(MARK, this.at)) return undefined;
    return Number(this.line().slice(MARK.length));
  }

  line(): string {
    const end = this.text.indexOf('\n', this.at);
    const line = this.text.slice(this.at, end < 0 ? undefined : end);
    this.at = end < 0 ? this.text.length : end + 1;
    return line;
  }

  /** Returns the values of a row, or undefined for a line that is none. */
  row(): Value[] | undefined {
    const start = this.at;
    const values: Value[] = [];
    for (;;) {
      const value = this.value();
      if (value === undefined) break;
      values.push(value);
      const after = this.text[this.at++];
      if (after === '\n' || after === undefined) return values;
      if (after !== ',') break;
    }
    this.at = start;
    this.line();
    return undefined;
  }

  private value(): Value | undefined {
    if (this.text[this.at] === "'") return this.quoted();
    const end = this.text.slice(this.at).search(/[,\n]|$/);
    const word = this.text.slice(this.at, this.at + end);
    const value = readWord(word);
    if (value !== undefined) this.at += end;
    return value;
  }

  private quoted(): string {
    let value = '';
    for (let from = this.at + 1; ; ) {
      const end = this.text.indexOf("'", from);
      if (end < 0) throw new Error('an open quote in the output of sqlite3');
      value += this.text.slice(from, end);
      this.at = end + 1;
      if (this.text[this.at] !== "'") return value;
      value += "'";
      from = end + 2;
    }
  }
}

/** Returns the rows that were printed for each question; the names of the columns are the first. */
function readOutput(text: string, questions: number): Value[][][] {
  const printed: Value[][][] = Array.from({length: questions}, () => []);
  const reader = new QuoteReader(text);
  let current = -1;
  while (!reader.done) {
    const mark = reader.mark();
    if (mark !== undefined) {
      current = mark;
      continue;
    }
    const row = reader.row();
    if (row !== undefined) printed[current]?.push(row);
  }
  return printed;
}

/** Returns the message for each question that failed. Throws if anything else of the script did. */
function readErrors(script: Script, text: string): Map<number, {message: string; running: boolean}> {
  const errors = new Map<number, {message: string; running: boolean}>();
  for (const [, kind, line, message] of text.matchAll(
    /^(Parse error|Runtime error|Error):? near line (\d+): (.*)$/gm,
  )) {
    const owner = script.ownerOf(Number(line));
    if (owner === undefined || owner < 0) {
      throw new Error(`sqlite3 refused the preparation: ${message}\n${script.lines[Number(line) - 1]}`);
    }
    if (!errors.has(owner)) errors.set(owner, {message: message as string, running: kind === 'Runtime error'});
  }
  return errors;
}

export const SQLITE: Engine = {
  ask(batches) {
    const script = new Script();
    script.add('.bail off\n.mode quote\n.headers on');
    for (const batch of batches) writeBatch(script, batch);
    const done = spawnSync('sqlite3', ['-batch', '-init', '/dev/null', ':memory:'], {
      input: `${script.lines.join('\n')}\n`,
      maxBuffer: 2 ** 30,
      env: {...process.env, TZ: 'UTC0'},
    });
    if (done.error) throw done.error;
    const errors = readErrors(script, decodeText(done.stderr));
    const printed = readOutput(decodeText(done.stdout), script.questions);
    let number = 0;
    return batches.map(({questions}) =>
      questions.map((): Outcome => {
        const [names, ...rows] = printed[number] as Value[][];
        const error = errors.get(number++);
        if (error?.message.startsWith('interrupted')) return {kind: 'stopped'};
        if (error !== undefined) return {kind: 'error', ...error};
        return {kind: 'rows', names: names as string[] | undefined, rows};
      }),
    );
  },
};
