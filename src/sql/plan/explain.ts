/**
 * Plans as text, for EXPLAIN: one line for each operator, those that feed it below it. Layer: sql.
 */
import {type Bound, childrenOf} from './expression.js';
import type {Plan, Query} from './plan.js';
import {expressionsOf, inputsOf} from './slots.js';
import {orderText, textOf} from './text.js';

export type Measured = ReadonlyMap<object, {readonly rows: number; readonly time: number}>;

/** Returns the lines of a plan; with what was measured of each operator, for EXPLAIN ANALYZE. */
export function explainLines(query: Query, measured?: Measured): string[] {
  const lines: string[] = [];
  const write = (plan: Plan, depth: string, last: boolean, top: boolean): void => {
    const branch = top ? '' : last ? '└─ ' : '├─ ';
    const facts = [`about ${rowCount(Math.round(plan.rows))}`];
    const real = measured?.get(plan);
    if (real) facts.push(`really ${real.rows}`, `${real.time.toFixed(1)} ms`);
    lines.push(`${depth}${branch}${describe(plan)} (${facts.join(', ')})`);
    const below = top ? depth : `${depth}${last ? '   ' : '│  '}`;
    const children = [...inputsOf(plan), ...subqueriesOf(expressionsOf(plan))];
    for (const [index, child] of children.entries()) write(child, below, index === children.length - 1, false);
  };
  write(query.plan, '', true, true);
  const outputs = subqueriesOf(query.outputs.map(output => output.expr));
  for (const [index, plan] of outputs.entries()) write(plan, '', index === outputs.length - 1, false);
  return lines;
}

/** Returns a number of rows in words. */
export function rowCount(rows: number): string {
  return rows === 1 ? '1 row' : `${rows} rows`;
}

/** Returns the plans of the queries inside expressions. */
function subqueriesOf(expressions: readonly Bound[]): Plan[] {
  const plans: Plan[] = [];
  const visit = (expr: Bound): void => {
    if (expr.op === 'scalar' || expr.op === 'exists' || expr.op === 'inQuery') {
      const {plan} = expr.subquery.query;
      if (!plans.includes(plan)) plans.push(plan);
    }
    for (const child of childrenOf(expr)) visit(child);
  };
  for (const expr of expressions) visit(expr);
  return plans;
}

function describe(plan: Plan): string {
  switch (plan.op) {
    case 'one':
      return 'one row';
    case 'values':
      return `VALUES of ${rowCount(plan.items.length)}`;
    case 'scan': {
      const name = plan.alias === plan.source.name ? plan.alias : `${plan.source.name} AS ${plan.alias}`;
      const way = plan.reverse ? ', backwards' : '';
      if (plan.range === undefined) return `scan ${name}${way}`;
      const verb = plan.range.plan.unique ? 'look up' : 'range of';
      const {index} = plan.range;
      const from = index === undefined ? '' : ` with index ${index.source.name}${index.covering ? ' alone' : ''}`;
      const by = plan.range.plan.description === '' ? '' : ` by ${plan.range.plan.description}`;
      return `${by === '' ? 'scan' : verb} ${name}${by}${from}${way}`;
    }
    case 'rows':
      return `rows of ${plan.alias}`;
    case 'call':
      return `call ${plan.alias}()`;
    case 'diff':
      return `walk what differs between ${plan.alias}`;
    case 'filter':
      return `filter ${plan.conditions.map(textOf).join(' AND ')}`;
    case 'nest':
      if (plan.outer.op === 'filter' && plan.outer.input.op === 'one') return 'if so';
      return plan.left ? 'left join, row by row' : 'join, row by row';
    case 'hash': {
      const kind = plan.left && plan.right ? 'full ' : plan.right ? 'right ' : plan.left ? 'left ' : '';
      return plan.keys.length > 0
        ? `${kind}join by hash table on ${plan.keys.map(key => textOf(key.condition)).join(' AND ')}`
        : `${kind}join with every row`;
    }
    case 'aggregate':
      return plan.keys.length > 0 ? `group by ${plan.keys.map(key => textOf(key.expr)).join(', ')}` : 'aggregate';
    case 'window':
      return `${plan.calls.length} window ${plan.calls.length === 1 ? 'function' : 'functions'}`;
    case 'project':
      return 'compute columns';
    case 'distinct':
      return 'distinct';
    case 'sort':
      return `${plan.limit ? 'first rows of a sort' : 'sort'} by ${orderText(plan.keys)}`;
    case 'limit':
      return 'limit';
    case 'set':
      return plan.operator;
    case 'derived':
      return `${plan.shared.recursion ? 'recursive ' : ''}${plan.shared.uses > 1 ? 'shared ' : ''}table ${plan.alias || '(query)'}`;
    case 'queue':
      return `rows of the last round of ${plan.recursion.name}`;
  }
}
