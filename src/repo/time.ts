/**
 * Points in time as people write them: ISO 8601, dates, seconds since 1970, and words. Common forms are read here; only
 * other words load chrono-node. A time without a zone is local; a day without a time begins at 00:00. Layer: repo.
 */
import {DbosError} from '../errors.js';

/** Returns the local zone at a time (milliseconds since 1970), in minutes east of UTC. */
export type ZoneOf = (time: number) => number;

const MINUTE = 60_000;
/** The greatest time that a Date can show, either side of 1970. */
const MAX_TIME = 8.64e15;
const EPOCH = /^@(-?\d{1,13}(?:\.\d{1,9})?)$/;
const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:(?:t| )(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?(z|utc|gmt|[+-]\d{2}(?::?\d{2})?))?)?$/;
const DAY = /^(today|yesterday)(?:(?: at)? (\d{1,2}):(\d{2})(?::(\d{2}))?)?$/;
const AGO = /^(\d{1,9}|an?|one) (second|sec|minute|min|hour|day|week|month|year)s? ago$/;
const LAST = /^(?:last|past) (hour|day|week|month|year)$/;

const WORDS = new Set(
  (
    'now today yesterday tomorrow tonight noon midnight morning afternoon evening night last this next past ago before ' +
    'second seconds minute minutes hour hours day days week weeks month months year years monday tuesday wednesday ' +
    'thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun january february march april may june ' +
    'july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec'
  ).split(' '),
);

/** Returns whether a text may be a time, so that trying costs loading chrono-node only where it makes sense. */
export function looksLikeTime(text: string): boolean {
  return (
    /\d/.test(text) ||
    text
      .toLowerCase()
      .split(/[^a-z]+/)
      .some(word => WORDS.has(word))
  );
}

/** Returns the time that a text means, in milliseconds since 1970. Throws TIME_INVALID. */
export async function parseTime(text: string, now: number, zone: ZoneOf): Promise<number> {
  const plain = text.trim().toLowerCase().replace(/\s+/g, ' ');
  // chrono-node would find some meaning in 2024-02-30 too
  const isPlain = ISO.test(plain) || DAY.test(plain);
  const words = !isPlain && looksLikeTime(plain);
  const time = parsePlain(plain, now, zone) ?? (words ? await parseWords(plain, now, zone) : undefined);
  if (time === undefined) {
    throw new DbosError('TIME_INVALID', `'${text}' is not a time.`, {
      hint: "Write a date like 2024-05-31, a time like '2024-05-31 14:00', or words like '2 hours ago'.",
      data: {text},
    });
  }
  return time;
}

/** Local parts of a time; months count from 0, and parts beyond their range carry over. */
type Parts = [year: number, month: number, day: number, hour: number, minute: number, second: number, ms: number];

function parsePlain(text: string, now: number, zone: ZoneOf): number | undefined {
  if (text === 'now') return now;
  const epoch = EPOCH.exec(text);
  if (epoch) return checked(Math.round(Number(epoch[1]) * 1000));
  const iso = ISO.exec(text);
  if (iso) return parseIso(iso, zone);

  const parts = partsOf(now, zone);
  const day = DAY.exec(text);
  if (day) {
    const [, word, hour, minute, second] = day;
    if (word === 'yesterday') parts[2] -= 1;
    if (hour !== undefined) {
      if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 59) return undefined;
      parts.splice(3, 4, Number(hour), Number(minute), Number(second ?? 0), 0);
    } else if (word === 'today') parts.splice(3, 4, 0, 0, 0, 0);
    return fromParts(parts, zone);
  }
  const ago = AGO.exec(text);
  const last = LAST.exec(text);
  if (!ago && !last) return undefined;
  const count = ago && /^\d/.test(ago[1] as string) ? Number(ago[1]) : 1;
  return before(parts, now, count, (ago?.[2] ?? last?.[1]) as string, zone);
}

/** Returns the time so many units before now: units up to hours by the clock, longer ones by the calendar. */
function before(parts: Parts, now: number, count: number, unit: string, zone: ZoneOf): number | undefined {
  if (unit.startsWith('sec')) return now - count * 1000;
  if (unit.startsWith('min')) return now - count * MINUTE;
  if (unit === 'hour') return now - count * 60 * MINUTE;
  if (unit === 'day' || unit === 'week') {
    parts[2] -= unit === 'day' ? count : 7 * count;
    return fromParts(parts, zone);
  }
  const months = parts[0] * 12 + parts[1] - (unit === 'month' ? count : 12 * count);
  parts[0] = Math.floor(months / 12);
  parts[1] = months - parts[0] * 12;
  // a month before 31 March is the last day of February
  parts[2] = Math.min(parts[2], new Date(Date.UTC(parts[0], parts[1] + 1, 0)).getUTCDate());
  return fromParts(parts, zone);
}

function parseIso(match: RegExpExecArray, zone: ZoneOf): number | undefined {
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', offset] = match;
  const milliseconds = Math.floor(Number(`0.${fraction}`) * 1000);
  const parts: Parts = [
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    milliseconds,
  ];
  const utc = utcOf(parts);
  const date = new Date(utc);
  const exists =
    date.getUTCMonth() === parts[1] &&
    date.getUTCDate() === parts[2] &&
    parts[3] < 24 &&
    parts[4] < 60 &&
    parts[5] < 60;
  if (!exists) return undefined;
  if (offset === undefined) return fromParts(parts, zone);
  if (!/^[+-]/.test(offset)) return utc;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(3).replace(':', ''));
  if (hours > 23 || minutes > 59) return undefined;
  return utc - (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * MINUTE;
}

function utcOf(parts: Parts): number {
  const date = new Date(0);
  // Date.UTC would take the years 0 to 99 for 1900 to 1999
  date.setUTCFullYear(parts[0], parts[1], parts[2]);
  date.setUTCHours(parts[3], parts[4], parts[5], parts[6]);
  return date.getTime();
}

function partsOf(time: number, zone: ZoneOf): Parts {
  const local = new Date(time + zone(time) * MINUTE);
  return [
    local.getUTCFullYear(),
    local.getUTCMonth(),
    local.getUTCDate(),
    local.getUTCHours(),
    local.getUTCMinutes(),
    local.getUTCSeconds(),
    local.getUTCMilliseconds(),
  ];
}

/** Returns the time with these local parts; of a local time that comes twice, the first one. */
function fromParts(parts: Parts, zone: ZoneOf): number | undefined {
  const wall = utcOf(parts);
  if (Number.isNaN(wall)) return undefined;
  const early = wall - zone(wall - 24 * 60 * MINUTE) * MINUTE;
  const late = wall - zone(wall + 24 * 60 * MINUTE) * MINUTE;
  for (const time of [Math.min(early, late), Math.max(early, late)]) {
    if (time + zone(time) * MINUTE === wall) return checked(time);
  }
  // a local time that the clocks skipped
  return checked(Math.max(early, late));
}

function checked(time: number): number | undefined {
  return Math.abs(time) <= MAX_TIME ? time : undefined;
}

async function parseWords(text: string, now: number, zone: ZoneOf): Promise<number | undefined> {
  const {casual} = await import('chrono-node/en');
  const found = casual.parse(text, {instant: new Date(now), timezone: zone(now)});
  const {start, end, text: read} = found[0] ?? {};
  // a text of which only a part is a time is something else: a tag v1.3, say
  if (found.length !== 1 || read !== text || start == null || end) return undefined;
  if (start.isCertain('timezoneOffset')) return start.date().getTime();
  const get = (part: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'millisecond') => start.get(part) ?? 0;
  const parts: Parts = [
    get('year'),
    get('month') - 1,
    get('day'),
    get('hour'),
    get('minute'),
    get('second'),
    get('millisecond'),
  ];
  // chrono takes noon for a day without a time
  const isDay = start.isCertain('day') || start.isCertain('weekday');
  const atNoon = parts[3] === 12 && parts[4] === 0;
  if (isDay && atNoon && !start.isCertain('hour')) parts[3] = 0;
  const time = fromParts(parts, zone);
  if (time === undefined || time <= now) return time;
  // what is asked for is the past: 'tuesday' is the last one, 14:00 in the morning is yesterday's
  if (start.isCertain('weekday') && !start.isCertain('day')) parts[2] -= 7;
  else if (start.isCertain('hour') && !isDay) parts[2] -= 1;
  else if (start.isCertain('day') && start.isCertain('month') && !start.isCertain('year')) parts[0] -= 1;
  else return time;
  return fromParts(parts, zone);
}

/** Returns a time for people, to the second, in a zone (minutes east of UTC): `2025-03-01 14:05:09 +01:00`. */
export function formatTime(time: number, zone: number): string {
  // a zone may lead past the last time that a Date can show
  const shown = Math.max(-MAX_TIME, Math.min(MAX_TIME, time + zone * MINUTE));
  const local = new Date(shown).toISOString().slice(0, -5).replace('T', ' ');
  const minutes = Math.abs(zone);
  const pad = (value: number) => String(value).padStart(2, '0');
  return `${local} ${zone < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}
