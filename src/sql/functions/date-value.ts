/**
 * Time values and modifiers: the arguments of every date function, as SQLite takes them. What is no time value, or a
 * modifier that does not apply, makes the whole result NULL. Layer: sql.
 */
import {Real} from '../../tree/cell.js';
import {toNumber, toText} from '../values/convert.js';
import {parseNumber} from '../values/number.js';
import type {Value} from '../values/value.js';
import {DAY, Moment, UNIX_EPOCH} from './date-moment.js';
import type {FunctionContext} from './function.js';

const DATE = /^(-?)(\d{4})-(\d{2})-(\d{2})[\t-\r T]*/;
const TIME = /^(\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?[\t-\r ]*(?:[zZ][\t-\r ]*|([+-])(\d{2}):(\d{2})[\t-\r ]*)?$/;
const HAS_ZONE = /[zZ+-]/;

/** Returns the moment of a date function's arguments, a time value and its modifiers; undefined where the result is NULL. */
export function momentOf(context: FunctionContext, args: readonly Value[]): Moment | undefined {
  const moment = new Moment();
  const first = args[0];
  if (first === undefined) moment.setJulian(context.now + UNIX_EPOCH);
  else if (first === null) return undefined;
  else if (typeof first === 'number' || typeof first === 'bigint' || first instanceof Real) {
    moment.setNumber(toNumber(first));
  } else if (!readTimeValue(moment, toText(first) as string, context)) return undefined;
  for (let i = 1; i < args.length; i++) {
    const modifier = toText(args[i] as Value);
    if (modifier === null || !applyModifier(moment, modifier.toLowerCase(), i === 1, context)) return undefined;
  }
  moment.computeJulian();
  return moment.failed || !moment.inRange ? undefined : moment;
}

function readTimeValue(moment: Moment, text: string, context: FunctionContext): boolean {
  const date = DATE.exec(text);
  if (date !== null) {
    const year = Number(date[2]);
    const month = Number(date[3]);
    const day = Number(date[4]);
    if (month < 1 || month > 12 || day < 1 || day > 31) return false;
    const time = text.slice(date[0].length);
    if (time !== '' && !readTime(moment, time)) return false;
    moment.setDate(date[1] === '' ? year : -year, month, day);
    if (moment.offset !== 0) moment.computeJulian();
    return true;
  }
  if (readTime(moment, text)) return true;
  const number = parseNumber(text);
  if (number !== undefined) {
    moment.setNumber(toNumber(number));
    return true;
  }
  const word = text.toLowerCase();
  if (word === 'subsec' || word === 'subsecond') moment.subsecond = true;
  else if (word !== 'now') return false;
  moment.setJulian(context.now + UNIX_EPOCH);
  moment.isUtc = false;
  return true;
}

/** Reads `HH:MM[:SS[.SSS]]` with an optional zone into the moment. */
function readTime(moment: Moment, text: string): boolean {
  const time = TIME.exec(text);
  if (time === null) return false;
  const [, hour, minute, second, fraction, sign, zoneHour, zoneMinute] = time;
  if (Number(hour) > 24 || Number(minute) > 59 || Number(second ?? 0) > 59) return false;
  if (Number(zoneHour ?? 0) > 14 || Number(zoneMinute ?? 0) > 59) return false;
  moment.setTime(Number(hour), Number(minute), Number(second ?? 0) + Number(fraction ?? 0));
  moment.isUtc = HAS_ZONE.test(text);
  moment.offset = (Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0)) * (sign === '-' ? -1 : 1) + 0;
  return true;
}

/** Applies a modifier, in lower case; returns false if it is none or does not apply here. */
function applyModifier(moment: Moment, modifier: string, first: boolean, context: FunctionContext): boolean {
  switch (modifier) {
    case 'auto':
      if (!first) return false;
      if (moment.raw !== undefined && !moment.hasJulian) return applySeconds(moment, 253_402_300_799);
      moment.raw = undefined;
      return true;
    case 'unixepoch':
      return first && applySeconds(moment, Infinity);
    case 'julianday':
      if (!first || moment.raw === undefined || !moment.hasJulian) return false;
      moment.raw = undefined;
      return true;
    case 'ceiling':
      moment.move(0);
      moment.overflow = 0;
      return true;
    case 'floor':
      moment.move(-moment.overflow * DAY);
      moment.overflow = 0;
      return true;
    case 'localtime':
      moment.computeJulian();
      moment.move(zoneAt(context, moment.julian));
      return true;
    case 'utc':
      if (!moment.isUtc) toUtc(moment, context);
      return true;
    case 'subsec':
    case 'subsecond':
      moment.subsecond = true;
      return true;
    default:
      if (modifier.startsWith('start of ')) return applyStart(moment, modifier.slice(9));
      if (modifier.startsWith('weekday ')) return applyWeekday(moment, modifier.slice(8));
      return applyShift(moment, modifier);
  }
}

/** Takes the number that the moment was made of for seconds since 1970. */
function applySeconds(moment: Moment, most: number): boolean {
  const {raw} = moment;
  if (raw === undefined) return false;
  const julian = raw * 1000 + UNIX_EPOCH;
  if (!(julian >= 0 && julian < 464_269_060_800_000 && raw <= most)) return false;
  moment.dropDateAndTime();
  moment.setJulian(Math.trunc(julian + 0.5));
  moment.raw = undefined;
  return true;
}

/** Returns how far local time is ahead of UTC at a moment of UTC, in milliseconds. */
function zoneAt(context: FunctionContext, julian: number): number {
  return context.zone(julian - UNIX_EPOCH) * 60_000;
}

function toUtc(moment: Moment, context: FunctionContext): void {
  moment.computeJulian();
  const local = moment.julian;
  let guess = local;
  // Some local times do not exist and some are there twice, so the search has to end.
  for (let i = 0; i < 3; i++) {
    const error = guess + zoneAt(context, guess) - local;
    if (error === 0) break;
    guess -= error;
  }
  moment.move(guess - local);
  moment.isUtc = true;
}

function applyStart(moment: Moment, unit: string): boolean {
  if (!moment.hasJulian && !moment.hasDate && !moment.hasTime) return false;
  if (unit !== 'day' && unit !== 'month' && unit !== 'year') return false;
  moment.computeDate();
  if (moment.failed) return true;
  moment.setTime(0, 0, 0);
  moment.offset = 0;
  if (unit !== 'day') moment.setDate(moment.year, unit === 'year' ? 1 : moment.month, 1);
  return true;
}

function applyWeekday(moment: Moment, text: string): boolean {
  const number = parseNumber(text);
  const day = number === undefined ? -1 : toNumber(number);
  if (!(day >= 0 && day < 7 && Number.isInteger(day))) return false;
  moment.computeDateAndTime();
  moment.offset = 0;
  moment.hasJulian = false;
  moment.computeJulian();
  moment.setJulian(moment.julian + ((day - moment.weekday() + 7) % 7) * DAY);
  moment.dropDateAndTime();
  return true;
}

const AMOUNT = /^([+-]?\d(?:\d*\.?\d*)(?:e[+-]?\d+)?|[+-]\.\d+(?:e[+-]?\d+)?)(?=[\t-\r :])/;
const DATE_SHIFT = /^([+-])(\d{4,5})-(\d{2})-(\d{2})(?:[\t-\r ](\d{2}:\d{2}.*))?$/s;

/** For each unit its seconds and the amount that is too much. */
const UNITS: ReadonlyMap<string, readonly [seconds: number, limit: number]> = new Map([
  ['second', [1, 4.6427e14]],
  ['minute', [60, 7.7379e12]],
  ['hour', [3600, 1.2897e11]],
  ['day', [86_400, 5_373_485]],
  ['month', [30 * 86_400, 176_546]],
  ['year', [365 * 86_400, 14_713]],
]);

/** Applies `±N units`, `±HH:MM[:SS]` or `±YYYY-MM-DD [HH:MM[:SS]]`. */
function applyShift(moment: Moment, modifier: string): boolean {
  const date = DATE_SHIFT.exec(modifier);
  if (date !== null) return applyDateShift(moment, date);
  const amount = AMOUNT.exec(modifier);
  if (amount === null) return false;
  const rest = modifier.slice(amount[0].length);
  if (rest.startsWith(':')) return applyTimeShift(moment, modifier);
  const name = rest.trim();
  const unit = UNITS.get(name.endsWith('s') ? name.slice(0, -1) : name);
  if (unit === undefined || !/^[\t-\r ]+[a-z]+$/.test(rest)) return false;
  const [seconds, limit] = unit;
  let number = Number(amount[1]);
  if (!(Math.abs(number) < limit)) return false;
  const rounder = number < 0 ? -0.5 : 0.5;
  moment.computeJulian();
  moment.overflow = 0;
  if (name.startsWith('month') || name.startsWith('year')) {
    const whole = Math.trunc(number);
    moment.addMonths(name.startsWith('year') ? whole * 12 : whole);
    number -= whole;
  }
  moment.move(Math.trunc(number * 1000 * seconds + rounder));
  return true;
}

function applyTimeShift(moment: Moment, modifier: string): boolean {
  const time = new Moment();
  if (!readTime(time, modifier.replace(/^[+-]/, ''))) return false;
  time.computeJulian();
  const shift = (time.julian + DAY / 2) % DAY;
  moment.move(modifier.startsWith('-') ? -shift : shift);
  return true;
}

function applyDateShift(moment: Moment, [, sign, years, months, days, time]: RegExpExecArray): boolean {
  if (Number(years) > 14_712 || Number(months) > 11 || Number(days) > 30) return false;
  const direction = sign === '-' ? -1 : 1;
  moment.computeJulian();
  moment.addMonths((Number(years) * 12 + Number(months)) * direction);
  moment.move(Number(days) * DAY * direction);
  return time === undefined || applyTimeShift(moment, `${sign}${time}`);
}
