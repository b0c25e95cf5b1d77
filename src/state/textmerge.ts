/**
 * Merges texts that come from one, line by line, byte for byte: what only one side changed is taken. Changes of both that
 * overlap or touch contradict each other, unless both made the same of it. Layer: state.
 */
import {fromBinary, toBinary} from '../bytes.js';
import type {Side, Versions} from '../tree/merge.js';
import {type CompareLines, isText, lineComparison, splitLines} from './textdiff.js';

/**
 * Returns the merged text; where both sides changed the same lines those of `side`, or without one undefined for the whole. So
 * it is for what is not text.
 */
export type MergeText = (bodies: Versions<Uint8Array>, side?: Side) => Buffer | undefined;

/** Lines `from` to `to` − 1 of the old text became lines `start` to `end` − 1. */
interface Change {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

/** Returns what merges texts; it is loaded at the first use. */
export async function textMerge(): Promise<MergeText> {
  const compare = await lineComparison();
  return ({base, ours, theirs}, side) => {
    if (![base, ours, theirs].every(isText)) return undefined;
    const lines = (body: Uint8Array) => splitLines(toBinary(body));
    const merged = mergeLines(compare, {base: lines(base), ours: lines(ours), theirs: lines(theirs)}, side);
    return merged && fromBinary(merged.join(''));
  };
}

function mergeLines(
  compare: CompareLines,
  {base, ours, theirs}: Versions<readonly string[]>,
  side: Side | undefined,
): readonly string[] | undefined {
  const merged: string[] = [];
  const own = new Changes(base, ours, compare);
  const other = new Changes(base, theirs, compare);
  let done = 0;
  for (;;) {
    const from = Math.min(own.next, other.next);
    for (const line of base.slice(done, from)) merged.push(line);
    if (from === Number.POSITIVE_INFINITY) return merged;
    let to = from;
    // each may reach into the next one of the other side
    for (let reached = -1; reached !== to; ) {
      reached = to;
      to = other.takeUpTo(own.takeUpTo(to));
    }
    const [mine, yours] = [own.linesOf(from, to), other.linesOf(from, to)];
    const chosen =
      mine && yours && !sameLines(mine, yours) ? side && {ours: mine, theirs: yours}[side] : (mine ?? yours);
    if (chosen === undefined) return undefined;
    for (const line of chosen) merged.push(line);
    done = to;
  }
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}

/** The changes of one side, which are taken from the first to the last. */
class Changes {
  private readonly all: readonly Change[];
  private at = 0;
  private first = 0;

  constructor(
    base: readonly string[],
    private readonly lines: readonly string[],
    compare: CompareLines,
  ) {
    this.all = changesOf(compare, base, lines);
  }

  /** The line where the next change begins. */
  get next(): number {
    return this.all[this.at]?.from ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the changes that begin at line `to` at the latest, and returns where the last of them ends, or `to` if that is later. */
  takeUpTo(to: number): number {
    let end = to;
    while (this.next <= end) {
      end = Math.max(end, (this.all[this.at] as Change).to);
      this.at++;
    }
    return end;
  }

  /** Returns what became of lines `from` to `to` − 1 by the changes taken since the last call; undefined if there are none. */
  linesOf(from: number, to: number): readonly string[] | undefined {
    const [first, last] = [this.all[this.first], this.all[this.at - 1]];
    if (this.first === this.at || first === undefined || last === undefined) return undefined;
    this.first = this.at;
    return this.lines.slice(first.start - (first.from - from), last.end + (to - last.to));
  }
}

function changesOf(compare: CompareLines, old: readonly string[], now: readonly string[]): readonly Change[] {
  const {head, runs} = compare(old, now);
  const changes: Change[] = [];
  let [from, start] = [head, head];
  let [to, end] = [head, head];
  const close = () => {
    if (to > from || end > start) changes.push({from, to, start, end});
    [from, start] = [to, end];
  };
  for (const {kind, count} of runs) {
    if (kind === 'same') close();
    if (kind !== 'insert') to += count;
    if (kind !== 'delete') end += count;
    if (kind === 'same') [from, start] = [to, end];
  }
  close();
  return changes;
}
