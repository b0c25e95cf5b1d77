/**
 * Writes scans of trees: leaf by leaf, over the columns that the query reads. The scan that drives a pipeline is written
 * twice: for leaves whose columns are of the types that the first leaf has, over plain numbers and texts; and for all
 * others, over `Value`s. Layer: sql.
 */
import {Real} from '../../tree/cell.js';
import type {LeafNode} from '../../tree/node.js';
import {scanLeaves} from '../../tree/read.js';
import type {Vector} from '../../tree/vector.js';
import {placesIn} from '../plan/access.js';
import type {Slot} from '../plan/expression.js';
import type {IndexUse, Plan, RangeUse} from '../plan/plan.js';
import type {TreeSource} from '../source.js';
import {operand} from './expressions.js';
import {type Consume, type Fragment, type FunctionCode, toValue} from './fragment.js';

/** Tables with fewer rows are not worth code of their own. */
const TYPED_ROWS = 2048;

export type Scan = Plan & {readonly op: 'scan'};

export function scanCode(fn: FunctionCode, plan: Scan, consume: Consume): string {
  const {range} = plan;
  const tree = fn.module.constant(plan.source);
  if (range?.index) return indexCode(fn, plan, tree, range, range.index, consume);
  if (range?.plan.unique) return lookupCode(fn, plan, tree, range, consume);
  const leaves = `X.scan(${tree}, ${leafRanges(fn, plan)}, ${plan.reverse})`;
  return leavesCode(fn, plan, leaves, consume, (_, rows) => rows);
}

/** Parts of leaves, for a reader who keeps them; `around` writes what is done with each, which is named, around the code for its rows. */
export function keptLeavesCode(
  fn: FunctionCode,
  plan: Scan,
  consume: Consume,
  around: (part: string, rows: string) => string,
): string {
  const leaves = `X.scanToKeep(${fn.module.constant(plan.source)}, ${leafRanges(fn, plan)})`;
  return leavesCode(fn, plan, leaves, consume, around);
}

function leafRanges(fn: FunctionCode, {range}: Scan): string {
  return range ? rangeCode(fn, range) : 'undefined';
}

function leavesCode(
  fn: FunctionCode,
  plan: Scan,
  leaves: string,
  consume: Consume,
  around: (part: string, rows: string) => string,
): string {
  const {source, reverse} = plan;
  const part = fn.name('p');
  const leaf = fn.name('leaf');
  const i = fn.name('i');
  const loop = reverse
    ? `for (let ${i} = ${part}.to - 1; ${i} >= ${part}.from; ${i}--)`
    : `for (let ${i} = ${part}.from; ${i} < ${part}.to; ${i}++)`;
  const generic = new GenericColumns(plan, leaf, part, i);
  const body = fn.untyped(() => fn.with(generic.provide(fn), consume));
  let code = `${generic.prelude()}${loop} {\n${body}}\n`;
  if (fn.mayType && source.rows >= TYPED_ROWS) {
    const types = typesOf(source);
    if (types) {
      const typed = new TypedColumns(plan, leaf, i, types);
      const typedBody = fn.untyped(() => fn.with(typed.provide(fn), consume));
      code = `${typed.prelude()}if (${typed.test()}) {\n${typed.declarations()}${loop} {\n${typedBody}}\n} else {\n${code}}\n`;
    }
  }
  return `for (const ${part} of ${leaves}) {\nX.tick();\nconst ${leaf} = ${part}.leaf;\n${around(part, code)}}\n`;
}

/** Returns code for the range, or for the ranges where they are several. */
function rangeCode(fn: FunctionCode, range: RangeUse): string {
  return `X.range(${fn.module.constant(range.plan)}, ${valuesCode(fn, range)})`;
}

function valuesCode(fn: FunctionCode, {values}: RangeUse): string {
  return `[${values.map(({expr, affinity}) => toValue(operand(fn, expr, affinity))).join(', ')}]`;
}

/**
 * A range of an index. What the index has is taken from there; the row itself is looked up when something else of it is asked
 * for the first time, so conditions that the index can decide come before that.
 */
function indexCode(
  fn: FunctionCode,
  plan: Scan,
  tree: string,
  range: RangeUse,
  use: IndexUse,
  consume: Consume,
): string {
  const {source, reverse} = plan;
  const index = fn.module.constant(use.source);
  const [part, leaf, i, rows, hit] = [fn.name('p'), fn.name('leaf'), fn.name('i'), fn.name('rows'), fn.name('hit')];
  // the rows of one beginning are few: each cell by itself
  const alike = range.plan.prefix && !reverse;
  const used = new Map<number, string>();
  const inIndex = (place: number) => {
    let name = used.get(place);
    if (name === undefined) {
      name = fn.name('c');
      used.set(place, name);
    }
    return alike ? name : `${name}[${i}]`;
  };
  let readsRows = false;
  const inRow = (column: number) => {
    readsRows = true;
    const row = `(${hit} ??= ${rows}.find(${leaf}, ${i}))`;
    return `${row}.cell(${column}, ${rows}.at)`;
  };
  const provided = [...plan.slots].map(([column, slot]): [Slot, () => Fragment] => [
    slot,
    () => {
      const origin = source.origins[column] as TreeSource['origins'][number];
      const places = placesIn(source, use.source, column);
      if (places && use.source.columns[places[0] as number] === column)
        return {rep: 'any', value: inIndex(places[0] as number)};
      const inputs = origin.kind === 'stored' ? [origin.column] : origin.inputs;
      const cells = inputs.map((input, k) => (places ? inIndex(places[k] as number) : inRow(input)));
      if (origin.kind === 'stored') return {rep: 'any', value: `X.value(${tree}, ${cells[0]})`};
      return {rep: 'any', value: `${fn.module.constant(origin.compute)}(${cells.join(', ')})`};
    },
  ]);
  const leaves = alike
    ? `X.scanPrefix(${tree}, ${index}, ${fn.module.constant(range.plan)}, ${valuesCode(fn, range)})`
    : `X.scanIndex(${tree}, ${index}, ${rangeCode(fn, range)}, ${reverse})`;
  const body = fn.untyped(() => fn.with(provided, consume));
  const cells = [...used].map(
    ([place, name]) =>
      `const ${name} = ${alike ? `${leaf}.cell(${place}, ${i})` : `cellsOf(${leaf}, ${place}, ${part})`};\n`,
  );
  const loop = reverse
    ? `for (let ${i} = ${part}.to - 1; ${i} >= ${part}.from; ${i}--)`
    : `for (let ${i} = ${part}.from; ${i} < ${part}.to; ${i}++)`;
  return `${readsRows ? `const ${rows} = X.rowsOf(${tree}, ${index});\n` : ''}for (const ${part} of ${leaves}) {
X.tick();
const ${leaf} = ${part}.leaf;
${alike ? '' : cells.join('')}${loop} {
${readsRows ? `let ${hit};\n` : ''}${alike ? cells.join('') : ''}${body}}
}
`;
}

/** One row by its whole key. */
function lookupCode(fn: FunctionCode, plan: Scan, tree: string, range: RangeUse, consume: Consume): string {
  const hit = fn.name('hit');
  const values = rangeCode(fn, range);
  const used = new Map<number, string>();
  const cell = (column: number) => {
    let name = used.get(column);
    if (name === undefined) {
      name = fn.name('c');
      used.set(column, name);
    }
    return name;
  };
  const provided = [...plan.slots].map(([column, slot]): [Slot, () => Fragment] => [
    slot,
    () => {
      const origin = plan.source.origins[column] as TreeSource['origins'][number];
      if (origin.kind === 'stored') return {rep: 'any', value: `X.value(${tree}, ${cell(origin.column)})`};
      return {rep: 'any', value: `${fn.module.constant(origin.compute)}(${origin.inputs.map(cell).join(', ')})`};
    },
  ]);
  const body = fn.untyped(() => fn.with(provided, consume));
  const cells = [...used].map(([column, name]) => `const ${name} = ${hit}.leaf.cell(${column}, ${hit}.at);\n`);
  return `const ${hit} = X.find(${tree}, ${values});\nif (${hit} !== undefined) {\n${cells.join('')}${body}}\n`;
}

/** Columns as arrays of cells. */
class GenericColumns {
  private readonly used = new Map<number, string>();

  constructor(
    private readonly plan: Scan,
    private readonly leaf: string,
    private readonly part: string,
    private readonly i: string,
  ) {}

  provide(fn: FunctionCode): [Slot, () => Fragment][] {
    const {source} = this.plan;
    const cell = (column: number) => `${this.cells(fn, column)}[${this.i}]`;
    const tree = fn.module.constant(source);
    return [...this.plan.slots].map(([column, slot]): [Slot, () => Fragment] => [
      slot,
      () => {
        const origin = source.origins[column] as TreeSource['origins'][number];
        if (origin.kind === 'stored') return {rep: 'any', value: `X.value(${tree}, ${cell(origin.column)})`};
        return {rep: 'any', value: `${fn.module.constant(origin.compute)}(${origin.inputs.map(cell).join(', ')})`};
      },
    ]);
  }

  private cells(fn: FunctionCode, column: number): string {
    let name = this.used.get(column);
    if (name === undefined) {
      name = fn.name('c');
      this.used.set(column, name);
    }
    return name;
  }

  prelude(): string {
    return [...this.used]
      .map(([column, name]) => `const ${name} = cellsOf(${this.leaf}, ${column}, ${this.part});\n`)
      .join('');
  }
}

type ColumnType = 'int' | 'real' | 'text' | 'other';

/** Returns the types of a tree's columns, as far as its first leaf tells; undefined for an empty tree. */
function typesOf(source: TreeSource): ColumnType[] | undefined {
  const {reader, spec, root} = source;
  for (const {leaf} of scanLeaves(reader, spec, root))
    return Array.from({length: spec.columns}, (_, column) => typeOf(leaf, column, source));
  return undefined;
}

function typeOf(leaf: LeafNode, column: number, source: TreeSource): ColumnType {
  const vector: Vector = leaf.column(column);
  switch (vector.kind) {
    case 'integer':
      return 'int';
    case 'real':
      return 'real';
    case 'text':
      return 'text';
    case 'dictionary':
      return typeof vector.entries[0] === 'string' ? 'text' : 'other';
    case 'constant': {
      const cell = vector.constant;
      if (typeof cell === 'string') return 'text';
      if (typeof cell === 'number') return Number.isSafeInteger(cell) ? 'int' : 'real';
      return cell instanceof Real ? 'real' : 'other';
    }
    case 'null': {
      const position = source.origins.findIndex(origin => origin.kind === 'stored' && origin.column === column);
      const affinity = source.columns[position]?.affinity;
      return affinity === 'integer' ? 'int' : affinity === 'real' ? 'real' : affinity === 'text' ? 'text' : 'other';
    }
    default:
      return 'other';
  }
}

/** Columns as numbers and texts, with their nulls apart. */
class TypedColumns {
  private readonly typed = new Map<number, string>();
  private readonly others = new Map<number, string>();
  private readonly matches: {readonly name: string; readonly code: string}[] = [];

  constructor(
    private readonly plan: Scan,
    private readonly leaf: string,
    private readonly i: string,
    private readonly types: readonly ColumnType[],
  ) {}

  provide(fn: FunctionCode): [Slot, () => Fragment][] {
    const {source} = this.plan;
    const {i} = this;
    const tree = fn.module.constant(source);
    return [...this.plan.slots].map(([column, slot]): [Slot, () => Fragment] => [
      slot,
      () => {
        const origin = source.origins[column] as TreeSource['origins'][number];
        if (origin.kind === 'computed') {
          return {
            rep: 'any',
            value: `${fn.module.constant(origin.compute)}(${origin.inputs.map(each => `${this.cells(fn, each)}[${i}]`).join(', ')})`,
          };
        }
        const type = this.types[origin.column];
        if (type === 'other' || type === undefined)
          return {rep: 'any', value: `X.value(${tree}, ${this.cells(fn, origin.column)}[${i}])`};
        let name = this.typed.get(origin.column);
        if (name === undefined) {
          name = fn.name('c');
          this.typed.set(origin.column, name);
        }
        if (type === 'text') {
          const text = fn.temp();
          const vector = `${name}v`;
          const batch = (test: string) => {
            const matched = fn.name('m');
            this.matches.push({name: matched, code: `matchColumn(${vector}, ${test})`});
            return `(${matched} ??= matchColumn(${vector}, ${test}))[${i}]`;
          };
          return {
            rep: 'text',
            isNull: `(${text} = (${name} ??= ${vector}.cells())[${i}]) === null`,
            value: text,
            simple: true,
            column: {vector, row: i, batch},
          };
        }
        const isNull = `(${name}n !== undefined && (${name}n[${i} >> 3] >> (${i} & 7) & 1) === 1)`;
        return {rep: type, isNull, value: `${name}[${i}]`, simple: true};
      },
    ]);
  }

  private cells(fn: FunctionCode, column: number): string {
    let name = this.others.get(column);
    if (name === undefined) {
      name = fn.name('c');
      this.others.set(column, name);
    }
    return name;
  }

  prelude(): string {
    return [...this.typed]
      .map(([column, name]) => {
        const type = this.types[column];
        return type === 'text'
          ? `const ${name}v = textColumn(${this.leaf}, ${column});\n`
          : `const ${name}v = ${type === 'int' ? 'intColumn' : 'realColumn'}(${this.leaf}, ${column});\n`;
      })
      .join('');
  }

  test(): string {
    const names = [...this.typed.values()];
    return names.length === 0 ? 'true' : names.map(name => `${name}v !== undefined`).join(' && ');
  }

  declarations(): string {
    const typed = [...this.typed].map(([column, name]) =>
      this.types[column] === 'text'
        ? `let ${name};\n`
        : `const ${name} = ${name}v.values, ${name}n = ${name}v.nulls;\n`,
    );
    const others = [...this.others].map(
      ([column, name]) => `const ${name} = ${this.leaf}.column(${column}).cells();\n`,
    );
    return [...typed, ...others, ...this.matches.map(({name}) => `let ${name};\n`)].join('');
  }
}

/** The rows that differ between two versions of a table and are in both. */
export function diffCode(fn: FunctionCode, plan: Plan & {readonly op: 'diff'}, consume: Consume): string {
  const change = fn.name('d');
  const [left, right] = [plan.left, plan.right].map(source => fn.module.constant(source));
  const provide = (source: TreeSource, slots: ReadonlyMap<number, Slot>, side: string): [Slot, () => Fragment][] =>
    [...slots].map(([column, slot]) => [
      slot,
      () => {
        const origin = source.origins[column] as TreeSource['origins'][number];
        if (origin.kind !== 'stored') throw new TypeError('versions are compared by their stored columns');
        return {rep: 'any', value: `X.value(${left}, ${change}.${side}[${origin.column}])`};
      },
    ]);
  const provided = [...provide(plan.left, plan.leftSlots, 'before'), ...provide(plan.right, plan.rightSlots, 'after')];
  const body = fn.untyped(() => fn.with(provided, consume));
  return `for (const ${change} of X.diff(${left}, ${right})) {\nX.tick();\nif (${change}.before !== undefined && ${change}.after !== undefined) {\n${body}}\n}\n`;
}
