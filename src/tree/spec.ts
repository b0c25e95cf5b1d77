/**
 * What a tree must know of its rows: which columns are the key and how each sorts, how many columns there are, and how
 * many rows a node aims at. The spec is not in the nodes; the table object holds it. Rows and spec together fix the
 * root of a tree. Layer: tree.
 */
import type {ObjectId} from '../objects/id.js';

/** The order of text in a key column; as in SQLite, and `path`: byte by byte, but '/' sorts before every other byte. */
export type Collation = 'binary' | 'nocase' | 'rtrim' | 'path';

export interface KeyColumn {
  readonly collation: Collation;
  readonly descending: boolean;
}

export interface TreeSpec {
  /** The key columns; they are the first columns of a row. */
  readonly keys: readonly KeyColumn[];
  /** The number of columns, key columns included. */
  readonly columns: number;
  /** The number of rows that a leaf has on average, 2 to `MAX_TARGET`; no leaf has more than three times as many. */
  readonly leafRows: number;
  /** The number of children that an inner node has on average, 2 to `MAX_TARGET`. */
  readonly innerRows: number;
}

/** The root node of a tree; null is the tree without rows. */
export type TreeRoot = ObjectId | null;

export const MAX_TARGET = 4096;

const MAX_COLUMNS = 32_767;

const checked = new WeakSet<TreeSpec>();

/** Returns the spec. Throws a `TypeError` unless its numbers are in bounds. */
export function checkSpec(spec: TreeSpec): TreeSpec {
  if (checked.has(spec)) return spec;
  const within = (value: number, low: number, high: number) =>
    Number.isSafeInteger(value) && value >= low && value <= high;
  if (!within(spec.keys.length, 1, spec.columns))
    throw new TypeError('a tree needs 1 to all of its columns as the key');
  if (!within(spec.columns, 1, MAX_COLUMNS)) throw new TypeError(`a tree has 1 to ${MAX_COLUMNS} columns`);
  if (!within(spec.leafRows, 2, MAX_TARGET)) throw new TypeError(`leafRows is 2 to ${MAX_TARGET}`);
  if (!within(spec.innerRows, 2, MAX_TARGET)) throw new TypeError(`innerRows is 2 to ${MAX_TARGET}`);
  checked.add(spec);
  return spec;
}

/** The number of children that inner nodes of a table have on average, unless its schema says otherwise. */
export const DEFAULT_INNER_ROWS = 32;

/** What a cell of each affinity of SQLite takes in a leaf, in bytes, measured on tables as they are. */
const CELL_BYTES: readonly (readonly [declared: RegExp, bytes: number])[] = [
  [/INT/i, 4],
  [/CHAR|CLOB|TEXT/i, 12],
  [/BLOB|^$/i, 16],
];

/** Returns the `leafRows` of a new table, from the declared types of its columns: leaves of about 4 KiB, 16 to 256 rows. */
export function defaultLeafRows(columnTypes: readonly string[]): number {
  let bytes = 0;
  for (const type of columnTypes) bytes += CELL_BYTES.find(([declared]) => declared.test(type))?.[1] ?? 8;
  return Math.min(256, Math.max(16, Math.round(4096 / bytes)));
}

/** Returns whether two specs give the same trees. */
export function sameSpec(a: TreeSpec, b: TreeSpec): boolean {
  return (
    a === b ||
    (a.columns === b.columns &&
      a.leafRows === b.leafRows &&
      a.innerRows === b.innerRows &&
      a.keys.length === b.keys.length &&
      a.keys.every((key, i) => key.collation === b.keys[i]?.collation && key.descending === b.keys[i]?.descending))
  );
}
