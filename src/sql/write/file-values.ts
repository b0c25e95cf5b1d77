/**
 * Values of SQL as an entry of `files`: what a statement gives for the columns, checked, and what it leaves out. What its type
 * does not have, an entry has not; texts are modes in octal digits, as `chmod` takes them. Layer: sql.
 */
import {encodeText} from '../../bytes.js';
import {formatId} from '../../objects/id.js';
import {NEW_MODE} from '../../state/file-edits.js';
import {FILE_TYPES, FILES_TABLE, type FileRow, type FileType, typeName} from '../../state/files.js';
import {joinPath, nameOf, parentOf} from '../../state/path.js';
import {encodeXattrs} from '../../state/xattrs.js';
import {type ContentRef, INLINE_LIMIT, MAX_INTEGER, MIN_INTEGER, sameCell} from '../../tree/cell.js';
import {FILE_COLUMNS} from '../catalog/files-source.js';
import {toNumber, toText, typeOf} from '../values/convert.js';
import type {Value} from '../values/value.js';
import {type ChangeFault, constraintFailed} from './change-fault.js';
import type {RowOwner} from './row-owner.js';
import type {Run} from './session.js';
import type {WorkingFiles} from './working-files.js';

/** The columns as RETURNING and `*` see them. */
export const FILE_OWNER: RowOwner = {name: FILES_TABLE, columns: FILE_COLUMNS, rowid: undefined};

/** The columns as statements may name them to give them values: all. */
export const NAMED_FILE_OWNER: RowOwner = {
  ...FILE_OWNER,
  columns: FILE_COLUMNS.map(column => ({...column, hidden: false})),
};

/** Columns that follow from `content`: a new row may give them, if they agree. */
const DERIVED = new Set(['size', 'content_id']);

/** Returns whether a column, by its number, only follows from others. */
export function isDerived(column: number): boolean {
  return DERIVED.has(FILE_COLUMNS[column]?.name ?? '');
}

/** The columns that a statement gives, by name. */
export type GivenValues = ReadonlyMap<string, Value>;

/** Returns the values of a statement by the names of their columns; of a column that is named twice the first. */
export function givenValues(columns: readonly number[], values: readonly Value[]): GivenValues {
  const given = new Map<string, Value>();
  for (let i = columns.length - 1; i >= 0; i--) {
    given.set((FILE_COLUMNS[columns[i] as number] as {name: string}).name, values[i] as Value);
  }
  return given;
}

/** Returns a new entry with nothing in it, of whoever runs the statement. */
export function newEntry({session, contexts}: Run, path: string, type: FileType): FileRow {
  return {
    path,
    type,
    mode: NEW_MODE[type],
    ...session.fileOwner(),
    mtime: BigInt(Math.trunc(contexts.binary.now)) * 1_000_000n,
    content: null,
    target: null,
    link: null,
    xattrs: null,
  };
}

const MAX_ID = 2 ** 32 - 2;
const MAX_XATTR_NAME = 255;

/** Makes entries of the values that one run of a statement gives. Throws CONSTRAINT_FAILED for values that no entry has. */
export class FileValues {
  constructor(
    private readonly run: Run,
    private readonly files: WorkingFiles,
  ) {}

  /** Returns the path that a new row has. */
  newPath(given: GivenValues): string {
    return this.path(given, undefined);
  }

  /** Returns the entry of a new row. One that names a link is a hard link of that file, which it may change. */
  make(given: GivenValues): FileRow {
    const path = this.newPath(given);
    const type = this.type(given) ?? (given.get('target') == null ? 'file' : 'symlink');
    const link = this.text(given, 'link') ?? path;
    const base = link === path ? newEntry(this.run, path, type) : {...this.linked(link), path};
    return this.with(base, given);
  }

  /** Returns the entry that a row becomes with other values. A new body without a time has the present one. */
  change(before: FileRow, given: GivenValues): FileRow {
    const path = this.path(given, before);
    let base: FileRow = {...before, path};
    if (given.has('link')) {
      const link = this.text(given, 'link') ?? null;
      if (link === null) base = {...base, link: null};
      else if (link !== before.link && link !== path) base = {...this.linked(link), path};
    }
    const after = this.with(base, given);
    const timed = given.has('mtime') || given.has('mtime_ns');
    if (timed || sameCell(after.content, before.content)) return after;
    return {...after, mtime: newEntry(this.run, path, after.type).mtime};
  }

  private with(base: FileRow, given: GivenValues): FileRow {
    const type = this.type(given) ?? base.type;
    const mode = this.mode(given) ?? (type === base.type ? base.mode : NEW_MODE[type]);
    const owner = {...this.owner(base, given, 'uid', 'user'), ...this.owner(base, given, 'gid', 'group')};
    const content = this.content(base, given, type);
    this.checkDerived(content, given);
    return {
      path: base.path,
      type,
      mode,
      ...(owner as Pick<FileRow, 'uid' | 'gid' | 'user' | 'group'>),
      mtime: this.mtime(given) ?? base.mtime,
      content,
      target: this.target(base, given, type),
      link: type === 'file' ? base.link : null,
      xattrs: this.xattrs(base, given, type),
    };
  }

  // -------------------------------------------------------------------------------------------------- columns

  private path(given: GivenValues, before: FileRow | undefined): string {
    const path = this.text(given, 'path');
    const dir = this.text(given, 'dir');
    const name = this.text(given, 'name');
    if (path === null || (path === undefined && name === null)) throw this.missing('path');
    if (dir === null) throw this.missing('dir');
    if (path !== undefined) {
      if ((dir === undefined || dir === parentOf(path)) && (name === undefined || name === nameOf(path))) return path;
      throw this.invalid('path', `files.path '${path}' is not what files.dir and files.name say`, 'Give one of them.');
    }
    const last = name ?? (before && nameOf(before.path));
    if (last === undefined) throw this.missing('path');
    return joinPath(dir ?? (before ? parentOf(before.path) : ''), last);
  }

  private type(given: GivenValues): FileType | undefined {
    const type = this.text(given, 'type');
    if (type === undefined) return undefined;
    if (type === null) throw this.missing('type');
    if ((FILE_TYPES as readonly string[]).includes(type)) return type as FileType;
    throw this.invalid('type', `files.type cannot be '${type}'`, `It is one of ${FILE_TYPES.join(', ')}.`);
  }

  private mode(given: GivenValues): number | undefined {
    const value = given.get('mode');
    if (value === undefined) return undefined;
    if (value === null) throw this.missing('mode');
    const mode =
      typeof value === 'string' && /^(0o)?[0-7]{1,5}$/.test(value) ? parseInt(value.replace('0o', ''), 8) : value;
    if (typeof mode === 'number' && Number.isSafeInteger(mode) && mode >= 0 && mode <= 0o7777) return mode;
    throw this.invalid(
      'mode',
      `files.mode cannot be ${toText(value)}`,
      "It is an integer from 0 to 4095, or its octal digits as a text: '0644'.",
    );
  }

  /** Without the other one a number has no name, and a name keeps the number: names go before numbers. */
  private owner(base: FileRow, given: GivenValues, id: 'uid' | 'gid', name: 'user' | 'group'): Partial<FileRow> {
    const number = given.get(id);
    const text = this.text(given, name);
    if (number === undefined) return {[id]: base[id], [name]: text === undefined ? base[name] : text};
    if (!(typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 && number <= MAX_ID)) {
      throw this.invalid(id, `files.${id} cannot be ${toText(number)}`, `It is an integer from 0 to ${MAX_ID}.`);
    }
    const named = text === undefined ? (number === base[id] ? base[name] : null) : text;
    return {[id]: number, [name]: named};
  }

  private mtime(given: GivenValues): bigint | undefined {
    const exact = given.get('mtime_ns');
    if (exact != null) {
      if (typeOf(exact) === 'integer') return BigInt(exact as number | bigint);
      throw this.invalid('mtime_ns', 'files.mtime_ns must be an integer', 'It counts nanoseconds since 1970.');
    }
    const value = given.get('mtime');
    if (value === undefined) return undefined;
    const type = typeOf(value);
    if (type === 'integer' || type === 'real') {
      const seconds = toNumber(value);
      const whole = Math.floor(seconds);
      if (Number.isFinite(seconds)) {
        const time = BigInt(whole) * 1_000_000_000n + BigInt(Math.round((seconds - whole) * 1e9));
        if (time >= MIN_INTEGER && time <= MAX_INTEGER) return time;
      }
    }
    throw this.invalid(
      'mtime',
      'files.mtime must be a time in seconds since 1970',
      "Take unixepoch('2024-02-29 12:00').",
    );
  }

  private content(base: FileRow, given: GivenValues, type: FileType): ContentRef | null {
    const value = given.get('content');
    if (type !== 'file') {
      if (value != null) throw this.notOf(type, 'content');
      return null;
    }
    if (value === null) throw this.missing('content');
    if (value === undefined) return base.content ?? this.files.writeBody(new Uint8Array(0));
    // the writer keeps the bytes until they are written
    return this.files.writeBody(value instanceof Uint8Array ? Buffer.from(value) : encodeText(toText(value) as string));
  }

  private checkDerived(content: ContentRef | null, given: GivenValues): void {
    const size = given.get('size') ?? null;
    const id = given.get('content_id') ?? null;
    if (size !== null && size !== content?.size) {
      throw this.invalid('size', 'files.size is not that of the content', 'It follows from the content: leave it out.');
    }
    const own = content && formatId(content.id, content.chunked ? 'messagepack' : 'raw');
    if (id !== null && id !== own) {
      throw this.invalid(
        'content_id',
        'files.content_id is not that of the content',
        'It follows from the content: leave it out.',
      );
    }
  }

  private target(base: FileRow, given: GivenValues, type: FileType): string | null {
    const target = this.text(given, 'target');
    if (type !== 'symlink') {
      if (target != null) throw this.notOf(type, 'target');
      return null;
    }
    const value = target === undefined ? base.target : target;
    if (value === null) throw this.missing('target');
    return value;
  }

  private xattrs(base: FileRow, given: GivenValues, type: FileType): FileRow['xattrs'] {
    const text = this.text(given, 'xattrs');
    if (type !== 'file' && type !== 'dir') {
      if (text != null) throw this.notOf(type, 'xattrs');
      return null;
    }
    if (text === undefined) return base.xattrs;
    const attributes = text === null ? undefined : parseXattrs(text);
    if (text !== null && attributes === undefined) {
      throw this.invalid(
        'xattrs',
        'files.xattrs is not an object of attributes',
        `It is JSON: {"user.name": "text", "user.bytes": {"base64": "AAE="}}.`,
      );
    }
    if (attributes === undefined || attributes.size === 0) return null;
    const bytes = encodeXattrs(attributes);
    return bytes.length <= INLINE_LIMIT ? bytes : this.files.writeBody(bytes);
  }

  /** Returns the file that a hard link is to, with its link. */
  private linked(path: string): FileRow {
    const {files} = this.run;
    const found = files.find(path);
    if (found?.type !== 'file') {
      throw this.invalid(
        'link',
        `files.link names no file: '${path}'`,
        'It is the path of a file that is there already.',
      );
    }
    if (found.link !== null) return found;
    const first = {...found, link: found.path};
    files.set(first);
    return first;
  }

  // -------------------------------------------------------------------------------------------------- values

  private text(given: GivenValues, column: string): string | null | undefined {
    const value = given.get(column);
    if (value === undefined || value === null || typeof value === 'string') return value;
    if (value instanceof Uint8Array) {
      throw this.invalid(column, `files.${column} cannot be a BLOB`, 'Convert it: CAST(… AS TEXT).');
    }
    return toText(value);
  }

  private missing(column: string): ChangeFault {
    return this.invalid(column, `NOT NULL constraint failed: files.${column}`, 'Give the column a value.');
  }

  private notOf(type: FileType, column: string): ChangeFault {
    return this.invalid(column, `a ${typeName(type)} has no files.${column}`, 'Leave it out, or give another type.');
  }

  private invalid(column: string, message: string, hint: string): ChangeFault {
    return constraintFailed(message, this.run.at, hint, {table: FILES_TABLE, column});
  }
}

/** Returns the attributes of the form in which queries see them, or undefined if the text has none. */
function parseXattrs(text: string): Map<string, Uint8Array> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const attributes = new Map<string, Uint8Array>();
  for (const [name, value] of Object.entries(json)) {
    const bytes = xattrBytes(value);
    const size = encodeText(name).length;
    if (bytes === undefined || size === 0 || size > MAX_XATTR_NAME || name.includes('\0')) return undefined;
    attributes.set(name, bytes);
  }
  return attributes;
}

function xattrBytes(value: unknown): Uint8Array | undefined {
  if (typeof value === 'string') return encodeText(value);
  if (typeof value !== 'object' || value === null || !('base64' in value)) return undefined;
  const {base64} = value;
  if (typeof base64 !== 'string') return undefined;
  const bytes = Buffer.from(base64, 'base64');
  return bytes.toString('base64') === base64 ? bytes : undefined;
}
