/**
 * Prints queries and expressions with every operator in parentheses, to see how they were parsed.
 */
import type {
  Expr,
  Frame,
  FrameBound,
  FromItem,
  FunctionCall,
  Name,
  OrderTerm,
  QualifiedName,
  ResultColumn,
  Select,
  SelectBody,
  WindowDefinition,
} from '../../src/sql/ast.js';
import type {Value} from '../../src/sql/values/value.js';
import {Real} from '../../src/tree/cell.js';

const list = <Item>(items: readonly Item[], print: (item: Item) => string) => items.map(print).join(', ');
const maybe = <Item>(item: Item | undefined, print: (item: Item) => string) => (item === undefined ? '' : print(item));

function printName({text, quoted}: Name): string {
  if (quoted) return `"${text.replaceAll('"', '""')}"`;
  return /^[a-z]\w?$/i.test(text) ? text : `\`${text.replaceAll('`', '``')}\``;
}

function printQualified({schema, name}: QualifiedName): string {
  return maybe(schema, text => `${printName(text)}.`) + printName(name);
}

function printReal(value: number): string {
  if (value === Infinity) return '9e999';
  return /[.e]/.test(String(value)) ? String(value) : `${value}.0`;
}

function printValue(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  if (value instanceof Real) return printReal(value.value);
  return Number.isSafeInteger(value) ? String(value) : printReal(value);
}

export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case 'literal':
      return printValue(expr.value);
    case 'now':
      return `CURRENT_${expr.what.toUpperCase()}`;
    case 'parameter':
      return expr.name ?? `?${expr.number}`;
    case 'column':
      return [expr.schema, expr.table, expr.name]
        .filter(name => name !== undefined)
        .map(printName)
        .join('.');
    case 'unary':
      return `(${expr.operator.toUpperCase()} ${printExpr(expr.operand)})`;
    case 'binary':
      return `(${printExpr(expr.left)} ${expr.operator.toUpperCase()} ${printExpr(expr.right)})`;
    case 'isNull':
      return `(${printExpr(expr.operand)} ${expr.negated ? 'NOTNULL' : 'ISNULL'})`;
    case 'match': {
      const operator = `${expr.negated ? 'NOT ' : ''}${expr.operator.toUpperCase()}`;
      return `(${printExpr(expr.operand)} ${operator} ${printExpr(expr.pattern)}${maybe(expr.escape, character => ` ESCAPE ${printExpr(character)}`)})`;
    }
    case 'between':
      return `(${printExpr(expr.operand)} ${expr.negated ? 'NOT ' : ''}BETWEEN ${printExpr(expr.low)} AND ${printExpr(expr.high)})`;
    case 'in': {
      const {set} = expr;
      const printed =
        set.kind === 'list'
          ? `(${list(set.items, printExpr)})`
          : set.kind === 'query'
            ? `(${printSelect(set.query)})`
            : printQualified(set.name) + maybe(set.args, args => `(${list(args, printExpr)})`);
      return `(${printExpr(expr.operand)} ${expr.negated ? 'NOT ' : ''}IN ${printed})`;
    }
    case 'collate':
      return `(${printExpr(expr.operand)} COLLATE ${printName(expr.collation)})`;
    case 'cast':
      return `CAST(${printExpr(expr.operand)} AS ${expr.type})`;
    case 'case': {
      const branches = expr.branches.map(
        ({when, then: result}) => ` WHEN ${printExpr(when)} THEN ${printExpr(result)}`,
      );
      return `CASE${maybe(expr.operand, operand => ` ${printExpr(operand)}`)}${branches.join('')}${maybe(expr.otherwise, otherwise => ` ELSE ${printExpr(otherwise)}`)} END`;
    }
    case 'call':
      return printCall(expr);
    case 'row':
      return `(${list(expr.items, printExpr)})`;
    case 'subquery':
      return `(${printSelect(expr.query)})`;
    case 'exists':
      return `EXISTS (${printSelect(expr.query)})`;
    case 'raise':
      return `RAISE(${expr.action.toUpperCase()}${maybe(expr.message, message => `, ${printExpr(message)}`)})`;
  }
}

function printCall({name, args, star, distinct, orderBy, filter, over}: FunctionCall): string {
  const inner = star ? '*' : `${distinct ? 'DISTINCT ' : ''}${list(args, printExpr)}${printOrder(orderBy)}`;
  const window = maybe(over, at => ` OVER ${'kind' in at ? `(${printWindow(at)})` : printName(at)}`);
  return `${printName(name)}(${inner})${maybe(filter, expr => ` FILTER (WHERE ${printExpr(expr)})`)}${window}`;
}

function printOrder(terms: readonly OrderTerm[]): string {
  if (terms.length === 0) return '';
  const print = ({expr, descending, nulls}: OrderTerm) =>
    `${printExpr(expr)}${descending ? ' DESC' : ''}${maybe(nulls, place => ` NULLS ${place.toUpperCase()}`)}`;
  return ` ORDER BY ${list(terms, print)}`;
}

function printWindow({base, partitionBy, orderBy, frame}: WindowDefinition): string {
  const partition = partitionBy.length > 0 ? ` PARTITION BY ${list(partitionBy, printExpr)}` : '';
  return `${maybe(base, printName)}${partition}${printOrder(orderBy)}${maybe(frame, printFrame)}`.trimStart();
}

function printFrame({unit, start, end, exclude}: Frame): string {
  return ` ${unit.toUpperCase()} BETWEEN ${printBound(start)} AND ${printBound(end)} EXCLUDE ${exclude.toUpperCase()}`;
}

function printBound(bound: FrameBound): string {
  const offset = 'offset' in bound ? `${printExpr(bound.offset)} ` : '';
  return `${offset}${bound.kind.toUpperCase()}`;
}

export function printSelect({with: common, body, orderBy, limit, offset}: Select): string {
  const tables = maybe(common, ({recursive, tables}) => {
    const printed = list(tables, ({name, columns, materialized, query}) => {
      const how = materialized === undefined ? '' : materialized ? 'MATERIALIZED ' : 'NOT MATERIALIZED ';
      return `${printName(name)}${columns.length > 0 ? `(${list(columns, printName)})` : ''} AS ${how}(${printSelect(query)})`;
    });
    return `WITH ${recursive ? 'RECURSIVE ' : ''}${printed} `;
  });
  const rows = maybe(limit, expr => ` LIMIT ${printExpr(expr)}`) + maybe(offset, expr => ` OFFSET ${printExpr(expr)}`);
  return `${tables}${printBody(body)}${printOrder(orderBy)}${rows}`;
}

function printBody(body: SelectBody): string {
  if (body.kind === 'values') return `VALUES ${list(body.rows, row => `(${list(row, printExpr)})`)}`;
  if (body.kind === 'compound')
    return `${printBody(body.left)} ${body.operator.toUpperCase()} ${printBody(body.right)}`;
  const {distinct, columns, source, where, groupBy, having, windows} = body;
  const named = list(windows, ({name, definition}) => `${printName(name)} AS (${printWindow(definition)})`);
  return [
    `SELECT ${distinct ? 'DISTINCT ' : ''}${list(columns, printColumn)}`,
    maybe(source, item => ` FROM ${printSource(item)}`),
    maybe(where, expr => ` WHERE ${printExpr(expr)}`),
    groupBy.length > 0 ? ` GROUP BY ${list(groupBy, printExpr)}` : '',
    maybe(having, expr => ` HAVING ${printExpr(expr)}`),
    windows.length > 0 ? ` WINDOW ${named}` : '',
  ].join('');
}

function printColumn(column: ResultColumn): string {
  if (column.kind === 'star') return `${maybe(column.table, table => `${printName(table)}.`)}*`;
  return printExpr(column.expr) + maybe(column.alias, alias => ` AS ${printName(alias)}`);
}

export function printSource(item: FromItem): string {
  const alias = (name: Name | undefined) => maybe(name, text => ` AS ${printName(text)}`);
  switch (item.kind) {
    case 'table': {
      const index =
        maybe(item.indexedBy, name => ` INDEXED BY ${printName(name)}`) + (item.notIndexed ? ' NOT INDEXED' : '');
      const args = maybe(item.args, values => `(${list(values, printExpr)})`);
      return `${printQualified(item.name)}${args}${maybe(item.asOf, expr => ` AS OF ${printExpr(expr)}`)}${alias(item.alias)}${index}`;
    }
    case 'fromQuery':
      return `(${printSelect(item.query)})${alias(item.alias)}`;
    case 'parens':
      return `(${printSource(item.item)})${alias(item.alias)}`;
    case 'join': {
      const word = item.type === 'comma' ? ',' : ` ${item.natural ? 'NATURAL ' : ''}${item.type.toUpperCase()} JOIN`;
      const right = item.right.kind === 'join' ? `(${printSource(item.right)})` : printSource(item.right);
      const using = maybe(item.using, names => ` USING (${list(names, printName)})`);
      return `${printSource(item.left)}${word} ${right}${maybe(item.on, expr => ` ON ${printExpr(expr)}`)}${using}`;
    }
  }
}
