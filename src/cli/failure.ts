/**
 * What a failed command tells: a stable code, one sentence, a hint and the exit status, for people or as JSON.
 * Guarantee: no stack trace unless DBOS_DEBUG is set, and no control characters from names in messages. Layer: cli.
 */
import {DbosError, ERROR_CODES, type ErrorCode, EXIT, systemCode} from '../errors.js';
import {didYouMean, nearestNames} from '../repo/nearest.js';
import {plainText, quotePath} from '../state/quote.js';
import type {Style} from './style.js';

export interface Failure {
  readonly code: ErrorCode | 'BUG';
  readonly message: string;
  readonly hint: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
  readonly exitStatus: number;
  readonly stack: string | undefined;
}

/** A signal (128 + its number is the exit status) ended the command after it had released the store. */
export class Interrupted extends Error {
  readonly exitStatus: number;

  constructor(signal: string, number: number) {
    super(`Interrupted by ${signal}.`);
    this.exitStatus = 128 + number;
  }
}

/** The part of oclif's errors that is read here; the class itself is not in the fast bundle. */
interface OclifError extends Error {
  readonly args?: readonly {readonly name?: string}[];
  readonly flags?: readonly string[];
  readonly parse?: {readonly input?: {readonly flags?: Record<string, unknown>}};
}

const COLORS = /\u001b\[[0-9;]*m/g;

/** Returns oclif's wording of wrong usage as one sentence. */
function usageSentence(error: OclifError): string {
  const text = error.message.replace(COLORS, '').replace(/\s*See more help with --help\s*$/, '');
  const names = error.args?.map(arg => arg.name?.toUpperCase()).filter(Boolean) ?? [];
  if (/^Missing \d+ required arg/.test(text) && names.length > 0) return `Missing argument ${names.join(' and ')}.`;
  const parsing = /^Parsing (--\S+)\s+(.*)$/s.exec(text);
  if (parsing !== null) return `${parsing[1]}: ${sentence(parsing[2] as string)}`;
  const occurred = /^The following errors? occurred:\s*(.*)$/s.exec(text);
  const found = occurred === null ? text : (occurred[1] as string).split(/\s*\n\s*/).join('; ');
  return sentence(
    found.replace(/^Nonexistent flag/, 'Unknown flag').replace(/Missing required flag (?=[a-z])/g, 'Missing flag --'),
  );
}

function sentence(text: string): string {
  const line = text.split('\n', 1)[0] as string;
  return line.endsWith('.') ? line : `${line}.`;
}

function usageHint(error: OclifError, command: string | undefined): string {
  const help = `See \`dbos ${command === undefined ? 'help' : `help ${command.replaceAll(':', ' ')}`}\`.`;
  const known = Object.keys(error.parse?.input?.flags ?? {});
  const unknown = error.flags?.[0];
  if (unknown === undefined || !unknown.startsWith('--')) return help;
  const near = didYouMean(nearestNames(unknown.slice(2), known).map(name => `--${name}`));
  return near === undefined ? help : `${near} ${help}`;
}

/** Returns what to tell of anything that a command threw; `command` is the id of the command. */
export function describeFailure(error: unknown, command?: string): Failure {
  const stack = error instanceof Error ? withCauses(error) : undefined;
  if (error instanceof DbosError) {
    const {code, message, hint, data, exitStatus} = error;
    return {code, message, hint, data, exitStatus, stack};
  }
  if (error instanceof Interrupted) {
    const {message, exitStatus} = error;
    return {code: 'INTERRUPTED', message, hint: undefined, data: {}, exitStatus, stack};
  }
  if (error instanceof Error && 'oclif' in error) {
    const message = usageSentence(error as OclifError);
    const hint = usageHint(error as OclifError, command);
    return {code: 'USAGE', message, hint, data: {}, exitStatus: EXIT.usage, stack};
  }
  const system = systemCode(error);
  if (system !== undefined && error instanceof Error && 'syscall' in error) {
    const code = system === 'ENOSPC' || system === 'EDQUOT' ? 'STORE_FULL' : 'STORE_IO';
    // the output: files are told of with their names
    const hint = error.syscall === 'write' ? 'It could not be written where the output goes.' : undefined;
    return {code, message: error.message, hint, data: {system}, exitStatus: ERROR_CODES[code], stack};
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    code: 'BUG',
    message: `Unexpected failure, ${sentence(message)}`,
    hint: 'This is a bug: please report it with the command line and the output under DBOS_DEBUG=1.',
    data: {},
    exitStatus: EXIT.failed,
    stack,
  };
}

function withCauses(error: Error): string {
  let text = error.stack ?? `${error}`;
  for (let {cause} = error; cause instanceof Error; {cause} = cause) text += `\ncaused by: ${cause.stack ?? cause}`;
  return text;
}

/** How many of the paths or conflicts of an error are listed for people. */
const LISTED = 20;

/** Returns the lines for stderr. */
export function failureText(failure: Failure, style: Style, debug: boolean): string {
  const {code, message, hint, data, stack} = failure;
  // a message is one line, whatever the names in it
  const sentence = plainText(message).replaceAll('\n', '\\n').replace(/\.$/, '');
  const lines = [`${style.red('error:')} ${sentence} (${code})`];
  const place = placeOf(data);
  if (place !== undefined) {
    const statement = typeof data.statement === 'number' ? `statement ${data.statement}, ` : '';
    if (place.position.line > 1 || statement !== '') lines.push(`  ${statement}line ${place.position.line}:`);
    for (const line of plainText(place.excerpt).split('\n')) lines.push(`  ${line}`);
  }
  const named = Array.isArray(data.paths) ? (data.paths as unknown[]) : [];
  const paths = named.filter(path => !message.includes(`'${path}'`));
  for (const path of paths.slice(0, LISTED)) lines.push(`  ${quotePath(String(path))}`);
  if (paths.length > LISTED) lines.push(`  … and ${paths.length - LISTED} more`);
  for (const line of conflictLines(data)) lines.push(`  ${plainText(line).replaceAll('\n', '\\n')}`);
  if (hint !== undefined) lines.push(`${style.yellow('hint:')} ${plainText(hint)}`);
  if (debug && stack !== undefined) lines.push(plainText(stack));
  return `${lines.join('\n')}\n`;
}

/** Returns a line for each of several conflicts; the message tells a single one. */
function conflictLines({conflicts, count}: Failure['data']): string[] {
  if (!Array.isArray(conflicts) || typeof count !== 'number' || count < 2) return [];
  const told = (conflicts as readonly {readonly message?: unknown}[]).flatMap(({message}) =>
    typeof message === 'string' ? [message] : [],
  );
  const more = count - Math.min(told.length, LISTED);
  return [...told.slice(0, LISTED), ...(told.length > 0 && more > 0 ? [`… and ${more} more`] : [])];
}

/** Where in the SQL an error stands. */
interface Place {
  /** From 1; columns are characters. */
  readonly position: {readonly line: number; readonly column: number};
  /** The line and the caret below it. */
  readonly excerpt: string;
}

function placeOf({line, column, excerpt}: Failure['data']): Place | undefined {
  if (typeof line !== 'number' || typeof column !== 'number' || typeof excerpt !== 'string') return undefined;
  return {position: {line, column}, excerpt};
}

/** Returns the value that `--json` prints. */
export function failureJson({code, message, hint, data}: Failure): {error: Record<string, unknown>} {
  const place = placeOf(data);
  const {line, column, excerpt, ...others} = data;
  const rest = place === undefined ? data : others;
  return {error: {code, message, hint: hint ?? null, ...place, ...(Object.keys(rest).length > 0 && {data: rest})}};
}
