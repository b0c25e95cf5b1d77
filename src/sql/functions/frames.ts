/**
 * Frames of window functions: for each row of a sorted partition the rows that its frame holds, as a range [from, to)
 * without what EXCLUDE takes out. Both ends of the ranges never move back from one row to the next. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {Real} from '../../tree/cell.js';
import {applyAffinity} from '../values/affinity.js';
import {add, subtract} from '../values/arithmetic.js';
import {comparator} from '../values/compare.js';
import type {CollationName, Value} from '../values/value.js';

export type FrameEdge =
  | {readonly kind: 'unbounded preceding' | 'current row' | 'unbounded following'}
  | {readonly kind: 'preceding' | 'following'; readonly offset: Value};

export interface WindowFrame {
  readonly unit: 'rows' | 'range' | 'groups';
  readonly start: FrameEdge;
  readonly end: FrameEdge;
  readonly exclude: 'no others' | 'current row' | 'group' | 'ties';
}

/** The rows of one partition, in the order of the window; rows are numbers from 0. */
export interface Partition {
  readonly rows: number;
  /** Returns whether the ORDER BY of the window tells two rows not apart; all rows are peers without an ORDER BY. */
  readonly peers: (a: number, b: number) => boolean;
  /** For RANGE with an offset: the value of the one ORDER BY term, its direction, and how its texts compare. */
  readonly orderValue?: (row: number) => Value;
  readonly descending?: boolean;
  /** Where its NULLs are; first unless given, last if descending. */
  readonly nullsFirst?: boolean;
  readonly orderCollation?: CollationName;
}

/** Groups of peers: for each row the number of its group; for each group its first row, and the number of rows at the end. */
export interface PeerGroups {
  readonly groupOf: Int32Array;
  readonly starts: readonly number[];
}

export interface FrameRanges {
  /** For each row, the first row of its frame and the row after its last; not above 0 rows if `to` ≤ `from`. */
  readonly from: Int32Array;
  readonly to: Int32Array;
}

/** Returns the groups of peers of a partition. */
export function peerGroups({rows, peers}: Partition): PeerGroups {
  const groupOf = new Int32Array(rows);
  const starts: number[] = [];
  for (let row = 0; row < rows; row++) {
    if (row === 0 || !peers(row - 1, row)) starts.push(row);
    groupOf[row] = starts.length - 1;
  }
  starts.push(rows);
  return {groupOf, starts};
}

/** Returns the frame of each row, EXCLUDE aside. */
export function frameRanges(partition: Partition, frame: WindowFrame, groups: () => PeerGroups): FrameRanges {
  return {from: edges(partition, frame, 'start', groups), to: edges(partition, frame, 'end', groups)};
}

function edges(partition: Partition, frame: WindowFrame, side: 'start' | 'end', groups: () => PeerGroups): Int32Array {
  const {rows} = partition;
  const edge = frame[side];
  const ends = new Int32Array(rows);
  if (edge.kind === 'unbounded preceding') return ends;
  if (edge.kind === 'unbounded following') return ends.fill(rows);
  if ('offset' in edge && frame.unit === 'range') {
    return rangeEdges(partition, edge.kind, rangeOffset(edge.offset, side), side, groups());
  }
  const distance = 'offset' in edge ? countOffset(edge.offset, side, rows) : 0;
  // Row or group numbers: the frame starts at the one so far away, or ends before the one after it.
  const shift = (edge.kind === 'preceding' ? -distance : distance) + (side === 'end' ? 1 : 0);
  if (frame.unit === 'rows') {
    for (let row = 0; row < rows; row++) ends[row] = Math.max(0, Math.min(row + shift, rows));
    return ends;
  }
  const {groupOf, starts} = groups();
  for (let row = 0; row < rows; row++) {
    ends[row] = starts[Math.max(0, Math.min((groupOf[row] as number) + shift, starts.length - 1))] as number;
  }
  return ends;
}

/** Returns the offset of ROWS or GROUPS, or a number that leaves any partition if it is greater. */
function countOffset(v: Value, side: 'start' | 'end', rows: number): number {
  const offset = applyAffinity(v, 'numeric');
  const whole = typeof offset === 'bigint' || (typeof offset === 'number' && Number.isSafeInteger(offset));
  if (whole && offset >= 0) return Math.min(Number(offset), rows + 1);
  throw new DbosError('SQL_VALUE', `frame ${side}ing offset must be a non-negative integer.`);
}

function rangeOffset(v: Value, side: 'start' | 'end'): Value {
  const offset = applyAffinity(v, 'numeric');
  if ((typeof offset === 'number' || typeof offset === 'bigint') && offset >= 0) return offset;
  throw new DbosError('SQL_VALUE', `frame ${side}ing offset must be a non-negative number.`);
}

/**
 * Returns the edges that lie an offset away from each row's value. The offset moves only numbers: for NULL, texts and blobs
 * an edge is the edge of the peers. As in SQLite, the earlier of the two values compared is the one that is moved.
 */
function rangeEdges(
  partition: Partition,
  kind: 'preceding' | 'following',
  offset: Value,
  side: 'start' | 'end',
  groups: PeerGroups,
): Int32Array {
  const {rows, orderValue, descending = false} = partition;
  if (orderValue === undefined) throw new TypeError('RANGE with an offset needs the values of the order');
  const compare = order(partition);
  const move = descending ? subtract : add;
  const moved = (v: Value): Value => (isNumber(v) ? move(v, offset) : v);
  const ends = new Int32Array(rows);
  const {starts} = groups;
  // An edge is where a group of peers begins, so only groups are looked at.
  let at = 0;
  for (let group = 0; group + 1 < starts.length; group++) {
    const here = orderValue(starts[group] as number);
    const bound = kind === 'following' ? moved(here) : here;
    for (; at + 1 < starts.length; at++) {
      const there = orderValue(starts[at] as number);
      const distance = compare(kind === 'preceding' ? moved(there) : there, bound);
      if (side === 'start' ? distance >= 0 : distance > 0) break;
    }
    ends.fill(starts[at] as number, starts[group], starts[group + 1]);
  }
  return ends;
}

function isNumber(v: Value): boolean {
  return typeof v === 'number' || typeof v === 'bigint' || v instanceof Real;
}

/** Returns the comparison of values as the window's ORDER BY has them. */
function order({descending = false, nullsFirst = !descending, orderCollation = 'binary'}: Partition) {
  const compare = comparator(orderCollation);
  return (a: Value, b: Value): number => {
    if (a === null || b === null) {
      if (a === b) return 0;
      return (a === null) === nullsFirst ? -1 : 1;
    }
    return descending ? compare(b, a) : compare(a, b);
  };
}
