/** Transactions as JSON for scripts and as lines for people. Layer: cli. */
import {formatId, type ObjectId, shortId} from '../objects/id.js';
import {formatTime} from '../repo/time.js';
import type {LoggedTransaction} from '../repo/transactionlog.js';
import {plainText} from '../state/quote.js';
import {subjectOf} from './commit-text.js';
import type {Style} from './style.js';
import {alignRows} from './table.js';
import {isoTime} from './time.js';

const idOrNull = (id: ObjectId | null) => (id === null ? null : formatId(id));

/** Returns a transaction as scripts get it. */
export function transactionJson({name, transaction, status, ended, commit}: LoggedTransaction): object {
  const {branch, base, state, author, message, isolation, summary, savepoints} = transaction;
  return {
    id: name,
    status,
    branch,
    base: idOrNull(base),
    state: idOrNull(state),
    author: {name: author.name, email: author.email},
    started: isoTime(author.time, author.zone),
    ended: ended === null ? null : isoTime(ended, author.zone),
    commit: idOrNull(commit),
    message,
    isolation,
    summary,
    savepoints: savepoints.map(savepoint => savepoint.name),
  };
}

/** Returns what a transaction is about, in a line. */
function subject({transaction: {message, summary}}: LoggedTransaction): string {
  return plainText(subjectOf(message || summary));
}

/** Returns a line for each transaction. */
export function transactionLines(transactions: readonly LoggedTransaction[], style: Style): string[] {
  return alignRows(
    transactions.map(each => {
      const {branch, author} = each.transaction;
      const {time, zone} = author;
      return [
        style.yellow(each.name),
        each.status,
        style.green(plainText(branch)),
        style.dim(formatTime(time, zone).slice(0, 19)),
        plainText(author.name),
        each.commit === null ? '' : style.yellow(shortId(each.commit)),
        subject(each),
      ];
    }),
  );
}

/** Returns a transaction as a paragraph. */
export function transactionParagraph(each: LoggedTransaction, style: Style): string[] {
  const {name, status, transaction, commit, ended} = each;
  const {branch, base, author, message, isolation, summary, savepoints} = transaction;
  const {zone} = author;
  const lines = [
    `${style.yellow(`transaction ${name}`)} (${status})`,
    `Branch:    ${style.green(plainText(branch))}, ${base === null ? 'before its first commit' : `from ${style.yellow(shortId(base))}`}`,
    `Author:    ${plainText(`${author.name} <${author.email}>`)}`,
    `Started:   ${formatTime(author.time, zone)}`,
  ];
  if (ended !== null) lines.push(`Ended:     ${formatTime(ended, zone)}`);
  if (commit !== null) lines.push(`Commit:    ${style.yellow(shortId(commit))}`);
  if (isolation !== 'snapshot') lines.push(`Isolation: ${isolation}`);
  if (savepoints.length > 0) lines.push(`Savepoints: ${plainText(savepoints.map(point => point.name).join(', '))}`);
  for (const text of [message, summary]) if (text !== '') lines.push('', `    ${plainText(subjectOf(text))}`);
  return lines;
}
