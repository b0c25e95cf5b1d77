/**
 * The `files` table as queries see it: the stored columns, and those that are computed from them. `content` is read only
 * where a query uses it. Layer: sql.
 */
import {constants, isUtf8} from 'node:buffer';
import {asBuffer, decodeText} from '../../bytes.js';
import {invalid} from '../../objects/codec.js';
import {formatId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import {FILES_SPEC, FILES_TABLE} from '../../state/files.js';
import {joinPath} from '../../state/path.js';
import {decodeXattrs} from '../../state/xattrs.js';
import {type Cell, ContentRef, realCell} from '../../tree/cell.js';
import type {TreeRoot} from '../../tree/spec.js';
import type {SourceColumn, TreeColumn, TreeSource} from '../source.js';
import type {Affinity, Value} from '../values/value.js';
import {readBody, tooLarge} from './cell-value.js';
import {planFileRange} from './files-range.js';

/** Places of the stored columns, as `FILES_SCHEMA` has them. */
const STORED = {
  dir: 0,
  name: 1,
  type: 2,
  mode: 3,
  uid: 4,
  gid: 5,
  user: 6,
  group: 7,
  mtime: 8,
  content: 9,
  target: 10,
  link: 11,
  xattrs: 12,
} as const;

interface FileColumn {
  readonly column: SourceColumn;
  readonly origin: (reader: ObjectReader) => TreeColumn;
}

const AFFINITIES: Readonly<Record<string, Affinity>> = {TEXT: 'text', INTEGER: 'integer', REAL: 'real', '': 'blob'};

function described(name: string, type: string, notNull: boolean, hidden = false): SourceColumn {
  return {name, type, affinity: AFFINITIES[type] as Affinity, collation: 'binary', notNull, hidden};
}

function stored(name: keyof typeof STORED, type: string, notNull: boolean, hidden = false): FileColumn {
  const origin: TreeColumn = {kind: 'stored', column: STORED[name]};
  return {column: described(name, type, notNull, hidden), origin: () => origin};
}

function computed(
  column: SourceColumn,
  inputs: readonly number[],
  compute: (reader: ObjectReader, ...cells: Cell[]) => Value,
): FileColumn {
  return {
    column,
    origin: reader => ({kind: 'computed', inputs, compute: (...cells) => compute(reader, ...cells)}),
  };
}

const COLUMNS: readonly FileColumn[] = [
  {
    column: described('path', 'TEXT', true),
    origin: () => ({
      kind: 'computed',
      inputs: [STORED.dir, STORED.name],
      compute: (dir, name) => joinPath(dir as string, name as string),
    }),
  },
  stored('dir', 'TEXT', true),
  stored('name', 'TEXT', true),
  stored('type', 'TEXT', true),
  stored('mode', 'INTEGER', true),
  stored('uid', 'INTEGER', true),
  stored('gid', 'INTEGER', true),
  stored('user', 'TEXT', false),
  stored('group', 'TEXT', false),
  computed(described('mtime', 'REAL', true), [STORED.mtime], (_, mtime) => secondsOf(mtime)),
  computed(described('size', 'INTEGER', false), [STORED.content], (_, content) => {
    return content instanceof ContentRef ? content.size : null;
  }),
  computed(described('content', '', false), [STORED.content], contentOf),
  computed(described('content_id', 'TEXT', false), [STORED.content], (_, content) => {
    return content instanceof ContentRef ? formatId(content.id, content.chunked ? 'messagepack' : 'raw') : null;
  }),
  stored('target', 'TEXT', false),
  computed(described('xattrs', 'TEXT', false), [STORED.xattrs], xattrsOf),
  // what `*` does not show: the path that hard links of one file share, and the time in whole nanoseconds
  stored('link', 'TEXT', false, true),
  {column: described('mtime_ns', 'INTEGER', true, true), origin: () => ({kind: 'stored', column: STORED.mtime})},
];

/** The columns of `files`. */
export const FILE_COLUMNS: readonly SourceColumn[] = COLUMNS.map(({column}) => column);

const KEY = [1, 2];

/** The origins of the columns, for each reader: states have many versions of the table. */
const originsOf = new WeakMap<ObjectReader, readonly TreeColumn[]>();

/** Returns the files of a state as a source. */
export function filesSource(reader: ObjectReader, root: TreeRoot, rows: number): TreeSource {
  let origins = originsOf.get(reader);
  if (origins === undefined) {
    origins = COLUMNS.map(({origin}) => origin(reader));
    originsOf.set(reader, origins);
  }
  return {
    kind: 'tree',
    name: FILES_TABLE,
    columns: FILE_COLUMNS,
    origins,
    rowid: undefined,
    key: KEY,
    reader,
    spec: FILES_SPEC,
    root,
    rows,
    planRange: constraints => planFileRange(constraints, rows),
  };
}

const SECOND = 1_000_000_000n;

/** Returns a time in nanoseconds as seconds since 1970, which date functions take as 'unixepoch'. */
function secondsOf(mtime: Cell): Value {
  const nanoseconds = BigInt(mtime as number | bigint);
  const whole = nanoseconds / SECOND;
  return realCell(Number(whole) + Number(nanoseconds - whole * SECOND) / 1e9);
}

/** Returns the bytes of a file: as TEXT if they are valid UTF-8 without NUL, else as BLOB. */
function contentOf(reader: ObjectReader, content: Cell): Value {
  if (!(content instanceof ContentRef)) return null;
  const bytes = asBuffer(readBody(reader, content));
  if (bytes.includes(0) || !isUtf8(bytes)) return bytes;
  if (bytes.length > constants.MAX_STRING_LENGTH) throw tooLarge(bytes.length);
  return bytes.toString('utf8');
}

/** Returns extended attributes as a JSON object: a value is a text, or `{"base64": …}` if its bytes are none. */
function xattrsOf(reader: ObjectReader, cell: Cell): Value {
  if (cell === null) return null;
  const bytes = cell instanceof ContentRef ? readBody(reader, cell) : cell;
  if (!(bytes instanceof Uint8Array)) throw invalid('is a row of files with malformed extended attributes');
  const json: Record<string, unknown> = {};
  for (const [name, value] of decodeXattrs(bytes)) {
    const isText = isUtf8(value) && !value.includes(0);
    json[name] = isText ? decodeText(value) : {base64: asBuffer(value).toString('base64')};
  }
  return JSON.stringify(json);
}
