/**
 * The rows of JSON: objects, whose keys are columns. Numbers keep all their digits, `{"base64": …}` is a blob, other lists
 * and objects are texts of JSON, true and false are 1 and 0. Layer: sql.
 */
import {decodeText, encodeText, isWellFormed} from '../../bytes.js';
import {realCell} from '../../tree/cell.js';
import {foldName} from '../catalog/names.js';
import {
  ARRAY,
  ESCAPED,
  INTEGER as JSON_INTEGER,
  REAL as JSON_REAL,
  type JsonDocument,
  OBJECT,
  PLAIN,
  readJson,
} from '../functions/json-document.js';
import {nodeJson, stringOf} from '../functions/json-text.js';
import {typeOf} from '../values/convert.js';
import type {Affinity, Value} from '../values/value.js';
import {invalidImport} from './fault.js';
import {ElementReader, LineReader} from './json-reader.js';
import {BLOB, checkInteger, INTEGER, kindOfText, LONG, REAL, TEXT, typeOfValues, valueOfText} from './kinds.js';
import type {FileColumn, NamedSource, RowBatch, RowSource} from './row-source.js';

const ROWS = 1024;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Where this is not found, whole numbers are integers that a double holds. */
const NEEDS_CARE = /\d[.eE]|\d{16}/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Returns the rows of a file with an object a line, or with one array of objects. */
export function jsonRows(input: NamedSource, form: 'json' | 'ndjson'): RowSource {
  const open = () => (form === 'json' ? new ElementReader(input) : new LineReader(input));
  let names: readonly string[] = [];
  return {
    unit: 'Line',
    *inspect() {
      const reader = open();
      const seen = new Map<string, number>();
      for (let rows = 1; reader.next(); rows++) {
        for (const [name, value] of Object.entries(objectOf(reader.text, reader.line))) {
          const known = seen.get(name);
          seen.set(name, (known ?? 0) | kindOf(value));
        }
        if (rows % ROWS === 0) yield reader.offset;
      }
      names = checkNames([...seen.keys()], input.name);
      return [...seen].map(([name, kinds]): FileColumn => ({name, type: typeOfValues(kinds)}));
    },
    *batches(affinities) {
      const reader = open();
      const wanted = names.flatMap((name, i) => {
        const affinity = affinities[i];
        return affinity === undefined ? [] : [{name, affinity}];
      });
      let rows: Value[][] = [];
      let lines: number[] = [];
      let begun = reader.offset;
      while (reader.next()) {
        rows.push(rowOf(reader.text, reader.line, wanted));
        lines.push(reader.line);
        if (rows.length < ROWS && reader.offset - begun < BATCH_BYTES) continue;
        yield {rows, lines, bytes: reader.offset} satisfies RowBatch;
        rows = [];
        lines = [];
        begun = reader.offset;
      }
      if (rows.length > 0) yield {rows, lines, bytes: reader.offset};
    },
  };
}

function checkNames(names: readonly string[], file: string): readonly string[] {
  if (names.length === 0)
    throw invalidImport(`'${file}' has no columns.`, 'It must be one array of objects, or an object a line.');
  const taken = new Map<string, string>();
  for (const name of names) {
    const other = taken.get(foldName(name));
    if (other !== undefined) {
      throw invalidImport(
        `the keys ${JSON.stringify(other)} and ${JSON.stringify(name)} are one name.`,
        'Names of columns do not tell upper case from lower case: rename one.',
      );
    }
    if (name === '' || !isWellFormed(name) || name.includes('\0')) {
      throw invalidImport(`the key ${JSON.stringify(name)} is no name of a column.`, 'Rename it.');
    }
    taken.set(foldName(name), name);
  }
  return names;
}

function rowOf(
  text: string,
  line: number,
  wanted: readonly {readonly name: string; readonly affinity: Affinity}[],
): Value[] {
  const object = objectOf(text, line);
  return wanted.map(({name, affinity}) => {
    const value = Object.hasOwn(object, name) ? (object[name] as Value) : null;
    if (typeof value === 'string' && (affinity === 'integer' || affinity === 'numeric')) checkInteger(value, line);
    return value;
  });
}

function kindOf(value: Value): number {
  switch (typeOf(value)) {
    case 'null':
      return 0;
    case 'integer':
      return typeof value === 'bigint' ? LONG : INTEGER;
    case 'real':
      return REAL;
    case 'text':
      return TEXT;
    default:
      return BLOB;
  }
}

/** Returns an object's values by key. Throws IMPORT_INVALID for what is no object. */
function objectOf(text: string, line: number): Record<string, Value> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw invalidImport(`this is no JSON: ${oneLine((error as Error).message)}.`, 'Each row is one object.', line, {
      cause: error,
    });
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw invalidImport('this is no object.', 'Each row is one object, whose keys are columns.', line);
  }
  const object = parsed as Record<string, unknown>;
  const careful = NEEDS_CARE.test(text);
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (typeof value === 'string') object[key] = storable(value);
    else if (typeof value === 'boolean') object[key] = value ? 1 : 0;
    else if (typeof value === 'number') {
      if (careful && (Number.isInteger(value) || !Number.isFinite(value))) return exactObject(text, line);
      // −0 is no integer
      object[key] = value + 0;
    } else if (value !== null) return exactObject(text, line);
  }
  return object as Record<string, Value>;
}

/** V8 quotes a part of the text in its message. */
function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ').replace(/\.$/, '');
}

/** Returns an object's values as they are written. */
function exactObject(text: string, line: number): Record<string, Value> {
  let document: JsonDocument;
  try {
    document = readJson(text);
  } catch (error) {
    throw invalidImport('this JSON is nested too deeply.', 'At most 1,000 levels are read.', line, {cause: error});
  }
  const values = new Map<string, Value>();
  const end = document.next(0);
  for (let key = 1; key < end; key = document.next(key + 1)) {
    values.set(storable(JSON.parse(document.source(key)) as string), exactValue(document, key + 1));
  }
  return Object.fromEntries(values);
}

function exactValue(document: JsonDocument, node: number): Value {
  const source = document.source(node);
  switch (document.kind(node)) {
    case JSON_INTEGER: {
      if (source === '-0') return 0;
      const kind = kindOfText(source);
      return valueOfText(source, kind);
    }
    case JSON_REAL:
      return realCell(Number(source));
    case PLAIN:
    case ESCAPED:
      return storable(JSON.parse(source) as string);
    case OBJECT: {
      const blob = blobOf(document, node);
      return blob ?? storable(nodeJson(document, node));
    }
    case ARRAY:
      return storable(nodeJson(document, node));
    default:
      return source === 'true' ? 1 : source === 'false' ? 0 : null;
  }
}

/** Returns the blob that `{"base64": …}` is. */
function blobOf(document: JsonDocument, node: number): Buffer | undefined {
  const key = node + 1;
  if (document.next(node) !== node + 3 || stringOf(document, key) !== 'base64') return undefined;
  const kind = document.kind(key + 1);
  if (kind !== PLAIN && kind !== ESCAPED) return undefined;
  const text = stringOf(document, key + 1);
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/** Returns a text that has bytes: half a pair is one only where it stands for a byte (`bytes.ts`). */
function storable(text: string): string {
  if (isWellFormed(text)) return text;
  const bytes = text.replace(/[\ud800-\udfff]/gu, unit => (unit >= '\udc80' && unit <= '\udcff' ? unit : '\ufffd'));
  return decodeText(encodeText(bytes));
}
