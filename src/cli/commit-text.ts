/** Commits as JSON for scripts and as lines for people. Layer: cli. */
import {formatId, type ObjectId, shortId} from '../objects/id.js';
import type {Commit} from '../repo/commit.js';
import type {HistoryEntry} from '../repo/history.js';
import {isShallow} from '../repo/shallow.js';
import type {Signature} from '../repo/signature.js';
import {formatTime} from '../repo/time.js';
import {plainText} from '../state/quote.js';
import type {Style} from './style.js';
import {isoTime} from './time.js';

export interface SignatureJson {
  readonly name: string;
  readonly email: string;
  readonly time: string;
}

export interface CommitJson {
  readonly id: string;
  readonly parents: readonly string[];
  readonly author: SignatureJson;
  readonly committer: SignatureJson;
  /** When it was authored, ISO 8601. */
  readonly time: string;
  readonly message: string;
  /** What made it if it was not a plain commit. */
  readonly cause: string | null;
  /** Only of a commit whose parents are not in the store. */
  readonly shallow?: true;
}

function signatureJson({name, email, time, zone}: Signature): SignatureJson {
  return {name, email, time: isoTime(time, zone)};
}

/** Returns a commit as scripts get it. */
export function commitJson(id: ObjectId, commit: Commit): CommitJson {
  return {
    id: formatId(id),
    parents: commit.parents.map(parent => formatId(parent)),
    author: signatureJson(commit.author),
    committer: signatureJson(commit.committer),
    time: isoTime(commit.author.time, commit.author.zone),
    message: commit.message,
    cause: commit.cause,
    ...(isShallow(commit) ? {shallow: true} : {}),
  };
}

/** Returns the first line of a message, safe to show. */
export function subjectOf(message: string): string {
  const end = message.indexOf('\n');
  return plainText(end < 0 ? message : message.slice(0, end));
}

/** Returns a commit as one line: short id, names that point at it, first line of the message. */
export function commitLine(id: ObjectId, commit: Commit, names: readonly string[], style: Style): string {
  return `${style.yellow(shortId(id))}${decoration(commit, names, style)} ${subjectOf(commit.message)}`;
}

/** Returns a commit as the start of a line: short id, time, author. */
export function commitHead({id, commit: {author}}: HistoryEntry, style: Style): string {
  return `${style.yellow(shortId(id))} ${formatTime(author.time, author.zone)}  ${plainText(author.name)}`;
}

function decoration(commit: Commit, names: readonly string[], style: Style): string {
  const shown = names.map(name => style.green(plainText(name)));
  if (isShallow(commit)) shown.unshift(style.red('shallow'));
  return shown.length === 0 ? '' : ` ${style.yellow('(')}${shown.join(', ')}${style.yellow(')')}`;
}

function person({name, email}: Signature): string {
  return plainText(`${name} <${email}>`);
}

/** Returns a commit as a paragraph: a head, a blank line, the message indented. */
export function commitParagraph(id: ObjectId, commit: Commit, names: readonly string[], style: Style): string[] {
  const {author, committer} = commit;
  const lines = [`${style.yellow(`commit ${shortId(id)}`)}${decoration(commit, names, style)}`];
  if (commit.parents.length > 1) lines.push(`Merge:  ${commit.parents.map(shortId).join(' ')}`);
  lines.push(`Author: ${person(author)}`, `Date:   ${formatTime(author.time, author.zone)}`);
  // the two times are taken apart by milliseconds
  const later = Math.abs(committer.time - author.time) >= 1000;
  if (later || person(committer) !== person(author))
    lines.push(`Commit: ${person(committer)}, ${formatTime(committer.time, committer.zone)}`);
  if (commit.cause !== null) lines.push(`Cause:  ${plainText(commit.cause)}`);
  lines.push('');
  for (const line of plainText(commit.message).split('\n')) lines.push(line === '' ? '' : `    ${line}`);
  return lines;
}
