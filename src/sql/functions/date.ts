/**
 * The date and time functions: date, time, datetime, julianday, unixepoch, strftime and timediff. Results depend on
 * nothing but the arguments and the time and zone of the statement. Layer: sql.
 */
import {realCell} from '../../tree/cell.js';
import {toText} from '../values/convert.js';
import type {Value} from '../values/value.js';
import {DAY, Moment, UNIX_EPOCH} from './date-moment.js';
import {momentOf} from './date-value.js';
import {generalText, type RealFormat, realTextOf} from './format-real.js';
import type {FunctionContext, ScalarFunction} from './function.js';

function pad(number: number, width: number, filler = '0'): string {
  return String(number).padStart(width, filler);
}

/** Returns a year as dates have it: a sign only before the year 0, and at least four digits. */
function yearText(year: number): string {
  return year < 0 ? `-${pad(-year, 4)}` : pad(year, 4);
}

/** Returns a year as strftime has it: four characters with the sign. */
function shortYear(year: number): string {
  return year < 0 ? `-${pad(-year, 3)}` : pad(year, 4);
}

function dateText(moment: Moment): string {
  moment.computeDate();
  return `${yearText(moment.year)}-${pad(moment.month, 2)}-${pad(moment.day, 2)}`;
}

function timeText(moment: Moment): string {
  moment.computeDateAndTime();
  return `${pad(moment.hour, 2)}:${pad(moment.minute, 2)}:${secondText(moment, moment.subsecond)}`;
}

function secondText(moment: Moment, subsecond: boolean): string {
  if (!subsecond) return pad(Math.trunc(moment.second), 2);
  const milliseconds = Math.min(Math.trunc(moment.second * 1000 + 0.5), 59_999);
  return `${pad(Math.trunc(milliseconds / 1000), 2)}.${pad(milliseconds % 1000, 3)}`;
}

const MILLISECONDS: RealFormat = {form: 'f', upper: false, precision: 3, point: false, long: false};

/** Returns the text of a format letter, or undefined if it is none. */
function letterText(letter: string, moment: Moment): string | undefined {
  switch (letter) {
    case 'd':
      return pad(moment.day, 2);
    case 'e':
      return pad(moment.day, 2, ' ');
    case 'f':
      return realTextOf(Math.min(moment.second, 59.999), MILLISECONDS).padStart(6, '0');
    case 'F':
      return `${shortYear(moment.year)}-${pad(moment.month, 2)}-${pad(moment.day, 2)}`;
    case 'G':
      return shortYear(isoWeek(moment).year);
    case 'g':
      return pad(isoWeek(moment).year % 100, 2);
    case 'H':
      return pad(moment.hour, 2);
    case 'I':
      return pad(((moment.hour + 11) % 12) + 1, 2);
    case 'j':
      return pad(moment.dayOfYear() + 1, 3);
    case 'J':
      return generalText(moment.julian / DAY, 16);
    case 'k':
      return pad(moment.hour, 2, ' ');
    case 'l':
      return pad(((moment.hour + 11) % 12) + 1, 2, ' ');
    case 'm':
      return pad(moment.month, 2);
    case 'M':
      return pad(moment.minute, 2);
    case 'p':
      return moment.hour >= 12 ? 'PM' : 'AM';
    case 'P':
      return moment.hour >= 12 ? 'pm' : 'am';
    case 'R':
      return `${pad(moment.hour, 2)}:${pad(moment.minute, 2)}`;
    case 's':
      return moment.subsecond ? (unixSeconds(moment, true) as number).toFixed(3) : String(unixSeconds(moment, false));
    case 'S':
      return secondText(moment, false);
    case 'T':
      return `${pad(moment.hour, 2)}:${pad(moment.minute, 2)}:${secondText(moment, false)}`;
    case 'u':
      return String(moment.weekday() || 7);
    case 'U':
      return pad(Math.floor((moment.dayOfYear() + 7 - moment.weekday()) / 7), 2);
    case 'V':
      return pad(isoWeek(moment).week, 2);
    case 'w':
      return String(moment.weekday());
    case 'W':
      return pad(Math.floor((moment.dayOfYear() + 7 - mondayBased(moment)) / 7), 2);
    case 'Y':
      return shortYear(moment.year);
    case '%':
      return '%';
    default:
      return undefined;
  }
}

function mondayBased(moment: Moment): number {
  return (moment.weekday() + 6) % 7;
}

/** Returns the ISO 8601 week of a moment, which belongs to the year of its Thursday. */
function isoWeek(moment: Moment): {year: number; week: number} {
  const thursday = new Moment();
  thursday.setJulian(moment.julian + (3 - mondayBased(moment)) * DAY);
  thursday.computeDateAndTime();
  return {year: thursday.year, week: Math.floor(thursday.dayOfYear() / 7) + 1};
}

function unixSeconds(moment: Moment, subsecond: boolean): number {
  const milliseconds = moment.julian - UNIX_EPOCH;
  return subsecond ? milliseconds / 1000 : Math.floor(milliseconds / 1000);
}

/** Returns the format with each `%` letter replaced; NULL if one is not known. */
function formatMoment(format: string, moment: Moment): string | null {
  moment.computeDateAndTime();
  const parts = format.split('%');
  let text = parts[0] as string;
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i] as string;
    if (part === '') {
      // "%%" splits into an empty part and the text after it, which begins with no letter.
      if (i + 1 === parts.length) return null;
      text += `%${parts[++i]}`;
      continue;
    }
    const value = letterText(part.charAt(0), moment);
    if (value === undefined) return null;
    text += value + part.slice(1);
  }
  return text;
}

/** Returns the time from `b` to `a` as `±YYYY-MM-DD HH:MM:SS.SSS`: a shift that leads from `b` to `a`. */
function timeDifference(a: Moment, b: Moment): string {
  for (const moment of [a, b]) {
    moment.dropDateAndTime();
    moment.computeDateAndTime();
  }
  const ahead = a.julian >= b.julian;
  const direction = ahead ? 1 : -1;
  let months = (a.year * 12 + a.month - (b.year * 12 + b.month)) * direction;
  const shifted = (): Moment => {
    const moment = b.clone();
    if (months === 0) return moment;
    moment.addMonths(months * direction);
    moment.computeJulian();
    return moment;
  };
  let start = shifted();
  while ((a.julian - start.julian) * direction < 0) {
    months--;
    start = shifted();
  }
  const milliseconds = (a.julian - start.julian) * direction;
  const date = `${pad(Math.floor(months / 12), 4)}-${pad(months % 12, 2)}-${pad(Math.floor(milliseconds / DAY), 2)}`;
  const minutes = Math.floor((milliseconds % DAY) / 60_000);
  const seconds = ((milliseconds % 60_000) / 1000).toFixed(3).padStart(6, '0');
  return `${ahead ? '+' : '-'}${date} ${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}:${seconds}`;
}

/** Returns the values of CURRENT_DATE, CURRENT_TIME and CURRENT_TIMESTAMP. */
export function nowText(context: FunctionContext, kind: 'date' | 'time' | 'timestamp'): string {
  const moment = momentOf(context, []) ?? new Moment();
  if (kind === 'timestamp') return `${dateText(moment)} ${timeText(moment)}`;
  return kind === 'date' ? dateText(moment) : timeText(moment);
}

function dateFunction(
  name: string,
  returns: 'text' | 'real' | undefined,
  result: (moment: Moment) => Value,
): ScalarFunction {
  return {
    name,
    minArgs: 0,
    maxArgs: Infinity,
    deterministic: true,
    ...(returns === undefined ? {} : {returns}),
    call: (context, ...args) => {
      const moment = momentOf(context, args);
      return moment === undefined ? null : result(moment);
    },
  };
}

/** The date and time functions. They depend on the time and zone of the statement, hence not only on their arguments. */
export const DATE_FUNCTIONS: readonly ScalarFunction[] = [
  dateFunction('date', 'text', dateText),
  dateFunction('time', 'text', timeText),
  dateFunction('datetime', 'text', moment => `${dateText(moment)} ${timeText(moment)}`),
  dateFunction('julianday', 'real', moment => realCell(moment.julian / DAY)),
  dateFunction('unixepoch', undefined, moment =>
    moment.subsecond ? realCell(unixSeconds(moment, true)) : unixSeconds(moment, false),
  ),
  {
    name: 'strftime',
    minArgs: 0,
    maxArgs: Infinity,
    deterministic: true,
    returns: 'text',
    call: (context, ...args) => {
      const format = args.length === 0 ? null : toText(args[0] as Value);
      const moment = format === null ? undefined : momentOf(context, args.slice(1));
      return moment === undefined ? null : formatMoment(format as string, moment);
    },
  },
  {
    name: 'timediff',
    minArgs: 2,
    maxArgs: 2,
    deterministic: true,
    returns: 'text',
    strict: true,
    call: (context, a, b) => {
      const [left, right] = [momentOf(context, [a as Value]), momentOf(context, [b as Value])];
      return left === undefined || right === undefined ? null : timeDifference(left, right);
    },
  },
];
