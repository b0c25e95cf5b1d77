/**
 * Affinity: the type that a column or a comparison prefers, and CAST, which insists. Affinity changes a value only where
 * nothing is lost: a text that does not look like a number stays a text. Layer: sql.
 */
import {encodeText} from '../../bytes.js';
import {Real, realCell} from '../../tree/cell.js';
import {toInteger, toNumber, toText} from './convert.js';
import {numberPrefix, parseNumber} from './number.js';
import type {Affinity, Value} from './value.js';

/** Returns the affinity that a declared type gives, by SQLite's five rules in their order. */
export function affinityOf(declaredType: string): Affinity {
  const type = declaredType.toUpperCase();
  if (type.includes('INT')) return 'integer';
  if (type.includes('CHAR') || type.includes('CLOB') || type.includes('TEXT')) return 'text';
  if (type === '' || type.includes('BLOB')) return 'blob';
  if (type.includes('REAL') || type.includes('FLOA') || type.includes('DOUB')) return 'real';
  return 'numeric';
}

/** Returns the value as a column of the affinity stores it, or as a comparison with that affinity sees it. */
export function applyAffinity(v: Value, affinity: Affinity): Value {
  if (v === null) return v;
  switch (affinity) {
    case 'integer':
    case 'numeric':
      if (typeof v === 'number') return Number.isSafeInteger(v) ? v : wholeAsInteger(v);
      if (typeof v === 'string') return numberAsInteger(parseNumber(v)) ?? v;
      return v instanceof Real ? v.value + 0 : v;
    case 'text':
      return typeof v === 'string' || v instanceof Uint8Array ? v : toText(v);
    case 'real': {
      if (typeof v === 'number') return Number.isSafeInteger(v) ? new Real(v) : v;
      if (typeof v === 'bigint') return realCell(Number(v));
      if (typeof v !== 'string') return v;
      const number = parseNumber(v);
      return number === undefined ? v : applyAffinity(number, 'real');
    }
    default:
      return v;
  }
}

/** Returns a REAL outside the safe range as an INTEGER, if it is whole and strictly inside 64 bits. */
function wholeAsInteger(x: number): number | bigint {
  return Number.isInteger(x) && x > -(2 ** 63) && x < 2 ** 63 ? BigInt(x) : x;
}

function numberAsInteger(v: number | bigint | Real | undefined): number | bigint | undefined {
  if (typeof v === 'number') return Number.isSafeInteger(v) ? v : wholeAsInteger(v);
  return v instanceof Real ? v.value + 0 : v;
}

/** Returns CAST(v AS type) for the affinity of the type. */
export function castValue(v: Value, type: Affinity): Value {
  if (v === null) return v;
  switch (type) {
    case 'text':
      return toText(v);
    case 'integer':
      return toInteger(v);
    case 'real':
      return realCell(toNumber(v));
    case 'numeric':
      if (typeof v === 'string') return numberPrefix(v);
      return v instanceof Uint8Array ? numberPrefix(toText(v) as string) : v;
    default:
      return v instanceof Uint8Array ? v : encodeText(toText(v) as string);
  }
}
