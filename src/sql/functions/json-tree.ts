/**
 * json_each() and json_tree(): the elements of a JSON value as rows, those right below a path or all of them. `id` is
 * the number of the node, as in SQLite 3.40. Layer: sql.
 */
import type {BoundTableFunction, SourceColumn, TableFunction} from '../source.js';
import {toText} from '../values/convert.js';
import type {Value} from '../values/value.js';
import {ARRAY, type JsonDocument, OBJECT, readJson} from './json-document.js';
import {findPlace, type Place, readPath} from './json-path.js';
import {JsonText, type JsonValue, nodeType, nodeValue, scalarJson, stringOf} from './json-text.js';

const COLUMNS: readonly SourceColumn[] = [
  'key',
  'value',
  'type',
  'atom',
  'id',
  'parent',
  'fullkey',
  'path',
  'json',
  'root',
].map((name, index) => ({
  name,
  type: '',
  affinity: 'blob',
  collation: 'binary',
  notNull: false,
  hidden: index >= 8,
}));

const SIMPLE_KEY = /^"[A-Za-z][A-Za-z0-9]*"$/;

/** Returns the step of a path that leads to a member. */
function keyStep(document: JsonDocument, key: number): string {
  const json = scalarJson(document, key);
  return SIMPLE_KEY.test(json) ? `.${json.slice(1, -1)}` : `.${json}`;
}

function isContainer(document: JsonDocument, node: number): boolean {
  const kind = document.kind(node);
  return kind === ARRAY || kind === OBJECT;
}

/** What the rows of one call have in common. */
interface Walk {
  readonly document: JsonDocument;
  readonly json: Value;
  readonly root: string;
  /** Whether the elements within elements have rows too. */
  readonly deep: boolean;
}

/** Returns the row of a node. */
function row(walk: Walk, key: Value, node: number, parent: number | null, fullkey: string, path: string): Value[] {
  const {document, json, root} = walk;
  const value = nodeValue(document, node);
  const atom = isContainer(document, node) ? null : value;
  return [key, value, nodeType(document, node), atom, node, parent, fullkey, path, json, root];
}

/** Yields the rows of what is in a container. */
function* rowsWithin(walk: Walk, container: number, path: string): Generator<Value[]> {
  const {document, deep} = walk;
  const parent = deep ? container : null;
  const isObject = document.kind(container) === OBJECT;
  const end = document.next(container);
  let index = 0;
  for (let child = container + 1; child < end; child = document.next(child)) {
    let key: Value;
    let fullkey: string;
    if (isObject) {
      key = stringOf(document, child);
      fullkey = path + keyStep(document, child);
      child++;
    } else {
      key = index;
      fullkey = `${path}[${index++}]`;
    }
    yield row(walk, key, child, parent, fullkey, path);
    if (deep && isContainer(document, child)) yield* rowsWithin(walk, child, fullkey);
  }
}

function* rows(walk: Walk, place: Place): Generator<Value[]> {
  const {document, root} = walk;
  const {node} = place;
  if (!walk.deep) {
    if (isContainer(document, node)) yield* rowsWithin(walk, node, root);
    else yield row(walk, null, node, null, root, root);
    return;
  }
  const steps = place.steps.map(step => ('key' in step ? keyStep(document, step.key) : `[${step.index}]`));
  const path = `$${steps.slice(0, -1).join('')}`;
  const fullkey = `$${steps.join('')}`;
  const last = place.steps[place.steps.length - 1];
  const key = last !== undefined && 'key' in last ? stringOf(document, last.key) : null;
  yield row(walk, key, node, null, fullkey, path);
  if (isContainer(document, node)) yield* rowsWithin(walk, node, fullkey);
}

function* call(args: readonly Value[], deep: boolean): Generator<Value[]> {
  const json = args[0] ?? null;
  if (json === null) return;
  const document = readJson(toText(json) as string);
  const root = args.length > 1 ? toText(args[1] as Value) : '$';
  if (root === null) return;
  const place = findPlace(document, readPath(root));
  if (place !== undefined) yield* rows({document, json, root, deep}, place);
}

function tableFunction(name: string, deep: boolean): TableFunction {
  const bound: BoundTableFunction = {columns: COLUMNS, rows: 25, call: args => call(args, deep)};
  return {name, minArgs: 0, maxArgs: 2, bind: () => bound};
}

/** json_each(JSON [, PATH]) and json_tree(JSON [, PATH]). */
export const JSON_TABLE_FUNCTIONS: readonly TableFunction[] = [
  tableFunction('json_each', false),
  tableFunction('json_tree', true),
];

/** Returns what the columns `value` and `type` of a row of json_each or json_tree are to a function that takes JSON. */
export function boxElement(value: Value, type: Value): JsonValue {
  return typeof value === 'string' && (type === 'array' || type === 'object') ? new JsonText(value) : value;
}
