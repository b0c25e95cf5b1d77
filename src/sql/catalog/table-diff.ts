/**
 * What differs between two versions of a table, row by row, also where its columns changed between them. Versions of one
 * shape are compared node by node, so that what they share is not read. Layer: sql.
 */
import {FILES_SPEC, fromRow, sameFile} from '../../state/files.js';
import {type Cell, type Row, sameCell} from '../../tree/cell.js';
import {diffTrees, type RowChange} from '../../tree/diff.js';
import {encodeKey} from '../../tree/key.js';
import {scanRows, type TreeRange} from '../../tree/read.js';
import {sameSpec} from '../../tree/spec.js';
import type {SourceColumn, TreeSource} from '../source.js';
import type {Value} from '../values/value.js';
import {readCell} from './cell-value.js';
import {foldName} from './names.js';

/** A version of a table; undefined where there is none. */
export type Version = TreeSource | undefined;

/** Returns the keys of a version that are to be looked at. */
export type RangeOf = (version: TreeSource) => TreeRange;

const everything: RangeOf = () => ({});

/** Returns whether two versions are known to have the same rows, without reading any. */
export function sameVersion(a: Version, b: Version): boolean {
  return a === b || (a !== undefined && b !== undefined && a.root === b.root && sameShape(a, b));
}

/** A column of two versions of a table: its place among the columns of each, undefined where a version does not have it. */
export interface ColumnPair {
  /** The newer name. */
  readonly name: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

const pairings = new WeakMap<readonly SourceColumn[], WeakMap<readonly SourceColumn[], readonly ColumnPair[]>>();

/**
 * Returns which columns of two versions are the same: those of one name, and those of one type in one place that have no
 * other partner, which were renamed. The columns of the newer version come first, in order.
 */
export function pairColumns(before: TreeSource, after: TreeSource): readonly ColumnPair[] {
  // history asks the same two shapes again and again
  let ofBefore = pairings.get(before.columns);
  if (ofBefore === undefined) {
    ofBefore = new WeakMap();
    pairings.set(before.columns, ofBefore);
  }
  let pairs = ofBefore.get(after.columns);
  if (pairs === undefined) {
    pairs = pairsOf(before.columns, after.columns);
    ofBefore.set(after.columns, pairs);
  }
  return pairs;
}

function pairsOf(before: readonly SourceColumn[], after: readonly SourceColumn[]): ColumnPair[] {
  const partners = new Map<number, number>();
  const taken = new Set<number>();
  const pair = (left: number, right: number) => {
    partners.set(right, left);
    taken.add(left);
  };
  const label = ({name, hidden}: SourceColumn) => `${hidden ? 'hidden' : 'shown'} ${foldName(name)}`;
  const places = new Map(before.map((column, left) => [label(column), left]));
  let moved = false;
  for (const [right, column] of after.entries()) {
    const left = places.get(label(column));
    if (left === undefined) continue;
    pair(left, right);
    if (!column.hidden && left !== right) moved = true;
  }
  // a rowid that was not declared has another name where a column took its own
  const left = before.findIndex(({hidden}, i) => hidden && !taken.has(i));
  const right = after.findIndex(({hidden}, i) => hidden && !partners.has(i));
  if (left >= 0 && right >= 0) pair(left, right);
  // where no column has moved, one place is one column, whatever its name
  for (let at = 0; !moved && at < Math.min(before.length, after.length); at++) {
    const [old, now] = [before[at] as SourceColumn, after[at] as SourceColumn];
    const free = !taken.has(at) && !partners.has(at) && !old.hidden && !now.hidden;
    if (free && old.type === now.type && old.collation === now.collation) pair(at, at);
  }
  return [
    ...after.map(({name}, right): ColumnPair => ({name, before: partners.get(right), after: right})),
    ...before.flatMap(({name}, left) => (taken.has(left) ? [] : [{name, before: left, after: undefined}])),
  ];
}

/** Returns the column of the tree that a column is; undefined for one that is computed. */
function storedPlace(source: TreeSource, column: number | undefined): number | undefined {
  const origin = column === undefined ? undefined : source.origins[column];
  return origin?.kind === 'stored' ? origin.column : undefined;
}

/** Returns whether the rows of two versions have the same columns in the same places. */
export function sameShape(a: TreeSource, b: TreeSource): boolean {
  if (a.columns === b.columns) return true;
  return (
    sameSpec(a.spec, b.spec) &&
    pairColumns(a, b).every(({before, after}) => {
      const place = storedPlace(a, before);
      return place !== undefined && place === storedPlace(b, after);
    })
  );
}

/** Returns whether a key means the same row in two versions: keys of the same columns, compared in the same way. */
export function sameKeys(a: TreeSource, b: TreeSource): boolean {
  if (a.key.length !== b.key.length) return false;
  const pairs = pairColumns(a, b);
  return a.key.every((column, i) => {
    const [part, other] = [a.spec.keys[i], b.spec.keys[i]];
    return (
      pairs.some(({before, after}) => before === column && after === b.key[i]) &&
      part?.collation === other?.collation &&
      part?.descending === other?.descending
    );
  });
}

/**
 * Yields the rows that differ from `before` to `after`, each once; in key order, unless the key itself is another one: then
 * every row was deleted and every row added. A new time alone is no change of a file.
 */
export function* diffVersions(before: Version, after: Version, range: RangeOf = everything): Generator<RowChange> {
  if (sameVersion(before, after)) return;
  if (before === undefined || after === undefined) {
    if (before) yield* allRows(before, 'before', range);
    if (after) yield* allRows(after, 'after', range);
  } else if (sameShape(before, after)) {
    const isFiles = after.spec === FILES_SPEC;
    for (const change of diffTrees(after.reader, after.spec, before.root, after.root, range(after))) {
      if (isFiles && change.before && change.after && sameFile(fromRow(change.before), fromRow(change.after))) continue;
      yield change;
    }
  } else if (sameKeys(before, after)) {
    yield* mergeRows(before, after, range);
  } else {
    yield* allRows(before, 'before', range);
    yield* allRows(after, 'after', range);
  }
}

function* allRows(source: TreeSource, side: 'before' | 'after', range: RangeOf): Generator<RowChange> {
  const {reader, spec, root} = source;
  for (const row of scanRows(reader, spec, root, range(source))) {
    const key = encodeKey(spec, row);
    yield side === 'before' ? {key, before: row, after: undefined} : {key, before: undefined, after: row};
  }
}

/** What happened to a row. */
export type RowChangeKind = 'added' | 'modified' | 'deleted';

/** Returns the word for a change. */
export function changeOf({before, after}: RowChange): RowChangeKind {
  return before === undefined ? 'added' : after === undefined ? 'deleted' : 'modified';
}

/** Goes through all rows of both: no node of one can be a node of the other. */
function* mergeRows(before: TreeSource, after: TreeSource, range: RangeOf): Generator<RowChange> {
  const older = allRows(before, 'before', range);
  const newer = allRows(after, 'after', range);
  const differs = comparison(before, after);
  let left = older.next();
  let right = newer.next();
  while (!left.done || !right.done) {
    const order = left.done ? 1 : right.done ? -1 : Buffer.compare(left.value.key, right.value.key);
    if (order < 0) {
      yield left.value as RowChange;
      left = older.next();
    } else if (order > 0) {
      yield right.value as RowChange;
      right = newer.next();
    } else {
      const {before: old} = left.value as RowChange;
      const {key, after: now} = right.value as RowChange;
      if (differs(old as Row, now as Row)) yield {key, before: old, after: now};
      left = older.next();
      right = newer.next();
    }
  }
}

/** Returns what compares rows of two shapes: a column that only one has is NULL in the other. */
function comparison(before: TreeSource, after: TreeSource): (old: Row, now: Row) => boolean {
  const places = pairColumns(before, after).map(
    pair => [storedPlace(before, pair.before), storedPlace(after, pair.after)] as const,
  );
  const cell = (row: Row, at: number | undefined) => (at === undefined ? null : (row[at] as Cell));
  return (old, now) => places.some(([left, right]) => !sameCell(cell(old, left), cell(now, right)));
}

/** Returns what computes columns of a source from its rows; one that it does not have is NULL. */
export function columnReader(
  source: TreeSource,
  columns: readonly (number | undefined)[],
): (row: Row, wanted: (index: number) => boolean, into: Value[], at: number) => void {
  const origins = columns.map(column => (column === undefined ? undefined : source.origins[column]));
  const {reader} = source;
  return (row, wanted, into, at) => {
    for (let i = 0; i < origins.length; i++) {
      const origin = origins[i];
      let value: Value = null;
      if (origin !== undefined && wanted(at + i)) {
        value =
          origin.kind === 'stored'
            ? readCell(reader, row[origin.column] as Cell)
            : origin.compute(...origin.inputs.map(input => row[input] as Cell));
      }
      into[at + i] = value;
    }
  };
}

/** Returns the columns that are the key, or computed from nothing else. */
export function keyColumns({columns, origins, spec}: TreeSource): number[] {
  const inKey = (column: number) => column < spec.keys.length;
  const keys: number[] = [];
  for (const column of columns.keys()) {
    const origin = origins[column];
    const isKey = origin?.kind === 'stored' ? inKey(origin.column) : origin?.inputs.every(inKey);
    if (isKey) keys.push(column);
  }
  return keys;
}
