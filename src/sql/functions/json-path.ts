/**
 * Paths into JSON: `$.key`, `$."any key"`, `[0]`, `[#-1]`. What is wrong with a path is found where the walk comes to
 * it, as in SQLite: a walk that ends before has no result, and no error. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {Real} from '../../tree/cell.js';
import {toText} from '../values/convert.js';
import type {Value} from '../values/value.js';
import {ARRAY, BARE, type JsonDocument, OBJECT, PLAIN, scanJson} from './json-document.js';
import {quoteJson, stringOf} from './json-text.js';

export type PathStep =
  | {
      readonly kind: 'key';
      readonly text: string;
      /** As written in the path. */
      readonly raw: string;
      /** As a string of JSON. */
      readonly json: string;
    }
  | {readonly kind: 'index'; readonly index: number}
  /** `[#-N]`: N from the end; 0 is the place after the last. */
  | {readonly kind: 'last'; readonly back: number}
  /** The path is wrong from here on. In `place`, if it is given, the walk has to be for that to matter. */
  | {readonly kind: 'fault'; readonly rest: string; readonly place: 'object' | 'array' | undefined};

export type JsonPath = readonly PathStep[];

/** Returns the error of a path that is wrong from `rest` on. */
export function pathFault(rest: string): DbosError {
  return new DbosError('SQL_VALUE', `JSON path error near '${rest.replaceAll("'", "''")}'.`, {
    hint: `A path is $ and then any of .key, ."any key", [0] and [#-1].`,
  });
}

const QUOTED_KEY = /\."((?:[^"\\]|\\[\s\S])*)"/y;
const KEY = /\.([^.["][^.[]*)/y;
const INDEX = /\[(\d+)\]/y;
const LAST = /\[#(?:-(\d+))?\]/y;

function take(pattern: RegExp, path: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(path);
}

function parsePath(whole: string): JsonPath {
  const nul = whole.indexOf('\0');
  const path = nul < 0 ? whole : whole.slice(0, nul);
  if (!path.startsWith('$')) return [{kind: 'fault', rest: path, place: undefined}];
  const steps: PathStep[] = [];
  for (let at = 1; at < path.length; ) {
    const quoted = take(QUOTED_KEY, path, at);
    const match = quoted ?? take(KEY, path, at) ?? take(INDEX, path, at) ?? take(LAST, path, at);
    if (match === null) {
      const unit = path.charAt(at);
      if (unit === '.') steps.push({kind: 'fault', rest: path.slice(at + 1), place: 'object'});
      else steps.push({kind: 'fault', rest: path.slice(at), place: path.startsWith('[#', at) ? 'array' : undefined});
      return steps;
    }
    const argument = match[1] ?? '';
    if (quoted !== null) steps.push(quotedKey(argument));
    else if (match[0].startsWith('.')) {
      steps.push({kind: 'key', text: argument, raw: argument, json: quoteJson(argument)});
    } else if (match[0].startsWith('[#')) steps.push({kind: 'last', back: Number(argument)});
    else steps.push({kind: 'index', index: Number(argument)});
    at += match[0].length;
  }
  return steps;
}

function quotedKey(raw: string): PathStep {
  const document = raw.includes('\\') ? scanJson(`"${raw}"`) : undefined;
  // What has escapes that JSON has not is taken as it stands.
  if (typeof document !== 'object' || !document.standard) return {kind: 'key', text: raw, raw, json: quoteJson(raw)};
  return {kind: 'key', text: stringOf(document, 0), raw, json: document.text};
}

/** Paths that were used, parsed; nearly all paths are constants of their query. */
const known = new Map<string, JsonPath>();
const MAX_KNOWN = 200;

/** Returns the steps of a path. */
export function readPath(path: string): JsonPath {
  let steps = known.get(path);
  if (steps === undefined) {
    steps = parsePath(path);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(path, steps);
  }
  return steps;
}

/** Throws if a step is wrong for a container of this kind. */
export function checkStep(step: PathStep, kind: number): void {
  if (step.kind !== 'fault') return;
  if (step.place === undefined || kind === (step.place === 'object' ? OBJECT : ARRAY)) throw pathFault(step.rest);
}

/** Returns the key node of the first member of that key, or -1. */
function findKey(document: JsonDocument, object: number, text: string, raw: string): number {
  const end = document.next(object);
  for (let key = object + 1; key < end; key = document.next(key + 1)) {
    const kind = document.kind(key);
    const quotes = kind === BARE ? 0 : 1;
    const start = document.start(key) + quotes;
    const length = document.end(key) - quotes - start;
    if (length === raw.length && document.text.startsWith(raw, start)) return key;
    if (kind !== PLAIN && stringOf(document, key) === text) return key;
    if (raw !== text && kind === PLAIN && length === text.length && document.text.startsWith(text, start)) return key;
  }
  return -1;
}

/** Returns the node of the element at an index, or -1. */
function findElement(document: JsonDocument, array: number, index: number): number {
  const end = document.next(array);
  let element = array + 1;
  for (let i = 0; i < index && element < end; i++) element = document.next(element);
  return element < end ? element : -1;
}

/** Returns how many elements an array has. */
export function elementCount(document: JsonDocument, array: number): number {
  const end = document.next(array);
  let count = 0;
  for (let element = array + 1; element < end; element = document.next(element)) count++;
  return count;
}

/** Where a path leads: the node, and how the walk got there. */
export interface Place {
  readonly node: number;
  /** The key nodes and indexes of the steps. */
  readonly steps: readonly ({readonly key: number} | {readonly index: number})[];
}

/** Returns where the path leads, or undefined if there is nothing. Throws where the path is wrong. */
export function findPlace(document: JsonDocument, path: JsonPath): Place | undefined {
  let node = 0;
  const steps: Place['steps'][number][] = [];
  for (const step of path) {
    const kind = document.kind(node);
    checkStep(step, kind);
    if (step.kind === 'key') {
      const key = kind === OBJECT ? findKey(document, node, step.text, step.raw) : -1;
      if (key < 0) return undefined;
      steps.push({key});
      node = key + 1;
      continue;
    }
    if (kind !== ARRAY || step.kind === 'fault') return undefined;
    const index = step.kind === 'index' ? step.index : elementCount(document, node) - step.back;
    node = index < 0 ? -1 : findElement(document, node, index);
    if (node < 0) return undefined;
    steps.push({index});
  }
  return {node, steps};
}

/** Returns the node that the path leads to, or -1. Throws where the path is wrong. */
export function findNode(document: JsonDocument, path: JsonPath): number {
  let node = 0;
  for (const step of path) {
    const kind = document.kind(node);
    if (step.kind === 'key') {
      if (kind !== OBJECT) return -1;
      node = findKey(document, node, step.text, step.raw) + 1;
      if (node === 0) return -1;
      continue;
    }
    checkStep(step, kind);
    if (kind !== ARRAY || step.kind === 'fault') return -1;
    const index = step.kind === 'index' ? step.index : elementCount(document, node) - step.back;
    node = index < 0 ? -1 : findElement(document, node, index);
    if (node < 0) return -1;
  }
  return node;
}

/**
 * Returns the node that the right side of `->` leads to, or -1: a path; an index, from the end if it is negative; or a
 * key, or else a path without its `$.`.
 */
export function findArrowNode(document: JsonDocument, side: Exclude<Value, null>): number {
  const kind = document.kind(0);
  if (typeof side === 'bigint') return -1;
  if (typeof side === 'number' && Number.isSafeInteger(side)) {
    if (kind !== ARRAY) return -1;
    const index = side < 0 ? elementCount(document, 0) + side : side;
    return index < 0 ? -1 : findElement(document, 0, index);
  }
  const text = toText(side) as string;
  if (text === '') throw pathFault('');
  if (text.startsWith('$')) return findNode(document, readPath(text));
  const key = kind === OBJECT ? findKey(document, 0, text, text) : -1;
  if (key >= 0) return key + 1;
  if (typeof side === 'number' || side instanceof Real) return -1;
  if (/^\d/.test(text)) return /^\d+$/.test(text) && kind === ARRAY ? findElement(document, 0, Number(text)) : -1;
  if (!/[.["]/.test(text)) return -1;
  return findNode(document, readPath(text.startsWith('[') ? `$${text}` : `$.${text}`));
}
