/**
 * Writes JavaScript for bound expressions. Where the types are known when the code is written, values are plain numbers and
 * comparisons plain operators; where they are not, the functions of `values/` decide. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import {Real} from '../../tree/cell.js';
import {boxElement, boxJson, extractJson, RETURNS_JSON, TAKES_JSON} from '../functions/json.js';
import {globMatcher, likeMatcher, likeShape, regexpMatcher} from '../functions/pattern.js';
import {affinityOfBound, type Bound, type Comparison, type ComparisonAffinity, NULL, Slot} from '../plan/expression.js';
import {applyAffinity} from '../values/affinity.js';
import {hashKey} from '../values/compare.js';
import {toText} from '../values/convert.js';
import type {Value} from '../values/value.js';
import {type Fragment, type FunctionCode, toValue} from './fragment.js';

/** Returns code for the `Value` of an expression. */
export function valueCode(fn: FunctionCode, expr: Bound): string {
  return toValue(compile(fn, expr));
}

/** Operators of a chain, each the left operand of the next, whose code is nested. */
const MAX_NESTED = 32;

/**
 * Returns the fragment of an expression. What stands far down its left side, as in `a + b + c + …`, is computed before it, as
 * it would be anyway: JavaScript that nests as deep as such a chain is long would be too much for the stack of its compiler.
 */
export function compile(fn: FunctionCode, expr: Bound): Fragment {
  const {early} = fn;
  const known = early.get(expr);
  if (known !== undefined) return {rep: 'any', value: known, simple: true};
  const deep = operandBelow(expr, early);
  if (deep === undefined) return compileNested(fn, expr);
  const temp = fn.temp();
  const value = valueCode(fn, deep);
  early.set(deep, temp);
  const rest = compileNested(fn, expr);
  early.delete(deep);
  return after(`${temp} = ${value}`, rest);
}

/** Returns the operand that is `MAX_NESTED` operators down the left side of an expression, unless it has been computed. */
function operandBelow(expr: Bound, early: ReadonlyMap<Bound, string>): Bound | undefined {
  let operand = expr;
  for (let depth = 0; depth < MAX_NESTED; depth++) {
    const below = firstOperand(operand);
    if (below === undefined || early.has(below)) return undefined;
    operand = below;
  }
  return operand;
}

/** Returns the operand of an operator that is computed first, whatever its value. */
function firstOperand(expr: Bound): Bound | undefined {
  switch (expr.op) {
    case 'and':
    case 'or':
      return operandsOf(expr, expr.op)[0];
    case 'arithmetic':
    case 'compare':
      return expr.left;
    case 'isNull':
    case 'isTruth':
    case 'match':
    case 'inList':
    case 'not':
      return expr.operand;
    case 'let':
      return expr.value;
    case 'call':
      return expr.function.name.startsWith('->') ? expr.args[0] : undefined;
    default:
      return undefined;
  }
}

/** Returns the fragment, computed after `first` has been. */
function after(first: string, fragment: Fragment): Fragment {
  if (fragment.isNull !== undefined) return {...fragment, isNull: `(${first}, ${fragment.isNull})`};
  return {...fragment, value: `(${first}, ${fragment.value})`, simple: false};
}

function compileNested(fn: FunctionCode, expr: Bound): Fragment {
  switch (expr.op) {
    case 'constant':
      return constant(fn, expr.value);
    case 'parameter':
      return {rep: 'any', value: `X.parameters[${expr.index}]`, simple: true};
    case 'slot':
      return fn.slot(expr.slot);
    case 'collate':
      return compile(fn, expr.operand);
    case 'plus':
      return compile(fn, expr.operand);
    case 'negate':
      return any(`negate(${valueCode(fn, expr.operand)})`);
    case 'bitNot':
      return any(`bitNot(${valueCode(fn, expr.operand)})`);
    case 'arithmetic':
      return arithmetic(fn, expr);
    case 'affinity':
      return operand(fn, expr.operand, expr.to);
    case 'cast':
      return any(`castValue(${valueCode(fn, expr.operand)}, '${expr.to}')`);
    case 'let': {
      const temp = fn.temp();
      const value = valueCode(fn, expr.value);
      const body = fn.with([[expr.slot, () => ({rep: 'any', value: temp, simple: true})]], () =>
        compile(fn, expr.body),
      );
      return after(`${temp} = ${value}`, body);
    }
    case 'case':
      return any(choice(fn, expr.branches, expr.otherwise, valueCode));
    case 'call':
      return call(fn, expr);
    case 'scalar':
      return any(fn.module.writers.scalar(fn, expr.subquery, expr.column));
    case 'exists':
      return {rep: 'bool', value: fn.module.writers.exists(fn, expr.subquery)};
    case 'isNull':
      return {rep: 'bool', value: expr.negated ? `!(${isNull(fn, expr.operand)})` : isNull(fn, expr.operand)};
    case 'isTruth': {
      const truth = expr.truth ? isTrue(fn, expr.operand) : isFalse(fn, expr.operand);
      return {rep: 'bool', value: expr.negated ? `!(${truth})` : truth};
    }
    case 'compare':
      return comparison(fn, expr);
    case 'match':
      return match(fn, expr);
    case 'inList':
      return any(inList(fn, expr));
    case 'inQuery': {
      const code = fn.module.writers.inQuery(fn, expr);
      return any(expr.negated ? `not3(${code})` : code);
    }
    case 'and':
    case 'or':
      return logical(fn, expr);
    case 'not': {
      const temp = fn.temp();
      return any(`((${temp} = ${truthOf(fn, expr.operand)}) === null ? null : 1 - ${temp})`);
    }
    case 'row':
      throw new TypeError('a row value where one value is wanted');
  }
}

function any(value: string): Fragment {
  return {rep: 'any', value};
}

function constant(fn: FunctionCode, value: Value): Fragment {
  if (value === null) return {rep: 'any', value: 'null', simple: true};
  if (typeof value === 'number') {
    const code = value < 0 ? `(${value})` : Number.isFinite(value) ? `${value}` : 'Infinity';
    return {
      rep: Number.isSafeInteger(value) ? 'int' : 'real',
      value: value === Number.NEGATIVE_INFINITY ? '(-Infinity)' : code,
      simple: true,
    };
  }
  if (value instanceof Real)
    return {rep: 'real', value: Object.is(value.value, -0) ? '(-0)' : `(${value.value})`, simple: true};
  if (typeof value === 'string') return {rep: 'text', value: quoted(value), simple: true};
  return {rep: 'any', value: fn.module.constant(value), present: true, simple: true};
}

/** Returns a text as a literal of JavaScript. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

/** Returns a fragment whose value can stand in the code several times, after `isNull` has been computed. */
function named(fn: FunctionCode, fragment: Fragment): Fragment {
  if (fragment.simple && fragment.isNull === undefined) return fragment;
  const temp = fn.temp();
  if (fragment.rep === 'any')
    return {rep: 'any', isNull: `(${temp} = ${fragment.value}) === null`, value: temp, simple: true};
  if (fragment.isNull === undefined)
    return {rep: fragment.rep, isNull: `(${temp} = ${fragment.value}, false)`, value: temp, simple: true};
  return fragment;
}

// ---------------------------------------------------------------------------------------------------- truth

/** Returns code that is true if and only if the expression is: not NULL and not 0. */
export function isTrue(fn: FunctionCode, expr: Bound): string {
  switch (expr.op) {
    case 'and':
    case 'or':
      return joined(operandsOf(expr, expr.op), expr.op === 'and' ? '&&' : '||', each => isTrue(fn, each));
    case 'not':
      return isFalse(fn, expr.operand);
    default:
      return truth(compile(fn, expr), false);
  }
}

/** Returns code that is true if and only if the expression is false: not NULL, and 0. */
function isFalse(fn: FunctionCode, expr: Bound): string {
  switch (expr.op) {
    case 'and':
    case 'or':
      return joined(operandsOf(expr, expr.op), expr.op === 'and' ? '||' : '&&', each => isFalse(fn, each));
    case 'not':
      return isTrue(fn, expr.operand);
    default:
      return truth(compile(fn, expr), true);
  }
}

function joined(operands: readonly Bound[], operator: '&&' | '||', code: (operand: Bound) => string): string {
  return `(${operands.map(code).join(` ${operator} `)})`;
}

/** Returns the operands of a chain of AND or of OR, from left to right. */
function operandsOf(expr: Bound, op: 'and' | 'or'): Bound[] {
  const operands: Bound[] = [];
  let first = expr;
  while (first.op === op) {
    operands.push(first.right);
    first = first.left;
  }
  operands.push(first);
  return operands.reverse();
}

function truth({rep, isNull, value, truth: short}: Fragment, negated: boolean): string {
  if (short !== undefined && !negated) return short;
  const sign = negated ? '!' : '';
  if (rep === 'any') return negated ? `(truthOf(${value}) === 0)` : `isTrue(${value})`;
  const code =
    rep === 'bool'
      ? `${sign}(${value})`
      : rep === 'text'
        ? `${sign}isTrue(${value})`
        : `(${value} ${negated ? '===' : '!=='} 0)`;
  return isNull === undefined ? code : `(!(${isNull}) && ${code})`;
}

/** Returns code for 1, 0 or null. */
function truthOf(fn: FunctionCode, expr: Bound): string {
  const fragment = compile(fn, expr);
  if (fragment.rep === 'bool') return toValue(fragment);
  return `truthOf(${toValue(fragment)})`;
}

function isNull(fn: FunctionCode, expr: Bound): string {
  const fragment = compile(fn, expr);
  if (fragment.rep === 'any') return `(${fragment.value} === null)`;
  return fragment.isNull === undefined ? 'false' : `(${fragment.isNull})`;
}

/** AND and OR where NULL matters. What is to the right of an operand that decides is not computed. */
function logical(fn: FunctionCode, expr: Bound & {readonly op: 'and' | 'or'}): Fragment {
  const decisive = expr.op === 'and' ? 0 : 1;
  const operands = operandsOf(expr, expr.op).map(operand => ({temp: fn.temp(), code: truthOf(fn, operand)}));
  const decided = operands.map(({temp, code}) => `(${temp} = ${code}) === ${decisive}`).join(' || ');
  const unknown = operands.map(({temp}) => `${temp} === null`).join(' || ');
  return any(`(${decided} ? ${decisive} : ${unknown} ? null : ${1 - decisive})`);
}

interface Branch {
  readonly when: Bound;
  readonly result: Bound;
}

/** Returns code for the result of the first branch whose condition is true. */
function choice(fn: FunctionCode, branches: readonly Branch[], otherwise: Bound, code: typeof valueCode): string {
  if (branches.length <= MAX_NESTED) {
    return branches.reduceRight(
      (rest, {when, result}) => `(${isTrue(fn, when)} ? ${code(fn, result)} : ${rest})`,
      code(fn, otherwise),
    );
  }
  const temp = fn.temp();
  const taken = branches.map(({when, result}) => `${isTrue(fn, when)} && (${temp} = ${code(fn, result)}, true)`);
  return `(${taken.join(' || ')} || (${temp} = ${code(fn, otherwise)}), ${temp})`;
}

// ---------------------------------------------------------------------------------------------------- comparisons

const NAMES: Readonly<Record<Comparison, string>> = {
  '<': 'less',
  '<=': 'lessOrEqual',
  '>': 'greater',
  '>=': 'greaterOrEqual',
  '=': 'equal',
  '<>': 'unequal',
  is: 'same',
  'is not': 'different',
};

const OPERATORS: Readonly<Record<Comparison, string>> = {
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  '=': '===',
  '<>': '!==',
  is: '===',
  'is not': '!==',
};

/** Returns an operand with the affinity of its comparison applied. */
export function operand(fn: FunctionCode, expr: Bound, affinity: ComparisonAffinity): Fragment {
  const fragment = compile(fn, expr);
  if (affinity === 'none') return fragment;
  const own = conforms(expr) ? affinityOfBound(expr) : 'none';
  if (expr.op === 'constant') return constant(fn, applyAffinity(expr.value, affinity));
  if (affinity === 'numeric') {
    if (fragment.rep === 'int' || fragment.rep === 'real' || fragment.rep === 'bool') return fragment;
    if (own === 'integer' || own === 'real' || own === 'numeric') return fragment;
  } else if (fragment.rep === 'text' || own === 'text') return fragment;
  return any(`applyAffinity(${toValue(fragment)}, '${affinity}')`);
}

/** Returns whether the values of an expression have the affinity that it has. */
function conforms(expr: Bound): boolean {
  return expr.op === 'slot' ? expr.slot.conforms : expr.op === 'cast';
}

function comparison(fn: FunctionCode, expr: Bound & {readonly op: 'compare'}): Fragment {
  const left = operand(fn, expr.left, expr.affinity);
  const right = operand(fn, expr.right, expr.affinity);
  const {name, collation} = expr;
  const isIs = name === 'is' || name === 'is not';
  const numeric = (rep: string) => rep === 'int' || rep === 'real' || rep === 'bool';
  const plain = (fragment: Fragment) => (fragment.rep === 'bool' ? `(${fragment.value} ? 1 : 0)` : fragment.value);
  const textual = left.rep === 'text' && right.rep === 'text' && collation === 'binary';
  if ((numeric(left.rep) && numeric(right.rep)) || (textual && (name === '=' || name === '<>' || isIs))) {
    const code = `(${plain(left)} ${OPERATORS[name]} ${plain(right)})`;
    const nulls = [left.isNull, right.isNull].filter(each => each !== undefined);
    if (nulls.length === 0) return {rep: 'bool', value: code};
    if (!isIs) return {rep: 'bool', isNull: `(${nulls.join(' || ')})`, value: code};
  }
  const compare = collation === 'binary' ? '' : `, ${collation === 'nocase' ? 'compareNocase' : 'compareRtrim'}`;
  const suffix = collation === 'binary' ? '' : 'By';
  if (isIs) return {rep: 'bool', value: `${NAMES[name]}${suffix}(${toValue(left)}, ${toValue(right)}${compare})`};
  const a = named(fn, left);
  const b = named(fn, right);
  const nulls = [a.isNull ?? nullTest(a), b.isNull ?? nullTest(b)].filter(each => each !== undefined);
  const value = `${NAMES[name]}${suffix}(${toValue({...a, isNull: undefined})}, ${toValue({...b, isNull: undefined})}${compare})`;
  return {rep: 'bool', isNull: nulls.length === 0 ? undefined : `(${nulls.join(' || ')})`, value};
}

function nullTest(fragment: Fragment): string | undefined {
  return fragment.rep === 'any' && !fragment.present ? `${fragment.value} === null` : undefined;
}

function match(fn: FunctionCode, expr: Bound & {readonly op: 'match'}): Fragment {
  const value = compile(fn, expr.operand);
  const {pattern, escape: escaping, name} = expr;
  const fixed =
    pattern.op === 'constant' &&
    typeof pattern.value === 'string' &&
    (escaping === undefined || (escaping.op === 'constant' && typeof escaping.value === 'string'));
  if (fixed) {
    const text = pattern.value as string;
    const matcher =
      name === 'like'
        ? likeMatcher(text, escaping?.op === 'constant' ? escapeCharacter(escaping.value) : undefined)
        : name === 'glob'
          ? globMatcher(text)
          : regexpMatcher(text);
    const test = fn.module.constant(matcher);
    if (value.column && name === 'like' && escaping === undefined) {
      const {kind, text: part} = likeShape(text, undefined);
      if (kind === 'contains' && part !== '' && isAscii(part)) {
        const found = value.column.batch(fn.module.constant(part));
        const code = `(${found} === 1)`;
        return {rep: 'bool', isNull: `(${found} === 2)`, value: code, truth: code};
      }
    }
    if (value.rep === 'text') return {rep: 'bool', isNull: value.isNull, value: `${test}(${value.value})`};
    const temp = fn.temp();
    return {rep: 'bool', isNull: `(${temp} = toText(${toValue(value)})) === null`, value: `${test}(${temp})`};
  }
  const parts = [toValue(value), valueCode(fn, pattern)];
  if (escaping) parts.push(valueCode(fn, escaping));
  return any(`${name}Of(${parts.join(', ')})`);
}

/** Returns the escape character of LIKE. Throws SQL_VALUE unless it is one character. */
export function escapeCharacter(value: Value): string {
  const text = toText(value);
  if (text !== null && [...text].length === 1) return text;
  throw new DbosError('SQL_VALUE', 'ESCAPE expression must be a single character.', {
    hint: "For example: LIKE '50\\%' ESCAPE '\\'.",
  });
}

function inList(fn: FunctionCode, expr: Bound & {readonly op: 'inList'}): string {
  const {items, affinity, collation, negated} = expr;
  if (items.length === 0) return negated ? '1' : '0';
  const sign = (code: string) => (negated ? `not3(${code})` : code);
  const value = toValue(operand(fn, expr.operand, affinity));
  if (items.length > 2 && items.every(item => item.op === 'constant')) {
    const values = items.map(item =>
      applyAffinity((item as Bound & {op: 'constant'}).value, affinity === 'none' ? 'blob' : affinity),
    );
    const keys = new Set(values.filter(each => each !== null).map(each => hashKey(each, collation)));
    const hasNull = values.includes(null);
    return sign(`inKeys(${value}, ${fn.module.constant(keys)}, ${hasNull}, '${collation}')`);
  }
  const list = items.map(item => toValue(operand(fn, item, affinity)));
  const compare = collation === 'binary' ? 'compareBinary' : collation === 'nocase' ? 'compareNocase' : 'compareRtrim';
  return sign(`inValues(${value}, [${list.join(', ')}], ${compare})`);
}

// ---------------------------------------------------------------------------------------------------- computing

const REAL_OPERATORS: Readonly<Partial<Record<string, string>>> = {add: '+', subtract: '-', multiply: '*'};

function arithmetic(fn: FunctionCode, expr: Bound & {readonly op: 'arithmetic'}): Fragment {
  const left = compile(fn, expr.left);
  const right = compile(fn, expr.right);
  const number = (rep: string) => rep === 'int' || rep === 'real';
  const operator = REAL_OPERATORS[expr.name];
  if (operator && number(left.rep) && number(right.rep) && (left.rep === 'real' || right.rep === 'real')) {
    const temp = fn.temp();
    const nulls = [left.isNull, right.isNull].filter(each => each !== undefined);
    // ∞ − ∞ is NULL
    nulls.push(`Number.isNaN(${temp} = ${left.value} ${operator} ${right.value})`);
    return {rep: 'real', isNull: `(${nulls.join(' || ')})`, value: temp, simple: true};
  }
  return any(`${expr.name}(${toValue(left)}, ${toValue(right)})`);
}

/** Functions that compute their arguments only as far as they need them. */
const LAZY = new Set(['coalesce', 'ifnull', 'iif', 'if']);

function call(fn: FunctionCode, expr: Bound & {readonly op: 'call'}): Fragment {
  const called = expr.function;
  if (LAZY.has(called.name)) return any(lazy(fn, called.name, expr.args));
  const context = `X.context.${expr.collation}`;
  const takesJson = TAKES_JSON.has(called.name);
  const code = fn.module.constant(called.call);
  if (called.strict) {
    const temps = expr.args.map(arg => [fn.temp(), valueCode(fn, arg)] as const);
    const nulls = temps.map(([temp, value]) => `(${temp} = ${value}) === null`);
    const args = [context, ...temps.map(([temp]) => temp)].join(', ');
    return any(nulls.length === 0 ? `${code}(${args})` : `(${nulls.join(' || ')} ? null : ${code}(${args}))`);
  }
  const args = expr.args.map(arg => (takesJson ? jsonCode(fn, arg) : valueCode(fn, arg)));
  return any(`${code}(${[context, ...args].join(', ')})`);
}

function lazy(fn: FunctionCode, name: string, args: readonly Bound[], code: typeof valueCode = valueCode): string {
  if (name === 'iif' || name === 'if') {
    const branches: Branch[] = [];
    for (let i = 0; i + 1 < args.length; i += 2) {
      branches.push({when: args[i] as Bound, result: args[i + 1] as Bound});
    }
    return choice(fn, branches, args.length % 2 === 1 ? (args[args.length - 1] as Bound) : NULL, code);
  }
  const temp = fn.temp();
  return `(${args.map(arg => `(${temp} = ${code(fn, arg)}) !== null`).join(' || ')}, ${temp})`;
}

/** Functions whose result is one of their arguments. */
const PASSING = new Set(['nullif', 'min', 'max', 'likely', 'unlikely', 'likelihood']);

/** Returns whether an expression may be the JSON of a function, which other functions do not take for a text. */
function isJson(expr: Bound): boolean {
  switch (expr.op) {
    case 'call': {
      const {name} = expr.function;
      if (RETURNS_JSON.has(name) || name === 'json_extract') return true;
      return (LAZY.has(name) || PASSING.has(name)) && expr.args.some(isJson);
    }
    case 'slot':
      return expr.slot.json !== undefined;
    case 'scalar':
      return isJson(expr.subquery.query.outputs[expr.column]?.expr ?? NULL);
    case 'case':
      return isJson(expr.otherwise) || expr.branches.some(branch => isJson(branch.result));
    case 'collate':
    case 'plus':
      return isJson(expr.operand);
    case 'cast':
      return expr.to === 'text' && isJson(expr.operand);
    default:
      return false;
  }
}

/** Returns code for an argument of a function that tells JSON from text. */
export function jsonCode(fn: FunctionCode, expr: Bound): string {
  if (!isJson(expr)) return valueCode(fn, expr);
  const {module} = fn;
  switch (expr.op) {
    case 'case':
      return choice(fn, expr.branches, expr.otherwise, jsonCode);
    case 'collate':
    case 'plus':
    case 'cast':
      return jsonCode(fn, expr.operand);
    case 'slot': {
      const {json} = expr.slot;
      const value = valueCode(fn, expr);
      return json instanceof Slot
        ? `${module.constant(boxElement)}(${value}, ${toValue(fn.slot(json))})`
        : `${module.constant(boxJson)}(${value})`;
    }
    case 'call': {
      const {name} = expr.function;
      if (name === 'json_extract') {
        const args = expr.args.map(arg => jsonCode(fn, arg));
        return `${module.constant(extractJson)}(${[`X.context.${expr.collation}`, ...args].join(', ')})`;
      }
      if (LAZY.has(name)) return lazy(fn, name, expr.args, jsonCode);
      break;
    }
    default:
  }
  return `${module.constant(boxJson)}(${valueCode(fn, expr)})`;
}
