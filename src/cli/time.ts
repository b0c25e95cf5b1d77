/** Times for programs, as a distance from now, and the local zone. Layer: cli. */
import {formatTime} from '../repo/time.js';

/** Returns the local zone's offset from UTC at a time, in minutes (east is positive). */
export function localZone(ms: number): number {
  return -new Date(ms).getTimezoneOffset() || 0;
}

/** Returns a time for programs, ISO 8601: `2025-03-01T14:05:09+01:00`. */
export function isoTime(ms: number, zone = localZone(ms)): string {
  const [date, clock, offset] = formatTime(ms, zone).split(' ');
  return `${date}T${clock}${offset}`;
}

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['year', 31_556_952],
  ['month', 2_629_746],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** Returns the distance of a time from `now`: `just now`, `3 hours ago`, `in 2 days`. */
export function relativeTime(ms: number, now: number): string {
  const seconds = Math.round(Math.abs(now - ms) / 1000);
  for (const [name, size] of UNITS) {
    const count = Math.floor(seconds / size);
    if (count < 1) continue;
    const distance = `${count} ${name}${count === 1 ? '' : 's'}`;
    return ms <= now ? `${distance} ago` : `in ${distance}`;
  }
  return 'just now';
}
