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
import type {TreeSource} from '../source.js';
import type {Value} from '../values/value.js';
import {readCell} from './cell-value.js';

/** A version of a table; undefined where there is none. */
export type Version = TreeSource | undefined;

/** Returns the keys of a version that are to be looked at. */
export type RangeOf = (version: TreeSource) => TreeRange;

const everything: RangeOf = () => ({});

/** Returns whether two versions are known to have the same rows, without reading any. */
export function sameVersion(a: Version, b: Version): boolean {
  return a === b || (a !== undefined && b !== undefined && a.root === b.root && sameShape(a, b));
}

/** Returns whether the rows of two versions have the same columns in the same places. */
export function sameShape(a: TreeSource, b: TreeSource): boolean {
  if (a.columns === b.columns) return true;
  return (
    sameSpec(a.spec, b.spec) &&
    a.columns.length === b.columns.length &&
    a.columns.every((column, i) => {
      const left = a.origins[i];
      const right = b.origins[i];
      const sameOrigin = left?.kind === 'stored' && right?.kind === 'stored' && left.column === right.column;
      return sameOrigin && column.name === b.columns[i]?.name;
    })
  );
}

/** Returns whether a key means the same row in two versions: keys of the same columns, compared in the same way. */
export function sameKeys(a: TreeSource, b: TreeSource): boolean {
  const names = (source: TreeSource) => source.key.map(column => source.columns[column]?.name);
  const left = names(a);
  const right = names(b);
  return (
    left.length === right.length &&
    left.every((name, i) => name === right[i]) &&
    a.spec.keys.every((part, i) => {
      const other = b.spec.keys[i];
      return part.collation === other?.collation && part.descending === other.descending;
    })
  );
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

/** Returns the word for a change. */
export function changeOf({before, after}: RowChange): 'added' | 'modified' | 'deleted' {
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
  const pairs: (readonly [number | undefined, number | undefined])[] = [];
  const place = (source: TreeSource, name: string): number | undefined => {
    const origin = source.origins[source.columns.findIndex(column => column.name === name)];
    return origin?.kind === 'stored' ? origin.column : undefined;
  };
  const names = new Set([...before.columns, ...after.columns].map(column => column.name));
  for (const name of names) pairs.push([place(before, name), place(after, name)]);
  const cell = (row: Row, at: number | undefined) => (at === undefined ? null : (row[at] as Cell));
  return (old, now) => pairs.some(([left, right]) => !sameCell(cell(old, left), cell(now, right)));
}

/** Returns what computes columns of a source from its rows; a name that it does not have is NULL. */
export function columnReader(
  source: TreeSource,
  names: readonly string[],
): (row: Row, wanted: (index: number) => boolean, into: Value[], at: number) => void {
  const origins = names.map(name => source.origins[source.columns.findIndex(column => column.name === name)]);
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

/** Returns the names of the columns that are the key, or computed from nothing else. */
export function keyNames({columns, origins, spec}: TreeSource): string[] {
  const inKey = (column: number) => column < spec.keys.length;
  const names: string[] = [];
  for (const [i, {name}] of columns.entries()) {
    const origin = origins[i];
    const isKey = origin?.kind === 'stored' ? inKey(origin.column) : origin?.inputs.every(inKey);
    if (isKey) names.push(name);
  }
  return names;
}
