/**
 * A line of progress on stderr. Guarantee: nothing is shown unless stderr is a terminal and the work lasts longer than
 * half a second, and the line is gone when the work ends. `update` is cheap: call it for every item. Layer: cli.
 */
import type {Output} from './output.js';

const SHOW_AFTER_MS = 500;
const REDRAW_MS = 100;

export interface ProgressState {
  /** What is being done: `Reading files`. */
  readonly label: string;
  readonly done: number;
  readonly total?: number | undefined;
  readonly bytes?: number | undefined;
}

const SIZE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** Returns a size in powers of 1000 with three figures: `1.24 GB`. */
export function formatBytes(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < SIZE_UNITS.length - 1) {
    size /= 1000;
    unit++;
  }
  const digits = unit === 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return `${size.toFixed(digits)} ${SIZE_UNITS[unit]}`;
}

/** Returns a whole number with its thousands apart: `12,345`. */
export function formatCount(count: number): string {
  return `${Math.round(count)}`.replace(/\B(?=(\d{3})+$)/g, ',');
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const minutes = Math.floor(whole / 60);
  const clock = `${minutes % 60}:${`${whole % 60}`.padStart(2, '0')}`;
  return minutes < 60 ? clock : `${Math.floor(minutes / 60)}:${clock.padStart(5, '0')}`;
}

/** Returns the line for a state of the work after so many milliseconds. */
export function progressLine(state: ProgressState, elapsedMs: number): string {
  const {label, done, total, bytes} = state;
  const seconds = elapsedMs / 1000;
  const parts = [label, total === undefined ? formatCount(done) : `${formatCount(done)}/${formatCount(total)}`];
  if (total !== undefined && total > 0) parts.push(`${Math.floor((100 * done) / total)}%`);
  if (bytes !== undefined && bytes > 0) parts.push(formatBytes(bytes), `${formatBytes(bytes / seconds)}/s`);
  else parts.push(`${formatCount(done / seconds)}/s`);
  if (total !== undefined && done > 0 && done < total) {
    parts.push(`${formatSeconds((seconds * (total - done)) / done)} left`);
  }
  return parts.join('  ');
}

export class Progress {
  private readonly output: Output;
  private readonly enabled: boolean;
  private readonly now: () => number;
  private started: number | undefined;
  private label = '';
  private drawn = Number.NEGATIVE_INFINITY;
  private visible = false;

  constructor(output: Output, enabled: boolean, now: () => number = () => performance.now()) {
    this.output = output;
    this.enabled = enabled && output.isTerminal;
    this.now = now;
  }

  /** Shows a state if it is time to; a new label starts the clock of the rate again. */
  update(state: ProgressState): void {
    if (!this.enabled) return;
    const now = this.now();
    if (this.started === undefined || state.label !== this.label) {
      if (this.started === undefined) this.drawn = now + SHOW_AFTER_MS - REDRAW_MS;
      this.started = now;
      this.label = state.label;
    }
    if (now - this.drawn < REDRAW_MS) return;
    this.drawn = now;
    this.visible = true;
    const line = progressLine(state, Math.max(1, now - this.started)).slice(0, this.output.columns - 1);
    this.output.write(`\r\x1b[K${line}`);
    this.output.flush();
  }

  /** Removes the line. */
  finish(): void {
    if (!this.visible) return;
    this.visible = false;
    this.output.write('\r\x1b[K');
    this.output.flush();
  }
}
