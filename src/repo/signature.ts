/**
 * Signatures: who did something and when, as commits and tags carry them. Layer: repo.
 */
import {
  anyText,
  asAnyText,
  asArray,
  asInteger,
  asWideInteger,
  type Field,
  invalid,
  wideInteger,
} from '../objects/codec.js';
import type {RepoContext} from './context.js';

export interface Signature {
  readonly name: string;
  readonly email: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Minutes east of UTC. */
  readonly zone: number;
}

/** The greatest time that JavaScript's Date can show, in milliseconds either side of 1970. */
const MAX_TIME = 8.64e15;
const MAX_ZONE = 24 * 60;

/** Returns the time of a `wideInteger` field. Throws OBJECT_INVALID for one that no Date can show. */
export function asTime(value: unknown): number {
  const time = asWideInteger(value);
  if (Math.abs(time) > MAX_TIME) throw invalid('has an impossible time');
  return time;
}

/** Returns a zone in minutes east of UTC. Throws OBJECT_INVALID. */
export function asZone(value: unknown): number {
  const zone = asInteger(value);
  if (Math.abs(zone) > MAX_ZONE) throw invalid('has an impossible time zone');
  return zone;
}

export function fieldOfSignature(signature: Signature): Field {
  return [
    wideInteger(Math.trunc(signature.time)),
    // a zone of −0 has no canonical form
    Math.trunc(signature.zone) + 0,
    anyText(signature.name),
    anyText(signature.email),
  ];
}

export function asSignature(value: unknown): Signature {
  const [time, zone, name, email, ...rest] = asArray(value);
  if (rest.length > 0) throw invalid('has a signature with too many fields');
  return {name: asAnyText(name), email: asAnyText(email), time: asTime(time), zone: asZone(zone)};
}

/** Returns the signature of whoever acts now. */
export function signatureNow(context: RepoContext): Signature {
  const time = context.now();
  return {...context.identity(), time, zone: context.zone(time)};
}
