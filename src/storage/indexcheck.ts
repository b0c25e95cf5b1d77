/**
 * Checks the files of LevelDB before it is opened, since opening drops damaged batches without a word and may end the
 * process over a damaged table. Needs no lock: files that another process has open meanwhile are judged by what its
 * MANIFEST counts. Layer: storage.
 */
import fs from 'node:fs';
import {join} from 'node:path';
import {ByteReader} from '../bytes.js';
import {diskFiles} from './files.js';
import {readRecords} from './recordlog.js';
import {checkTable, type FileProblem, readFailure} from './tablecheck.js';

/** A damaged place of the index: the file, the byte in it, and one clause that says what is wrong. */
export interface IndexFileProblem extends FileProblem {
  /** Its path in the store. */
  readonly file: string;
}

/** What the MANIFEST says of the other files. */
interface Version {
  /** The tables by their numbers, with their lengths. */
  readonly tables: Map<number, number>;
  /** The write-ahead logs that count: this one and those after it, and one before. */
  log: number;
  previousLog: number;
}

interface Manifest {
  readonly file: string;
  readonly version: Version;
  readonly problems: FileProblem[];
}

/** Attempts to read the MANIFEST, which another process replaces when it opens the store. */
const ATTEMPTS = 5;

/** Yields what is damaged in the files of the index of the store at `root`. What is missing altogether the open tells. */
export function* checkIndexFiles(root: string): Generator<IndexFileProblem, void, undefined> {
  const directory = join(root, 'level');
  const manifest = readManifest(directory);
  if (manifest === undefined) return;
  const {file, version, problems} = manifest;
  for (const problem of problems) yield {file: `level/${file}`, ...problem};
  const names = diskFiles.list(directory);
  // without a sound MANIFEST nobody knows which tables count, so all that are there are looked at
  const tables = problems.length === 0 ? version.tables : new Map(numbersOf(names, TABLE).map(n => [n, undefined]));
  for (const [number, size] of tables) {
    const name = names.find(other => TABLE.exec(other)?.[1] === digits(number)) ?? `${digits(number)}.ldb`;
    const damage = [...checkTable(join(directory, name), size)];
    // a compaction in another process may have removed it
    if (damage.length > 0 && (problems.length > 0 || readManifest(directory)?.version.tables.has(number))) {
      for (const problem of damage) yield {file: `level/${name}`, ...problem};
    }
  }
  for (const number of numbersOf(names, LOG)) {
    if (number < version.log && number !== version.previousLog) continue;
    const name = `${digits(number)}.log`;
    const log = read(join(directory, name));
    if (typeof log === 'string') yield {file: `level/${name}`, offset: 0, problem: log};
    else if (log !== undefined) {
      for (const event of readRecords(log)) {
        if (!('problem' in event)) continue;
        const problem = `${event.problem}, and opening the store would drop what it holds`;
        yield {file: `level/${name}`, offset: event.offset, problem};
      }
    }
  }
}

const TABLE = /^(\d{6,})\.(?:ldb|sst)$/;
const LOG = /^(\d{6,})\.log$/;

function digits(number: number): string {
  return String(number).padStart(6, '0');
}

function numbersOf(names: readonly string[], pattern: RegExp): number[] {
  return names.flatMap(name => pattern.exec(name)?.[1] ?? []).map(Number);
}

/** Returns the bytes of a file, undefined if there is none, or why the disk does not give them. */
function read(path: string): Buffer | string | undefined {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    return readFailure(error, path);
  }
}

/** Returns the MANIFEST that counts; undefined if nothing says which it is. */
function readManifest(directory: string): Manifest | undefined {
  for (let attempt = 1; ; attempt++) {
    const current = read(join(directory, 'CURRENT'));
    if (current === undefined) return undefined;
    const name = /^(MANIFEST-\d{6,})\n$/.exec(current.toString('latin1'))?.[1];
    const version: Version = {tables: new Map(), log: 0, previousLog: 0};
    if (name === undefined) {
      return {file: 'CURRENT', version, problems: [{offset: 0, problem: 'it does not name a MANIFEST'}]};
    }
    const bytes = read(join(directory, name));
    if (bytes === undefined && attempt < ATTEMPTS) continue;
    if (bytes === undefined || typeof bytes === 'string') {
      return {file: name, version, problems: [{offset: 0, problem: bytes ?? 'the file is missing'}]};
    }
    const problems: FileProblem[] = [];
    for (const event of readRecords(bytes)) {
      if ('problem' in event) problems.push(event);
      else if (!applyEdit(version, event.record)) problems.push({offset: 0, problem: 'it has an unknown entry'});
    }
    return {file: name, version, problems};
  }
}

/** Applies an edit, which is fields of a tag and what belongs to it (`db/version_edit.cc`). Returns whether it is one. */
function applyEdit(version: Version, edit: Buffer): boolean {
  const reader = new ByteReader(edit);
  try {
    while (reader.remaining > 0) {
      switch (reader.varint()) {
        case 1: // comparator
          reader.sized();
          break;
        case 2:
          version.log = reader.varint();
          break;
        case 3: // next number of a file
        case 4: // last sequence number
          reader.varint();
          break;
        case 5: // where the next compaction of a level begins
          reader.varint();
          reader.sized();
          break;
        case 6: // a table that a level no longer has
          reader.varint();
          version.tables.delete(reader.varint());
          break;
        case 7: {
          // a new table of a level: number, length, least and greatest key
          reader.varint();
          const number = reader.varint();
          version.tables.set(number, reader.varint());
          reader.sized();
          reader.sized();
          break;
        }
        case 9:
          version.previousLog = reader.varint();
          break;
        default:
          return false;
      }
    }
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
