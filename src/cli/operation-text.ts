/** Operations as JSON for scripts and as lines for people. Layer: cli. */
import {formatId, type ObjectId, shortId} from '../objects/id.js';
import type {AffectedTable, StoredOperation} from '../repo/operation.js';
import {BRANCHES, shortName, TAGS} from '../repo/refs.js';
import {formatTime} from '../repo/time.js';
import type {HeadTarget} from '../repo/view.js';
import {plainText} from '../state/quote.js';
import {formatCount} from './progress.js';
import type {Style} from './style.js';
import {alignRows} from './table.js';
import {isoTime} from './time.js';

const idOrNull = (id: ObjectId | null) => (id === null ? null : formatId(id));

function headJson(head: HeadTarget | null): unknown {
  if (head === null) return null;
  return 'branch' in head ? {branch: head.branch} : {detached: formatId(head.detached)};
}

/**
 * Returns an operation as scripts get it. `affected` is what it says itself unless given; null if that was not counted.
 */
export function operationJson(
  operation: StoredOperation,
  affected = operation.affected,
): Readonly<Record<string, unknown>> {
  const {id, seq, parent, time, zone, user, host, pid, command, kind, description, undo, transaction, sql} = operation;
  return {
    id: formatId(id),
    seq,
    parent: idOrNull(parent),
    time: isoTime(time, zone),
    user,
    host,
    pid,
    command,
    kind,
    description,
    refs: operation.refChanges.map(({name, before, after}) => ({
      ref: name,
      before: idOrNull(before),
      after: idOrNull(after),
    })),
    head: {before: headJson(operation.headBefore), after: headJson(operation.headAfter)},
    target: undo === null ? null : formatId(undo.target),
    transaction,
    sql,
    affected,
  };
}

/** Returns what an operation did, in a few words. */
export function operationSubject({description, command}: StoredOperation): string {
  const text = description || command;
  const end = text.indexOf('\n');
  return plainText(end < 0 ? text : text.slice(0, end));
}

/** Returns an operation as one line. */
export function operationLine(operation: StoredOperation, style: Style): string {
  const {id, time, zone, user, host} = operation;
  const who = plainText(`${user}@${host}`);
  return `${style.yellow(shortId(id))} ${style.dim(formatTime(time, zone).slice(0, 19))} ${who} ${operationSubject(operation)}`;
}

const shown = (id: ObjectId | null, style: Style) => (id === null ? style.dim('(none)') : style.yellow(shortId(id)));

function headName(head: HeadTarget, style: Style): string {
  return 'branch' in head ? style.green(plainText(head.branch)) : `detached at ${style.yellow(shortId(head.detached))}`;
}

function refKind(name: string): string {
  return name.startsWith(BRANCHES) ? 'branch' : name.startsWith(TAGS) ? 'tag' : 'ref';
}

/** Returns a line for each ref that an operation moved, from where to where, and one for HEAD if it came to mean another. */
function moveLines({refChanges, headBefore, headAfter}: StoredOperation, style: Style): string[] {
  const rows = refChanges.map(({name, before, after}) => [
    refKind(name),
    style.green(plainText(shortName(name))),
    `${shown(before, style)} -> ${shown(after, style)}`,
  ]);
  const from = headBefore === null ? style.dim('(none)') : headName(headBefore, style);
  const to = headName(headAfter, style);
  if (from !== to) rows.push(['HEAD', '', `${from} -> ${to}`]);
  return alignRows(rows);
}

/** Returns a line for each table, with how many rows of it changed. */
function affectedLines(affected: readonly AffectedTable[], style: Style): string[] {
  return alignRows(
    affected.map(({ref, table, ...counts}) => [
      'table',
      style.green(plainText(table)),
      (['added', 'modified', 'deleted'] as const)
        .filter(what => counts[what] > 0)
        .map(what => `${formatCount(counts[what])} ${what}`)
        .join(', ') || 'no row',
      style.dim(`on ${plainText(shortName(ref))}`),
    ]),
  );
}

const oneLine = (text: string) => plainText(text).replaceAll('\n', '\\n');

/** Returns an operation as a paragraph; `affected` as in `operationJson`. */
export function operationParagraph(operation: StoredOperation, style: Style, affected = operation.affected): string[] {
  const {id, time, zone, user, host, pid, command, transaction, sql} = operation;
  const lines = [
    style.yellow(`operation ${shortId(id)}`),
    `Time:    ${formatTime(time, zone)}`,
    `By:      ${plainText(`${user}@${host}`)}, process ${pid}`,
    `Command: ${oneLine(command)}`,
  ];
  if (sql !== null) lines.push(`SQL:     ${oneLine(sql.trim())}`);
  if (transaction !== null) lines.push(`In:      transaction ${plainText(transaction)}`);
  lines.push(`Did:     ${operationSubject(operation)}`);
  for (const line of [...moveLines(operation, style), ...affectedLines(affected ?? [], style)])
    lines.push(`    ${line}`);
  return lines;
}
