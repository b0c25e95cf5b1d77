/**
 * Random window functions with every kind of frame. Rows that tie are kept from showing: where the order within the ties
 * matters, the key of the rows is the last of the order.
 */
import type {Expressions, Reference, Scope} from './expressions.js';
import {expr, list, NOTHING, type Node, optional, type Part, plain} from './grammar.js';
import type {Random} from './random.js';
import type {Topic} from './schema.js';

const SUMMABLE: readonly Topic[] = ['small', 'money'];

export interface NamedWindows {
  readonly nodes: readonly Node[];
  readonly names: readonly string[];
}

export class WindowMaker {
  constructor(
    private readonly random: Random,
    private readonly expressions: Expressions,
  ) {}

  /** Returns a WINDOW clause; the second window may be made from the first. */
  definitions(scope: Scope, order: readonly Part[]): NamedWindows {
    const first = plain`win1 AS (${this.partition(scope)} ${this.total(scope, order)}${this.frame('total')})`;
    if (this.random.chance(0.5)) return {nodes: [first], names: ['win1']};
    const base = plain`base AS (${this.partition(scope)})`;
    const second = plain`win2 AS (base ${this.total(scope, order)}${this.frame('total')})`;
    return {nodes: [first, base, second], names: ['win1', 'win2']};
  }

  /** Returns the call of a window function; `order` is what tells rows apart. */
  call(scope: Scope, order: readonly Part[], names?: readonly string[]): Reference {
    const {node: make, topic, ranking} = this.function(scope);
    const filter =
      !ranking && this.random.chance(0.15)
        ? optional` FILTER (WHERE ${this.expressions.condition(scope, 1)})`
        : NOTHING;
    const over = names !== undefined && this.random.chance(0.7) ? this.random.pick(names) : this.window(scope, order);
    return {node: expr`${make}${filter} OVER ${over}`, topic, collation: 'binary'};
  }

  private window(scope: Scope, order: readonly Part[]): Node {
    const kind = this.random.weighted([
      [6, 'total'],
      [2, 'peers'],
      [2, 'range'],
      [1, 'none'],
    ] as const);
    const partition = this.partition(scope);
    if (kind === 'none') return plain`(${partition})`;
    if (kind === 'total') return plain`(${partition} ${this.total(scope, order)}${this.frame('total')})`;
    if (kind === 'range') {
      const term = this.expressions.reference(scope, ['small', 'money', 'integer']);
      return plain`(${partition} ORDER BY ${term}${this.direction()}${this.frame('range')})`;
    }
    const term = this.expressions.reference(scope);
    return plain`(${partition} ORDER BY ${term}${this.direction()}${this.frame('peers')})`;
  }

  private partition(scope: Scope): Node {
    return this.random.chance(0.45) ? optional`PARTITION BY ${list([this.expressions.reference(scope)])}` : NOTHING;
  }

  private total(scope: Scope, order: readonly Part[]): Node {
    const first = this.random.times(
      this.random.integer(0, 2),
      () => plain`${this.expressions.reference(scope)}${this.direction()}`,
    );
    return plain`ORDER BY ${list([...first, ...order])}`;
  }

  private direction(): string {
    return this.random.pick(['', '', ' DESC', ' ASC', ' NULLS LAST', ' DESC NULLS FIRST']);
  }

  /** Returns a frame for an order that is total, one that has ties, or one by a single number. */
  private frame(kind: 'total' | 'peers' | 'range'): Node {
    if (this.random.chance(0.35)) return NOTHING;
    const unit =
      kind === 'total'
        ? this.random.pick(['ROWS', 'ROWS', 'ROWS', 'GROUPS', 'RANGE'])
        : kind === 'peers'
          ? this.random.pick(['RANGE', 'GROUPS', 'GROUPS'])
          : this.random.pick(['RANGE', 'RANGE', 'GROUPS']);
    const offsets = !(unit === 'RANGE' && kind !== 'range');
    const amount = () =>
      this.random.pick(unit === 'RANGE' ? ['0', '1', '2', '0.5', '10'] : ['0', '1', '2', '3', '1+1']);
    const positions = ['UNBOUNDED PRECEDING', '', 'CURRENT ROW', '', 'UNBOUNDED FOLLOWING'];
    const bound = (position: number) =>
      positions[position] !== ''
        ? (positions[position] as string)
        : `${amount()} ${position === 1 ? 'PRECEDING' : 'FOLLOWING'}`;
    const starts = offsets ? [0, 0, 1, 1, 2, 3] : [0, 0, 2];
    const start = this.random.pick(starts);
    const ends = (offsets ? [1, 2, 3, 4] : [2, 4]).filter(end => end >= start && !(start > 1 && end === 1));
    const end = this.random.pick(ends);
    const exclude = this.random.pick([
      '',
      '',
      ' EXCLUDE NO OTHERS',
      ' EXCLUDE CURRENT ROW',
      ' EXCLUDE GROUP',
      ' EXCLUDE TIES',
    ]);
    if (start <= 2 && this.random.chance(0.2)) return optional` ${unit} ${bound(start)}${exclude}`;
    return optional` ${unit} BETWEEN ${bound(start)} AND ${bound(end)}${exclude}`;
  }

  private function(scope: Scope): {node: Node; topic: Topic; ranking: boolean} {
    const any = this.expressions.any(scope, this.random.integer(0, 1));
    const summable = this.expressions.reference(scope, SUMMABLE);
    const text = this.expressions.reference(scope, ['word', 'text']);
    const [node, topic, ranking] = this.random.weighted<() => [Node, Topic, boolean]>([
      [2, () => [expr`row_number()`, 'small', true]],
      [1.5, () => [expr`rank()`, 'small', true]],
      [1.5, () => [expr`dense_rank()`, 'small', true]],
      [0.7, () => [expr`percent_rank()`, 'money', true]],
      [0.7, () => [expr`cume_dist()`, 'money', true]],
      [1, () => [expr`ntile(${this.random.pick(['1', '2', '3', '5'])})`, 'small', true]],
      [1, () => [expr`lag(${any})`, 'mixed', true]],
      [
        1,
        () => [
          expr`lag(${any}, ${this.random.pick(['0', '1', '2'])}, ${this.expressions.literal('mixed')})`,
          'mixed',
          true,
        ],
      ],
      [1, () => [expr`lead(${any}, ${this.random.pick(['1', '2'])})`, 'mixed', true]],
      [1, () => [expr`first_value(${any})`, 'mixed', true]],
      [1, () => [expr`last_value(${any})`, 'mixed', true]],
      [1, () => [expr`nth_value(${any}, ${this.random.pick(['1', '2', '3'])})`, 'mixed', true]],
      [3, () => [expr`sum(${summable})`, 'money', false]],
      [1, () => [expr`total(${summable})`, 'money', false]],
      [1.5, () => [expr`avg(${summable})`, 'money', false]],
      [2, () => [expr`count(*)`, 'small', false]],
      [1, () => [expr`count(${any})`, 'small', false]],
      [1.5, () => [expr`min(${any})`, 'mixed', false]],
      [1.5, () => [expr`max(${any})`, 'mixed', false]],
      [1, () => [expr`group_concat(${text}, '.')`, 'text', false]],
      [0.5, () => [expr`json_group_array(CAST(${text} AS TEXT))`, 'text', false]],
    ])();
    return {node, topic, ranking};
  }
}
