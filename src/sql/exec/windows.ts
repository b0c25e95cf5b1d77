/**
 * Runs window functions over stored rows: sorts them into partitions, and computes each call partition by partition.
 * Layer: sql.
 */
import type {Frame, FrameBound} from '../ast.js';
import type {FrameEdge, WindowFrame} from '../functions/frames.js';
import type {AggregateFunction} from '../functions/function.js';
import {DEFAULT_FRAME, evaluateWindow, type OverFunction} from '../functions/windows.js';
import type {SortKey} from '../plan/expression.js';
import type {CollationName, Value} from '../values/value.js';
import type {Execution} from './execution.js';

type Compare = (a: readonly Value[], b: readonly Value[]) => number;

export interface WindowSpec {
  readonly function: OverFunction | AggregateFunction;
  readonly frame: Frame | undefined;
  readonly collation: CollationName;
  readonly partition: Compare;
  readonly order: Compare;
  readonly orderBy: readonly SortKey[];
  readonly partitioned: boolean;
  /** Calls with the same partitions and order share this, and the sorting. */
  readonly window: string;
}

/** What a call reads of a row. */
type Parts = readonly [
  partition: readonly Value[],
  order: readonly Value[],
  args: Value[],
  filter: boolean,
  start: Value,
  end: Value,
];

/** Replaces what the calls read of each row, its first elements, by their results; the rows are in the first call's order then. */
export function runWindows(execution: Execution, rows: unknown[][], specs: readonly WindowSpec[]): void {
  let sorted: string | undefined;
  for (let index = specs.length - 1; index >= 0; index--) {
    const spec = specs[index] as WindowSpec;
    const partsOf = (row: readonly unknown[]) => row[index] as Parts;
    if (spec.window !== sorted && (spec.partitioned || spec.orderBy.length > 0)) {
      rows.sort((a, b) => {
        const [x, y] = [partsOf(a), partsOf(b)];
        return (spec.partitioned ? spec.partition(x[0], y[0]) : 0) || spec.order(x[1], y[1]);
      });
    }
    sorted = spec.window;
    const results: Value[] = [];
    for (let from = 0; from < rows.length; ) {
      const first = partsOf(rows[from] as unknown[]);
      let to = from + 1;
      while (
        to < rows.length &&
        (!spec.partitioned || spec.partition(first[0], partsOf(rows[to] as unknown[])[0]) === 0)
      )
        to++;
      execution.tick();
      const parts = rows.slice(from, to).map(partsOf);
      for (const result of evaluatePartition(execution, spec, parts)) results.push(result);
      from = to;
    }
    for (const [at, row] of rows.entries()) row[index] = results[at];
  }
}

function evaluatePartition(execution: Execution, spec: WindowSpec, parts: readonly Parts[]): Value[] {
  const at = (row: number) => parts[row] as Parts;
  const [key] = spec.orderBy;
  const [, , , , start, end] = at(0);
  return evaluateWindow({
    rows: parts.length,
    peers: (a, b) => spec.orderBy.length === 0 || spec.order(at(a)[1], at(b)[1]) === 0,
    ...(key === undefined
      ? {}
      : {
          orderValue: (row: number) => at(row)[1][0] as Value,
          descending: key.descending,
          nullsFirst: key.nullsFirst,
          orderCollation: key.collation,
        }),
    frame: spec.frame ? frameOf(spec.frame, start, end) : DEFAULT_FRAME,
    args: row => at(row)[2],
    filter: row => at(row)[3],
    function: spec.function,
    context: execution.context[spec.collation],
  });
}

function frameOf({unit, start, end, exclude}: Frame, startOffset: Value, endOffset: Value): WindowFrame {
  const edge = ({kind}: FrameBound, offset: Value): FrameEdge =>
    kind === 'preceding' || kind === 'following' ? {kind, offset} : {kind};
  return {unit, start: edge(start, startOffset), end: edge(end, endOffset), exclude};
}
