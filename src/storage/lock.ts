/**
 * Opens LevelDB, which admits one process at a time, and waits while another has it. The lock is the system's (fcntl),
 * so it dies with its process. Next to it lies the file `holder`, in which whoever opened the store says who it is, for
 * the message that the others give up with; nothing else depends on that file. Layer: storage.
 */
import fs from 'node:fs';
import {join} from 'node:path';
import {DbosError, systemCode} from '../errors.js';
import {rootCause} from './failure.js';

interface Holder {
  readonly pid: number;
  readonly command: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

const FIRST_WAIT = 2;
const LONGEST_WAIT = 50;
/** A character takes at most 6 bytes of JSON, so what is written is never longer than the note before it. */
const NOTE_COMMAND = 150;
const NOTE_LENGTH = 1024;

/**
 * Directories that are open in this process. LevelDB must not be asked for one of them: it would open and close the
 * lock file, and by the rules of fcntl closing it gives up the lock that this process holds.
 */
const held = new Set<string>();

/**
 * Calls `open`, which opens the LevelDB of the store at `root` (a real path), as soon as nobody else has it open; waits
 * at most `timeout` ms. Throws STORE_LOCKED with the holder's name, else what `open` throws. `releaseLock` must follow
 * the close.
 */
export async function openLocked(
  root: string,
  timeout: number,
  holder: string,
  open: () => Promise<void>,
): Promise<void> {
  const deadline = performance.now() + timeout;
  let longest = FIRST_WAIT;
  for (;;) {
    if (!held.has(root)) {
      held.add(root);
      try {
        await open();
        writeHolder(root, holder);
        return;
      } catch (error) {
        held.delete(root);
        if (!isLocked(error)) throw error;
      }
    }
    const left = deadline - performance.now();
    if (left <= 0) throw lockedBy(root, timeout);
    // The jitter keeps processes that start together from asking together, for ever.
    const wait = longest * (0.25 + 0.75 * Math.random());
    longest = Math.min(LONGEST_WAIT, longest * 1.5);
    await new Promise(resolve => setTimeout(resolve, Math.min(wait, left)));
  }
}

/** Lets this process open the store at `root` again. */
export function releaseLock(root: string): void {
  held.delete(root);
}

function isLocked(error: unknown): boolean {
  const root = rootCause(error);
  if (systemCode(root) !== 'LEVEL_LOCKED') return false;
  // File systems without locks fail for good: waiting would not help.
  return !/no locks available|not (supported|implemented)/i.test((root as Error).message);
}

/** Overwrites the note in place, padded to one length: that takes a quarter of the time of a new file. */
function writeHolder(root: string, command: string): void {
  const note: Holder = {pid: process.pid, command: command.slice(0, NOTE_COMMAND), since: Date.now()};
  try {
    const file = fs.openSync(join(root, 'holder'), fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o644);
    try {
      fs.writeSync(file, JSON.stringify(note).padEnd(NOTE_LENGTH), 0);
    } finally {
      fs.closeSync(file);
    }
  } catch {
    // On a full disk, say. Only a message depends on it.
  }
}

function lockedBy(root: string, timeout: number): DbosError {
  const holder = readHolder(root);
  const who = holder ? `process ${holder.pid} (${holder.command})` : 'another process';
  return new DbosError('STORE_LOCKED', `The store is in use by ${who}.`, {
    hint: `Waited ${formatSeconds(timeout)}; try again when it has finished, or raise core.lockTimeout.`,
    data: {path: root, timeout, holder: holder ?? null},
  });
}

/** Returns who says to have the store open, if that process lives. */
function readHolder(root: string): Holder | undefined {
  try {
    const {pid, command, since} = JSON.parse(fs.readFileSync(join(root, 'holder'), 'utf8')) as Holder;
    if (!Number.isSafeInteger(pid) || pid <= 0 || typeof command !== 'string') return undefined;
    return isAlive(pid) ? {pid, command, since} : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

function formatSeconds(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  return `${Number.isInteger(seconds) ? seconds : seconds.toFixed(1)} s`;
}
