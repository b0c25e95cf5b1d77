/**
 * The sqlite3 shell as the measure of values: writes values as SQL, asks for the results of many expressions in one
 * process, and compares them exactly: a REAL by its bits, a text by its bytes.
 */
import {spawnSync} from 'node:child_process';
import {encodeText, toBinary} from '../../src/bytes.js';
import {toPlain, typeOf} from '../../src/sql/values/convert.js';
import type {Value} from '../../src/sql/values/value.js';
import {Real} from '../../src/tree/cell.js';

/** A result: its type, and its digits, or its bytes in hexadecimal; or an error. */
export type Answer = string;

function hex(bytes: Uint8Array): string {
  return Buffer.from(toBinary(bytes), 'latin1').toString('hex').toUpperCase();
}

function bitsOf(x: number): Buffer {
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(x);
  return bits;
}

/** Returns an expression of SQL that is this very value and has no affinity. */
export function literal(v: Value): string {
  if (v === null) return 'NULL';
  if (typeof v === 'string') return `(CAST(x'${hex(encodeText(v))}' AS TEXT)||'')`;
  if (v instanceof Uint8Array) return `x'${hex(v)}'`;
  if (v instanceof Real || typeOf(v) === 'real') return `ieee754_from_blob(x'${hex(bitsOf(toPlain(v) as number))}')`;
  return v === -9223372036854775808n ? '(-9223372036854775807-1)' : `(${v})`;
}

/** Returns our value as the oracle answers. */
export function answerOf(v: Value): Answer {
  const type = typeOf(v);
  if (v === null) return 'null:';
  if (typeof v === 'string') return `text:${hex(encodeText(v))}`;
  if (v instanceof Uint8Array) return `blob:${hex(v)}`;
  return type === 'real' ? `real:${hex(bitsOf((toPlain(v) as number) + 0))}` : `integer:${v}`;
}

/** Runs our code; an error's message is its answer. */
export function attempt(run: () => Value): Answer {
  try {
    return answerOf(run());
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return `error:${(error as Error).message}`;
  }
}

function run(script: string): {readonly lines: readonly string[]; readonly errors: string} | undefined {
  const done = spawnSync('sqlite3', ['-batch', ':memory:'], {input: script, encoding: 'utf8', maxBuffer: 2 ** 30});
  if (done.error !== undefined) return undefined;
  return {lines: done.stdout.split('\n'), errors: done.stderr};
}

/** Returns why the oracle cannot be asked, or undefined. */
export function oracleMissing(): string | undefined {
  const done = run("SELECT hex(ieee754_to_blob(1.5)), round(2.675, 2), sqrt(4.0), '3.40.1' <= sqlite_version();\n");
  if (done === undefined) return 'sqlite3 is not installed';
  // Versions from 3.43 on round and sum otherwise than what is compared here.
  return done.lines[0] === '3FF8000000000000|2.68|2.0|1'
    ? undefined
    : 'this sqlite3 is another version or lacks functions';
}

/** Returns the oracle's answer to each expression. */
export function ask(expressions: readonly string[]): Answer[] {
  const script = expressions.map(
    (expression, i) =>
      `SELECT ${i},typeof(x)||':'||CASE typeof(x) WHEN 'real' THEN hex(ieee754_to_blob(x+0.0)) WHEN 'integer' THEN x ` +
      `WHEN 'null' THEN '' ELSE hex(x) END FROM (SELECT ${expression} AS x);\n`,
  );
  return read(run(script.join('')), expressions.length);
}

/** Returns the oracle's rows for each query of one column named x, after statements (a line each) that make tables. */
export function askRows(queries: readonly string[], before: readonly string[] = []): Answer[][] {
  const script = queries.map(
    (query, i) =>
      `SELECT ${i}||'|'||typeof(x)||':'||CASE typeof(x) WHEN 'real' THEN hex(ieee754_to_blob(x+0.0)) WHEN 'integer' THEN x ` +
      `WHEN 'null' THEN '' ELSE hex(x) END FROM (${query});\n`,
  );
  const done = run(before.map(line => `${line}\n`).join('') + script.join(''));
  const rows: Answer[][] = queries.map(() => []);
  for (const line of done?.lines ?? []) {
    const at = line.indexOf('|');
    if (at > 0) rows[Number(line.slice(0, at))]?.push(line.slice(at + 1));
  }
  for (const [i, message] of errorsOf(done?.errors ?? '')) rows[i - before.length] = [`error:${message}`];
  return rows;
}

function read(done: ReturnType<typeof run>, count: number): Answer[] {
  const answers = new Array<Answer>(count).fill('error:no answer');
  for (const line of done?.lines ?? []) {
    const at = line.indexOf('|');
    if (at > 0) answers[Number(line.slice(0, at))] = line.slice(at + 1);
  }
  for (const [i, message] of errorsOf(done?.errors ?? '')) answers[i] = `error:${message}`;
  return answers;
}

/** Reads the messages of the shell: each names the line of its statement, from 1. */
function errorsOf(text: string): [number, string][] {
  return [...text.matchAll(/(?:error|Error)[^\n]* line (\d+): ([^\n]*?)(?: \(\d+\))?$/gm)].map(match => [
    Number(match[1]) - 1,
    match[2] as string,
  ]);
}

/** Returns whether two answers are the same; REALs may differ by this part of their size, errors in their last dot. */
export function agree(ours: Answer, theirs: Answer, tolerance = 0): boolean {
  if (ours === theirs) return true;
  if (ours.startsWith('error:')) return theirs.startsWith('error:') && ours.startsWith(theirs);
  if (!ours.startsWith('real:') || !theirs.startsWith('real:')) return false;
  const a = Buffer.from(ours.slice(5), 'hex').readDoubleBE();
  const b = Buffer.from(theirs.slice(5), 'hex').readDoubleBE();
  return a === b || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}
