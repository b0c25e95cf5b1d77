/**
 * Differences of two bodies line by line, byte for byte: lines are binary strings, so any encoding passes through.
 * Layer: state.
 */
import {toBinary} from '../bytes.js';

/** A run of changed lines with its context, as in a unified diff; lines start with ' ', '-' or '+' and have no newline. */
export interface Hunk {
  /** Line numbers from 1; a start is 0 where its side has no lines. */
  readonly oldStart: number;
  readonly oldLines: number;
  readonly newStart: number;
  readonly newLines: number;
  readonly lines: readonly string[];
}

export interface BodyDiff {
  readonly binary: boolean;
  readonly hunks: readonly Hunk[];
  readonly added: number;
  readonly deleted: number;
}

/** Bodies with a NUL in their first 8,000 bytes are binary, which is git's rule. */
const PROBE_BYTES = 8000;

/** Bodies over this size are not compared line by line. */
export const MAX_TEXT_BYTES = 64 << 20;

/**
 * The greatest number of inserted and deleted lines for which the shortest script is searched (Myers' algorithm takes
 * O(n·d)); beyond it everything between the first and the last difference counts as replaced.
 */
const MAX_EDITS = 4000;

const CONTEXT_LINES = 3;

/** Returns whether a body is text. */
export function isText(body: Uint8Array): boolean {
  return body.length <= MAX_TEXT_BYTES && body.subarray(0, PROBE_BYTES).indexOf(0) < 0;
}

const BINARY: BodyDiff = {binary: true, hunks: [], added: 0, deleted: 0};

/** Returns how two bodies differ. */
export async function diffBodies(before: Uint8Array, after: Uint8Array): Promise<BodyDiff> {
  if (!isText(before) || !isText(after)) return BINARY;
  const old = splitLines(toBinary(before));
  const now = splitLines(toBinary(after));
  const {head, runs} = (await lineComparison())(old, now);
  return toHunks(old, now, head, runs);
}

/** Returns the lines of a text, each with its newline; the last one may have none. */
export function splitLines(text: string): string[] {
  const lines: string[] = [];
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    const to = end < 0 ? text.length : end + 1;
    lines.push(text.slice(from, to));
    from = to;
  }
  return lines;
}

/** A run of lines that both sides have, or that only one has. */
export interface Run {
  readonly kind: 'same' | 'delete' | 'insert';
  readonly count: number;
}

/** How lines become others: the first `head` are the same, then come the runs, then only lines that are the same. */
export interface Script {
  readonly head: number;
  readonly runs: readonly Run[];
}

export type CompareLines = (old: readonly string[], now: readonly string[]) => Script;

/** Returns what compares lines; it is loaded at the first use. */
export async function lineComparison(): Promise<CompareLines> {
  const {diffArrays} = await import('diff');
  return (old, now) => {
    let head = 0;
    while (head < old.length && head < now.length && old[head] === now[head]) head++;
    let tail = 0;
    while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
    const [removed, added] = [old.slice(head, old.length - tail), now.slice(head, now.length - tail)];
    const parts =
      removed.length > 0 && added.length > 0 ? diffArrays(removed, added, {maxEditLength: MAX_EDITS}) : undefined;
    const runs: Run[] = parts
      ? parts.map(part => ({
          kind: part.added ? 'insert' : part.removed ? 'delete' : 'same',
          count: part.value.length,
        }))
      : [
          {kind: 'delete', count: removed.length},
          {kind: 'insert', count: added.length},
        ];
    return {head, runs: runs.filter(run => run.count > 0)};
  };
}

function toHunks(old: readonly string[], now: readonly string[], head: number, runs: readonly Run[]): BodyDiff {
  const hunks: Hunk[] = [];
  let added = 0;
  let deleted = 0;
  let oldAt = head;
  let newAt = head;
  let lines: string[] = [];
  let oldFrom = 0;
  let newFrom = 0;
  const begin = () => {
    const context = Math.min(CONTEXT_LINES, oldAt);
    oldFrom = oldAt - context;
    newFrom = newAt - context;
    for (let i = oldFrom; i < oldAt; i++) push(' ', old[i] as string);
  };
  const push = (mark: string, line: string) => {
    if (line.endsWith('\n')) lines.push(mark + line.slice(0, -1));
    else lines.push(mark + line, '\\ No newline at end of file');
  };
  const finish = () => {
    const to = Math.min(oldAt + CONTEXT_LINES, old.length);
    for (let i = oldAt; i < to; i++) push(' ', old[i] as string);
    const oldLines = to - oldFrom;
    const newLines = newAt + (to - oldAt) - newFrom;
    const oldStart = oldLines === 0 ? oldFrom : oldFrom + 1;
    hunks.push({oldStart, oldLines, newStart: newLines === 0 ? newFrom : newFrom + 1, newLines, lines});
    lines = [];
  };
  for (const [index, {kind, count}] of runs.entries()) {
    if (kind === 'same') {
      const last = index === runs.length - 1;
      if (lines.length > 0 && !last && count <= 2 * CONTEXT_LINES) {
        for (let i = 0; i < count; i++) push(' ', old[oldAt + i] as string);
      } else if (lines.length > 0) {
        finish();
      }
      oldAt += count;
      newAt += count;
      continue;
    }
    if (lines.length === 0) begin();
    for (let i = 0; i < count; i++) {
      if (kind === 'delete') push('-', old[oldAt++] as string);
      else push('+', now[newAt++] as string);
    }
    if (kind === 'delete') deleted += count;
    else added += count;
  }
  if (lines.length > 0) finish();
  return {binary: false, hunks, added, deleted};
}
