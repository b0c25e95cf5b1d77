/**
 * A point in time as SQLite's date functions work on it: a Julian day in whole milliseconds, or a calendar date and a
 * time of day, each computed from the other when it is wanted. All arithmetic is on whole milliseconds, so rounding
 * agrees with SQLite; a date that is only written down (31 April) stays as it is until something is computed from it.
 * Layer: sql.
 */

export const DAY = 86_400_000;

/** 1970-01-01 00:00 as milliseconds of the Julian day. */
export const UNIX_EPOCH = 210_866_760_000_000;

/** The last millisecond of the year 9999. */
const LAST = 464_269_060_799_999;

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

function monthLength(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (MONTH_DAYS[month - 1] as number);
}

/** Returns the days from 1970-01-01 to a date of the proleptic Gregorian calendar; the day may be any number. */
function daysFrom1970(year: number, month: number, day: number): number {
  // Years begin in March here, so that the leap day is the last of its year.
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5);
  return (
    era * 146_097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear +
    day -
    719_469
  );
}

export class Moment {
  /** Milliseconds of the Julian day, if `hasJulian`. */
  julian = 0;
  year = 2000;
  month = 1;
  day = 1;
  hour = 0;
  minute = 0;
  second = 0;
  hasJulian = false;
  hasDate = false;
  hasTime = false;
  /** Minutes east of UTC that the written time is ahead; 0 once it is computed with. */
  offset = 0;
  /** Whether the moment is known to be UTC, because it was written with a zone or made so. */
  isUtc = false;
  /** A number that may turn out to be seconds since 1970; undefined for anything else. */
  raw: number | undefined;
  /** How many days past the end of its month the last date is. */
  overflow = 0;
  /** Whether fractions of seconds are wanted in results. */
  subsecond = false;
  /** Set when a computation left the range of dates; the result is NULL then. */
  failed = false;

  /** Returns whether the Julian day is within the range of dates: from −4713-11-24 12:00 to the end of 9999. */
  get inRange(): boolean {
    return this.julian >= 0 && this.julian <= LAST;
  }

  setJulian(julian: number): void {
    this.julian = julian;
    this.hasJulian = true;
  }

  /** Takes a number that is a Julian day, or whatever a modifier makes of it. */
  setNumber(value: number): void {
    this.raw = value;
    if (value >= 0 && value < 5_373_484.5) this.setJulian(Math.trunc(value * DAY + 0.5));
  }

  setDate(year: number, month: number, day: number): void {
    this.year = year;
    this.month = month;
    this.day = day;
    this.hasDate = true;
    this.hasJulian = false;
    this.overflow = day > 28 ? Math.max(0, day - monthLength(year, month)) : 0;
  }

  setTime(hour: number, minute: number, second: number): void {
    this.hour = hour;
    this.minute = minute;
    this.second = second;
    this.hasTime = true;
    this.hasJulian = false;
    this.raw = undefined;
  }

  /** Drops the calendar date: it is computed anew from the Julian day. */
  dropDate(): void {
    this.hasDate = false;
    this.offset = 0;
  }

  /** Drops date and time: both are computed anew from the Julian day. */
  dropDateAndTime(): void {
    this.dropDate();
    this.hasTime = false;
  }

  /** Moves the moment by milliseconds. */
  move(milliseconds: number): void {
    this.computeJulian();
    this.setJulian(this.julian + milliseconds);
    this.dropDateAndTime();
  }

  private fail(): void {
    this.failed = true;
    this.setJulian(0);
    this.raw = undefined;
    this.dropDateAndTime();
  }

  computeJulian(): void {
    if (this.hasJulian) return;
    const [year, month, day] = this.hasDate ? [this.year, this.month, this.day] : [2000, 1, 1];
    if (year < -4713 || year > 9999 || this.raw !== undefined) {
      this.fail();
      return;
    }
    let julian = daysFrom1970(year, month, day) * DAY + UNIX_EPOCH;
    if (this.hasTime) {
      julian += this.hour * 3_600_000 + this.minute * 60_000 + Math.trunc(this.second * 1000 + 0.5);
      if (this.offset !== 0) {
        julian -= this.offset * 60_000;
        this.dropDateAndTime();
      }
    }
    this.setJulian(julian);
  }

  computeDate(): void {
    if (this.hasDate) return;
    if (this.hasJulian && !this.inRange) {
      this.fail();
      return;
    }
    this.hasDate = true;
    if (!this.hasJulian) {
      this.year = 2000;
      this.month = 1;
      this.day = 1;
      return;
    }
    // As in daysFrom1970, years begin in March and are counted in eras of 400.
    const days = Math.floor((this.julian - UNIX_EPOCH) / DAY) + 719_468;
    const era = Math.floor(days / 146_097);
    const dayOfEra = days - era * 146_097;
    const yearOfEra = Math.floor(
      (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
    );
    const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
    const month = Math.floor((5 * dayOfYear + 2) / 153);
    this.day = dayOfYear - Math.floor((153 * month + 2) / 5) + 1;
    this.month = month < 10 ? month + 3 : month - 9;
    this.year = yearOfEra + era * 400 + (this.month <= 2 ? 1 : 0);
  }

  private computeTime(): void {
    if (this.hasTime) return;
    this.computeJulian();
    const time = (this.julian + DAY / 2) % DAY;
    this.second = (time % 60_000) / 1000;
    const minutes = Math.floor(time / 60_000);
    this.minute = minutes % 60;
    this.hour = Math.floor(minutes / 60);
    this.raw = undefined;
    this.hasTime = true;
  }

  computeDateAndTime(): void {
    this.computeDate();
    this.computeTime();
  }

  /** Adds months to the calendar date, which may so come to stand past the end of its month. */
  addMonths(months: number): void {
    this.computeDateAndTime();
    const month = this.year * 12 + this.month - 1 + months;
    const year = Math.floor(month / 12);
    this.setDate(year, month - year * 12 + 1, this.day);
  }

  /** Returns the day of the week, 0 for Sunday. */
  weekday(): number {
    return Math.floor((this.julian + 1.5 * DAY) / DAY) % 7;
  }

  /** Returns how many days there are before this one in its year; its date and time have to be computed. */
  dayOfYear(): number {
    // From the Julian day and the time of day, which after 24:00 tell of another day than the date does.
    const time = this.hour * 3_600_000 + this.minute * 60_000 + this.second * 1000;
    const start = daysFrom1970(this.year, 1, 1) * DAY + UNIX_EPOCH + time;
    return Math.floor((this.julian - start + DAY / 2) / DAY);
  }

  clone(): Moment {
    return Object.assign(new Moment(), this);
  }
}
