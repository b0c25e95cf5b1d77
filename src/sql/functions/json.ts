/**
 * The JSON functions, and the operators -> and ->>. SQLite marks a text that a JSON function made, so that another takes
 * it for JSON and not for a string; here the compiler does, who sees the calls: where a function of `TAKES_JSON` has an
 * argument that is JSON, it gives it a `JsonText` (see `RETURNS_JSON`, `boxJson`, `extractJson`, `boxElement`).
 * Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {toInteger, toText} from '../values/convert.js';
import type {Value} from '../values/value.js';
import type {FunctionContext, ScalarFunction} from './function.js';
import {ARRAY, findJson, type JsonDocument, OBJECT, readJson, scanJson} from './json-document.js';
import {type Change, changed, type JsonTree, patched, treeJson, treeOf} from './json-edit.js';
import {elementCount, findArrowNode, findNode, readPath} from './json-path.js';
import {JsonText, type JsonValue, jsonOf, nodeJson, nodeType, nodeValue, prettyJson, quoteJson} from './json-text.js';

export {JSON_AGGREGATES} from './json-group.js';
export {JsonText, type JsonValue} from './json-text.js';
export {boxElement, JSON_TABLE_FUNCTIONS} from './json-tree.js';

/** The functions, aggregates and operators whose result, if it is not NULL, is JSON. */
export const RETURNS_JSON: ReadonlySet<string> = new Set([
  'json',
  'json_array',
  'json_object',
  'json_insert',
  'json_replace',
  'json_set',
  'json_remove',
  'json_patch',
  'json_quote',
  'json_group_array',
  'json_group_object',
  '->',
]);

/** The functions and aggregates that tell JSON from text: any of their arguments may be a `JsonText`. */
export const TAKES_JSON: ReadonlySet<string> = new Set([
  'json_array',
  'json_object',
  'json_insert',
  'json_replace',
  'json_set',
  'json_quote',
  'json_group_array',
  'json_group_object',
]);

/** Returns the result of a function of `RETURNS_JSON` as a function of `TAKES_JSON` wants it. */
export function boxJson(value: Value): JsonValue {
  return typeof value === 'string' ? new JsonText(value) : value;
}

/** Returns the JSON text of an argument, or null. */
function sourceOf(value: JsonValue | undefined): string | null {
  if (value instanceof JsonText) return value.text;
  return value === undefined ? null : toText(value);
}

function documentOf(value: JsonValue | undefined): JsonDocument | undefined {
  const source = sourceOf(value);
  return source === null ? undefined : readJson(source);
}

/** Returns the node that an optional path argument leads to, or -1. */
function nodeAt(document: JsonDocument, paths: readonly Value[]): number {
  if (paths.length === 0) return 0;
  const path = toText(paths[0] as Value);
  return path === null ? -1 : findNode(document, readPath(path));
}

/** Returns what json_extract() does, as a function of `TAKES_JSON` wants it: arrays and objects, and results of several paths, are JSON. */
export function extractJson(_context: FunctionContext, ...args: JsonValue[]): JsonValue {
  if (args.length < 2) return null;
  const document = documentOf(args[0]);
  if (document === undefined) return null;
  if (args.length === 2) {
    const node = nodeAt(document, [args[1] as Value]);
    if (node < 0) return null;
    const value = nodeValue(document, node);
    const kind = document.kind(node);
    return kind === ARRAY || kind === OBJECT ? new JsonText(value as string) : value;
  }
  const items = args.slice(1).map(path => {
    const node = nodeAt(document, [path as Value]);
    return node < 0 ? 'null' : nodeJson(document, node);
  });
  return new JsonText(`[${items.join(',')}]`);
}

/** Returns `value -> path`: JSON, or NULL. */
export function jsonArrow(value: Value, path: Value): Value {
  const document = documentOf(value);
  if (document === undefined || path === null) return null;
  const node = findArrowNode(document, path);
  return node < 0 ? null : nodeJson(document, node);
}

/** Returns `value ->> path`: a value of SQL. */
export function jsonArrowText(value: Value, path: Value): Value {
  const document = documentOf(value);
  if (document === undefined || path === null) return null;
  const node = findArrowNode(document, path);
  return node < 0 ? null : nodeValue(document, node);
}

function editFunction(name: string, changeTo: (value: JsonTree) => Change): ScalarFunction {
  return scalar(name, 0, Infinity, 'text', (_context, ...args: JsonValue[]) => {
    if (args.length === 0) return null;
    if (args.length % 2 === 0) throw new DbosError('SQL_MISUSE', `${name}() needs an odd number of arguments.`);
    const document = documentOf(args[0]);
    if (document === undefined) return null;
    let tree = treeOf(document);
    for (let i = 1; i < args.length; i += 2) {
      const path = toText(args[i] as Value);
      if (path === null) continue;
      const change = changeTo(jsonOf(args[i + 1] as JsonValue));
      tree = changed(tree, readPath(path), change) ?? 'null';
    }
    return treeJson(tree);
  });
}

function scalar(
  name: string,
  minArgs: number,
  maxArgs: number,
  returns: 'text' | 'integer' | undefined,
  call: (context: FunctionContext, ...args: JsonValue[]) => Value,
): ScalarFunction {
  return {name, minArgs, maxArgs, deterministic: true, ...(returns === undefined ? {} : {returns}), call};
}

function removeJson(_context: FunctionContext, ...args: JsonValue[]): Value {
  const document = documentOf(args[0]);
  if (document === undefined) return null;
  let tree: JsonTree | undefined = treeOf(document);
  for (const argument of args.slice(1)) {
    const path = toText(argument as Value);
    if (path === null) return null;
    tree = changed(tree, readPath(path), () => undefined);
    if (tree === undefined) return null;
  }
  return treeJson(tree);
}

function objectJson(_context: FunctionContext, ...args: JsonValue[]): Value {
  if (args.length % 2 === 1) {
    throw new DbosError('SQL_MISUSE', 'json_object() requires an even number of arguments.');
  }
  let text = '{';
  for (let i = 0; i < args.length; i += 2) {
    const label = args[i] as JsonValue;
    const key = label instanceof JsonText ? label.text : label;
    if (typeof key !== 'string') {
      throw new DbosError('SQL_VALUE', 'json_object() labels must be TEXT.', {
        hint: 'CAST the label AS TEXT.',
      });
    }
    text += `${i > 0 ? ',' : ''}${quoteJson(key)}:${jsonOf(args[i + 1] as JsonValue)}`;
  }
  return `${text}}`;
}

/** json_valid(X [, FLAGS]): 1 asks for standard JSON, 2 for JSON5; there is no binary JSON, which 4 and 8 ask for. */
function isValid(_context: FunctionContext, ...args: JsonValue[]): Value {
  let flags = 1;
  if (args.length === 2) {
    flags = Number(toInteger(args[1] as Value) ?? 0);
    if (flags < 1 || flags > 15) {
      throw new DbosError('SQL_VALUE', 'FLAGS parameter to json_valid() must be between 1 and 15.');
    }
  }
  const source = sourceOf(args[0]);
  if (source === null) return args.length === 1 ? 0 : null;
  const document = findJson(source);
  return document !== undefined && ((flags & 2) !== 0 || ((flags & 1) !== 0 && document.standard)) ? 1 : 0;
}

/** json_error_position(X): the place of the first fault in characters, from 1; 0 if there is none. */
function errorPosition(_context: FunctionContext, ...args: JsonValue[]): Value {
  const source = sourceOf(args[0]);
  if (source === null) return null;
  const fault = scanJson(source);
  if (typeof fault !== 'number') return 0;
  let position = 1;
  for (let i = 0; i < fault; i++) {
    // The second half of an astral character is not counted, a lone surrogate that stands for a byte is.
    if ((source.codePointAt(i) as number) > 0xffff) i++;
    position++;
  }
  return position;
}

/** The JSON functions. Those of `TAKES_JSON` take `JsonText` beside values. */
export const JSON_SCALARS: readonly ScalarFunction[] = [
  scalar('json', 1, 1, 'text', (_context, value) => {
    const document = documentOf(value);
    return document === undefined ? null : nodeJson(document, 0);
  }),
  scalar('json_array', 0, Infinity, 'text', (_context, ...args) => `[${args.map(jsonOf).join(',')}]`),
  scalar('json_array_length', 1, 2, 'integer', (_context, value, ...paths) => {
    const document = documentOf(value);
    if (document === undefined) return null;
    const node = nodeAt(document, paths as Value[]);
    if (node < 0) return null;
    return document.kind(node) === ARRAY ? elementCount(document, node) : 0;
  }),
  scalar('json_error_position', 1, 1, 'integer', errorPosition),
  scalar('json_extract', 0, Infinity, undefined, (context, ...args) => {
    const value = extractJson(context, ...args);
    return value instanceof JsonText ? value.text : value;
  }),
  editFunction('json_insert', value => old => old ?? value),
  scalar('json_object', 0, Infinity, 'text', objectJson),
  scalar('json_patch', 2, 2, 'text', (_context, target, patch) => {
    const [document, changes] = [documentOf(target), documentOf(patch)];
    if (document === undefined || changes === undefined) return null;
    return treeJson(patched(treeOf(document), treeOf(changes)));
  }),
  scalar('json_pretty', 1, 2, 'text', (_context, value, indent) => {
    const document = documentOf(value);
    return document === undefined ? null : prettyJson(document, 0, sourceOf(indent) ?? '    ');
  }),
  scalar('json_quote', 1, 1, 'text', (_context, value) => jsonOf(value as JsonValue)),
  scalar('json_remove', 0, Infinity, 'text', removeJson),
  editFunction('json_replace', value => old => (old === undefined ? undefined : value)),
  editFunction('json_set', value => () => value),
  scalar('json_type', 1, 2, 'text', (_context, value, ...paths) => {
    const document = documentOf(value);
    if (document === undefined) return null;
    const node = nodeAt(document, paths as Value[]);
    return node < 0 ? null : nodeType(document, node);
  }),
  scalar('json_valid', 1, 2, 'integer', isValid),
];
