/**
 * Cells: the values of rows, as SQLite types them. INTEGER and REAL stay apart without costing the common case anything:
 * a safe whole number is INTEGER, any other JavaScript number is REAL, a whole-numbered REAL is boxed, and an INTEGER
 * beyond ±2⁵³ is a bigint. Text is a string as `bytes.ts` defines it (any bytes). A large value stands outside its row
 * as a `ContentRef`. Layer: tree.
 */
import type {ObjectId} from '../objects/id.js';

/** A REAL whose value is a safe whole number or −0, which as a plain number would be an INTEGER. */
export class Real {
  constructor(readonly value: number) {}
}

/** A value that stands outside its row: the body of a file, or any text or blob over `INLINE_LIMIT` bytes. */
export class ContentRef {
  constructor(
    /** A blob, or a `content` object if `chunked`. */
    readonly id: ObjectId,
    /** Length of the whole value in bytes. */
    readonly size: number,
    readonly chunked: boolean,
    /** Whether the value is TEXT (else BLOB). */
    readonly text: boolean,
  ) {}
}

export type Cell = null | number | bigint | string | Uint8Array | Real | ContentRef;

/** A row: the key columns first, in key order, then the other columns in the order of the schema. */
export type Row = readonly Cell[];

/** Text and blobs longer than this many bytes leave the row. */
export const INLINE_LIMIT = 1024;

export const MIN_INTEGER = -(2n ** 63n);
export const MAX_INTEGER = 2n ** 63n - 1n;

/** Returns the cell of a 64-bit integer: a number where it is safe, else a bigint. Throws a `RangeError` beyond 64 bits. */
export function integerCell(value: bigint): number | bigint {
  if (value >= -9007199254740991n && value <= 9007199254740991n) return Number(value);
  if (value < MIN_INTEGER || value > MAX_INTEGER) throw new RangeError('an INTEGER has 64 bits');
  return value;
}

/** Returns the cell of a REAL. */
export function realCell(value: number): number | Real {
  return Number.isSafeInteger(value) ? new Real(value) : value;
}

/** Returns whether two cells are the same value of the same type (−0 and 0 differ; NaN equals NaN). */
export function sameCell(a: Cell, b: Cell): boolean {
  if (Object.is(a, b)) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Real) return b instanceof Real && Object.is(a.value, b.value);
  return b instanceof ContentRef && a.id === b.id && a.size === b.size && a.chunked === b.chunked && a.text === b.text;
}
