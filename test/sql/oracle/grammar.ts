/**
 * Generated SQL as a tree of text that knows how it can be made simpler: optional parts go, lists lose items, an
 * expression becomes one of its parts or a constant, a query one of its parts. It knows nothing of what the text means;
 * whoever simplifies tries the result.
 */

export type Part = string | Node;

export interface Node {
  readonly role: 'plain' | 'expr' | 'optional' | 'list' | 'query';
  readonly parts: readonly Part[];
  /** What stands between the parts of a list, and how many must stay. */
  readonly separator?: string;
  readonly least?: number;
}

type Template = (strings: TemplateStringsArray, ...values: readonly (Part | number)[]) => Node;

function template(role: Node['role']): Template {
  return (strings, ...values) => {
    const parts: Part[] = [];
    strings.forEach((text, index) => {
      if (text !== '') parts.push(text);
      const value = values[index];
      if (value !== undefined) parts.push(typeof value === 'number' ? String(value) : value);
    });
    return {role, parts};
  };
}

/** Returns a node of text with other nodes in it. */
export const plain = template('plain');
/** The same for an expression. */
export const expr = template('expr');
/** The same for something that can stand wherever a query can. */
export const query = template('query');
/** The same for a part that can be left out. */
export const optional = template('optional');

export const NOTHING: Node = {role: 'plain', parts: []};

/** Returns the items with a separator between them, of which at least some have to stay. */
export function list(items: readonly Part[], separator = ', ', least = 1): Node {
  return {role: 'list', parts: items, separator, least};
}

export function render(part: Part): string {
  if (typeof part === 'string') return part;
  return part.parts.map(render).join(part.separator ?? '');
}

const CONSTANTS = ['NULL', '0', '1', "'a'"];

function* partsOfRole(node: Node, role: Node['role']): Generator<Node> {
  for (const part of node.parts) {
    if (typeof part === 'string') continue;
    if (part.role === role) yield part;
    else yield* partsOfRole(part, role);
  }
}

/** Yields what may stand in the place of a node. */
function* replacements(node: Node): Generator<Node> {
  if (node.role === 'optional') yield NOTHING;
  if (node.role === 'list') {
    const least = node.least ?? 1;
    const {parts} = node;
    if (parts.length > 2 && least <= 1) {
      const half = parts.length >> 1;
      yield {...node, parts: parts.slice(0, half)};
      yield {...node, parts: parts.slice(half)};
    }
    if (parts.length > least) {
      for (let i = 0; i < parts.length; i++) yield {...node, parts: [...parts.slice(0, i), ...parts.slice(i + 1)]};
    }
  }
  if (node.role === 'query') yield* partsOfRole(node, 'query');
  if (node.role === 'expr') {
    yield* partsOfRole(node, 'expr');
    for (const constant of CONSTANTS) yield {role: 'expr', parts: [constant]};
  }
}

/** Yields the tree with one place of it made simpler, for each place and way; larger places first. */
export function* simplifications(node: Node): Generator<Node> {
  yield* replacements(node);
  for (const [index, part] of node.parts.entries()) {
    if (typeof part === 'string') continue;
    for (const simpler of simplifications(part)) {
      yield {...node, parts: [...node.parts.slice(0, index), simpler, ...node.parts.slice(index + 1)]};
    }
  }
}
