/**
 * Changes of JSON: a tree that is spread out only where a path goes, the rest of it staying text. json_insert,
 * json_replace, json_set, json_remove and json_patch are made of it; of several changes each sees those before it.
 * Layer: sql.
 */
import {ARRAY, type JsonDocument, NULL, OBJECT, readJson} from './json-document.js';
import {checkStep, type JsonPath, pathFault} from './json-path.js';
import {nodeJson, scalarJson, stringOf} from './json-text.js';

interface Member {
  /** The key as a string of JSON, and what it stands for. */
  readonly json: string;
  readonly text: string;
  value: JsonTree;
}

class ObjectTree {
  constructor(readonly members: Member[]) {}
}

class ArrayTree {
  constructor(readonly items: JsonTree[]) {}
}

class NodeTree {
  constructor(
    readonly document: JsonDocument,
    readonly node: number,
  ) {}
}

/** JSON to be changed: text without white space, a node of a document, or an array or object spread out. */
export type JsonTree = string | NodeTree | ObjectTree | ArrayTree;

/** Returns the tree of a document. */
export function treeOf(document: JsonDocument): JsonTree {
  return new NodeTree(document, 0);
}

/** Returns a tree spread out if it is an array or object. */
function spread(tree: JsonTree): JsonTree {
  if (typeof tree === 'string') {
    return tree.startsWith('{') || tree.startsWith('[') ? spread(treeOf(readJson(tree))) : tree;
  }
  if (!(tree instanceof NodeTree)) return tree;
  const {document, node} = tree;
  const kind = document.kind(node);
  if (kind !== ARRAY && kind !== OBJECT) return tree;
  const end = document.next(node);
  const items: JsonTree[] = [];
  const members: Member[] = [];
  for (let child = node + 1; child < end; child = document.next(child)) {
    if (kind === ARRAY) items.push(new NodeTree(document, child));
    else {
      const key = child++;
      members.push({
        json: scalarJson(document, key),
        text: stringOf(document, key),
        value: new NodeTree(document, child),
      });
    }
  }
  return kind === ARRAY ? new ArrayTree(items) : new ObjectTree(members);
}

/** Returns the JSON of a tree. */
export function treeJson(tree: JsonTree): string {
  if (typeof tree === 'string') return tree;
  if (tree instanceof NodeTree) return nodeJson(tree.document, tree.node);
  if (tree instanceof ArrayTree) return `[${tree.items.map(treeJson).join(',')}]`;
  return `{${tree.members.map(member => `${member.json}:${treeJson(member.value)}`).join(',')}}`;
}

/** What becomes of what is at a path, undefined standing for nothing before or after. */
export type Change = (old: JsonTree | undefined) => JsonTree | undefined;

/** Returns the tree with what is at the path changed; undefined if nothing is left. The tree given is used up. */
export function changed(tree: JsonTree, path: JsonPath, change: Change, at = 0): JsonTree | undefined {
  const step = path[at];
  if (step === undefined) return change(tree);
  const container = spread(tree);
  const kind = container instanceof ObjectTree ? OBJECT : container instanceof ArrayTree ? ARRAY : NULL;
  checkStep(step, kind);
  if (step.kind === 'key') {
    if (!(container instanceof ObjectTree)) return container;
    const {members} = container;
    const index = members.findIndex(({text, json}) => text === step.text || json.slice(1, -1) === step.raw);
    const member = members[index];
    if (member === undefined) {
      const value = created(path, change, at + 1);
      if (value !== undefined) members.push({json: step.json, text: step.text, value});
      return container;
    }
    const value = changed(member.value, path, change, at + 1);
    if (value === undefined) members.splice(index, 1);
    else member.value = value;
    return container;
  }
  if (!(container instanceof ArrayTree) || step.kind === 'fault') return container;
  const {items} = container;
  const index = step.kind === 'index' ? step.index : items.length - step.back;
  if (index < 0 || index > items.length) return container;
  const item = items[index];
  const value = item === undefined ? created(path, change, at + 1) : changed(item, path, change, at + 1);
  if (value === undefined) items.splice(index, 1);
  else items[index] = value;
  return container;
}

/** Returns what is made where nothing was: objects and arrays of one as the rest of the path wants them. */
function created(path: JsonPath, change: Change, at: number): JsonTree | undefined {
  const step = path[at];
  const value = change(undefined);
  if (step === undefined || value === undefined) return value;
  if (step.kind === 'fault') throw pathFault(step.rest);
  const isFirst = step.kind === 'key' || (step.kind === 'index' ? step.index : step.back) === 0;
  const inner = isFirst ? created(path, change, at + 1) : undefined;
  if (inner === undefined) return undefined;
  return step.kind === 'key'
    ? new ObjectTree([{json: step.json, text: step.text, value: inner}])
    : new ArrayTree([inner]);
}

function isNull(tree: JsonTree): boolean {
  return tree instanceof NodeTree ? tree.document.kind(tree.node) === NULL : tree === 'null';
}

/** Returns the target with the patch applied, as RFC 7396 says. The target is used up. */
export function patched(target: JsonTree | undefined, patch: JsonTree): JsonTree {
  const changes = spread(patch);
  if (!(changes instanceof ObjectTree)) return changes;
  const old = target === undefined ? undefined : spread(target);
  const members = old instanceof ObjectTree ? old.members : [];
  for (const {json, text, value} of changes.members) {
    const index = members.findIndex(member => member.text === text);
    const member = members[index];
    if (isNull(value)) {
      if (member !== undefined) members.splice(index, 1);
    } else if (member !== undefined) member.value = patched(member.value, value);
    else members.push({json, text, value: patched(undefined, value)});
  }
  return new ObjectTree(members);
}
