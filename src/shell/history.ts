/**
 * The lines that were entered, kept between sessions in a file that only its owner can read. A line that begins with a blank
 * is not kept. A file that cannot be read or written costs the history, never the session. Layer: shell.
 */
import {appendFileSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname} from 'node:path';

/** Lines that a file keeps; it is cut when a session begins with twice as many. */
const KEPT = 5000;

export class History {
  /** Newest first. */
  readonly lines: string[] = [];

  /** Without a file the history lasts as long as the session. */
  constructor(private readonly file: string | undefined) {
    if (file === undefined) return;
    try {
      const all = readFileSync(file, 'utf8').split('\n').filter(Boolean);
      const kept = all.slice(-KEPT);
      if (all.length > 2 * KEPT) writeFileSync(file, `${kept.join('\n')}\n`, {mode: 0o600});
      this.lines.push(...kept.reverse());
    } catch {
      // there is none yet, or it is not ours to read
    }
  }

  add(line: string): void {
    if (line.trim() === '' || line.startsWith(' ') || line === this.lines[0]) return;
    this.lines.unshift(line);
    if (this.file === undefined) return;
    try {
      mkdirSync(dirname(this.file), {recursive: true, mode: 0o700});
      appendFileSync(this.file, `${line}\n`, {mode: 0o600});
    } catch {
      // the session goes on without
    }
  }
}
