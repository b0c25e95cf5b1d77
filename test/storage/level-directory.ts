/** Copies of LevelDB's directory, whole or as a power cut may leave it. */
import fs from 'node:fs';
import path from 'node:path';

/** The files of a directory by their names. */
export type Files = ReadonlyMap<string, Buffer>;

/** Returns the files of an open LevelDB, taken between two of its steps. */
export function takeFiles(directory: string): Files {
  for (;;) {
    const before = read(directory);
    const after = read(directory);
    if (before.size === after.size && [...before].every(([name, bytes]) => after.get(name)?.equals(bytes)))
      return after;
  }
}

function read(directory: string): Files {
  const files = new Map<string, Buffer>();
  for (const name of fs.readdirSync(directory)) {
    // Reading the lock file and closing it would give up the lock.
    if (name === 'LOCK' || name.startsWith('LOG')) continue;
    try {
      files.set(name, fs.readFileSync(path.join(directory, name)));
    } catch {
      // LevelDB has just removed it.
    }
  }
  return files;
}

export function putFiles(directory: string, files: Files): void {
  fs.mkdirSync(directory, {recursive: true});
  for (const [name, bytes] of files) fs.writeFileSync(path.join(directory, name), bytes);
}

/** Returns the files as a power cut between the two states may leave them: LevelDB's own log cut short or torn. */
export function tornFiles(before: Files, after: Files, random: () => number): Files {
  const torn = new Map(after);
  if (random() < 0.2) return torn;
  for (const [name, bytes] of after) {
    const synced = before.get(name)?.length;
    if (!name.endsWith('.log') || synced === undefined || synced >= bytes.length) continue;
    const left = Buffer.from(bytes.subarray(0, synced + Math.floor(random() * (bytes.length - synced + 1))));
    const garbage = random() < 0.3 && left.length < bytes.length;
    if (garbage)
      for (let i = synced + Math.floor(random() * (left.length - synced)); i < left.length; i++)
        left[i] = Math.floor(random() * 256);
    torn.set(name, left);
  }
  return torn;
}
