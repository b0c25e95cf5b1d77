/**
 * SQLite files, read and written by SQLite itself, compiled to WebAssembly. Its locks are directories beside the file and not
 * those of other programs, so a file that is read is reached through a link in a directory of our own, and a file that
 * changes meanwhile is refused. Loaded only where it is needed. Layer: sql.
 */
import {existsSync, mkdtempSync, rmSync, symlinkSync} from 'node:fs';
import {join} from 'node:path';
import type {Database, Statement} from 'node-sqlite3-wasm';
import {invalidImport} from './fault.js';
import type {Input} from './input.js';

export type SqliteDatabase = Database;
export type SqliteStatement = Statement;

type Package = Pick<typeof import('node-sqlite3-wasm'), 'Database' | 'SQLite3Error'>;

/** Returns the package, which is CommonJS. */
export async function loadSqlite(): Promise<Package> {
  const loaded: unknown = await import('node-sqlite3-wasm');
  return (loaded as {readonly default: Package}).default;
}

const MAGIC = Buffer.from('SQLite format 3\0', 'latin1');

/** Returns whether a file begins as those of SQLite do. */
export function isSqlite(input: Input): boolean {
  const start = Buffer.alloc(MAGIC.length);
  return input.read(start, 0, 0) === MAGIC.length && start.equals(MAGIC);
}

const ENCODING_AT = 56;

/** Returns whether the texts of a database are UTF-8; the package has no other. */
function isUtf8(input: Input): boolean {
  const encoding = Buffer.alloc(4);
  input.read(encoding, 0, ENCODING_AT);
  // 0 is that of an empty database
  return encoding.readUInt32BE() <= 1;
}

/** Returns what `work` returns, given the database of a file. Throws IMPORT_INVALID for one that SQLite cannot read. */
export async function readingSqlite<T>(
  input: Input,
  temporary: string,
  work: (database: SqliteDatabase) => Promise<T>,
): Promise<T> {
  if (!isSqlite(input)) throw unreadable(input.name, 'file is not a database');
  if (!isUtf8(input)) {
    throw invalidImport(
      `'${input.name}' has its texts in UTF-16, which is not read.`,
      'Make one in UTF-8 of it: `sqlite3 FILE .dump | sqlite3 COPY`.',
    );
  }
  const {Database: SqliteFile, SQLite3Error} = await loadSqlite();
  const directory = mkdtempSync(join(temporary, 'dbos-sqlite-'));
  let database: SqliteDatabase | undefined;
  try {
    const link = join(directory, 'db');
    for (const suffix of ['', '-wal', '-journal']) {
      const path = `${input.path}${suffix}`;
      if (suffix === '' || existsSync(path)) symlinkSync(path, `${link}${suffix}`);
    }
    database = new SqliteFile(link, {readOnly: true, fileMustExist: true});
    // without shared memory that is how a database with a write-ahead log can be read
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON');
    return await work(database);
  } catch (error) {
    if (error instanceof SQLite3Error) throw unreadable(input.name, error.message, error);
    throw error;
  } finally {
    database?.close();
    rmSync(directory, {recursive: true, force: true});
  }
}

function unreadable(name: string, reason: string, cause?: unknown): Error {
  return invalidImport(
    `'${name}' cannot be read as a SQLite database: ${reason}.`,
    'It may be damaged, encrypted, or in use: copy it with `sqlite3 FILE ".backup COPY"` and import the copy.',
    undefined,
    {cause},
  );
}
