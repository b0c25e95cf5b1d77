/**
 * The values that queries compute with: cells (`tree/cell.ts`), except that a value outside its row has been read.
 * A safe whole number is INTEGER, any other number is REAL, a `Real` is a REAL that is a safe whole number or −0, a
 * bigint is an INTEGER beyond ±(2⁵³ − 1). So equal values of one type have one form. Layer: sql.
 */
import type {Real} from '../../tree/cell.js';

export type Value = null | number | bigint | string | Uint8Array | Real;

/** The type of a value, as `typeof()` names it. */
export type TypeName = 'null' | 'integer' | 'real' | 'text' | 'blob';

/** The affinity of a column or an expression; 'none' is that of an expression that is no column and no cast. */
export type Affinity = 'blob' | 'text' | 'numeric' | 'integer' | 'real' | 'none';

/** How texts compare. */
export type CollationName = 'binary' | 'nocase' | 'rtrim';
