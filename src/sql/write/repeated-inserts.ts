/**
 * INSERTs of one row of literals that differ in the literals only, as loads and dumps have them: from the second one on they
 * are the same compiled statement with other parameters, so they are neither parsed nor bound again. Layer: sql.
 */
import type {Expr, Insert, Span, Values} from '../ast.js';
import {Lexer} from '../parser/lexer.js';
import {blobValue, integerValue, realValue, unquote} from '../parser/literals.js';
import {K, T} from '../parser/token.js';
import {negate} from '../values/arithmetic.js';
import type {Value} from '../values/value.js';
import {isFiles, type Step} from './compiler.js';

/** What such statements have in common. */
export interface InsertShape {
  /** The text up to the first literal. */
  readonly prefix: string;
  readonly width: number;
  readonly step: Step;
  /** What it was compiled for, as the caller tells it. */
  readonly stamp: string;
}

/** A statement as a shape and its values. */
export interface RepeatedInsert {
  readonly shape: InsertShape;
  readonly values: readonly Value[];
  readonly at: Span;
}

const MAX_SHAPES = 8;
/** Texts that were met once are remembered up to this number. */
const MAX_SEEN = 64;

export class RepeatedInserts {
  /** The one used last first. */
  private readonly shapes: InsertShape[] = [];
  private readonly seen = new Set<string>();

  /** Returns what the text has from `from` on if it begins with a statement that is known by now. */
  find(sql: string, from: number, stamp: string): RepeatedInsert | undefined {
    const {shapes} = this;
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i] as InsertShape;
      if (!sql.startsWith(shape.prefix, from)) continue;
      const row = literalRow(sql, from + shape.prefix.length);
      if (row === undefined || row.values.length !== shape.width) continue;
      if (shape.stamp !== stamp) {
        shapes.splice(i, 1);
        return undefined;
      }
      if (i > 0) shapes.unshift(...shapes.splice(i, 1));
      return {shape, values: row.values, at: {from, to: row.to}};
    }
    return undefined;
  }

  /** Takes note of a statement that was compiled; of one like an earlier one `compile` makes the shape. */
  note(sql: string, statement: Insert, stamp: string, compile: (statement: Insert) => Step): void {
    const {source, table} = statement;
    if (source?.body.kind !== 'values' || isFiles(table)) return;
    const [items, more] = source.body.rows;
    const [first] = items ?? [];
    if (items === undefined || more !== undefined || first === undefined) return;
    const row = literalRow(sql, first.from);
    if (row?.to !== statement.to || row.values.length !== items.length) return;
    const prefix = sql.slice(statement.from, first.from);
    if (!this.seen.delete(prefix)) {
      if (this.seen.size >= MAX_SEEN) this.seen.clear();
      this.seen.add(prefix);
      return;
    }
    const body: Values = {
      ...source.body,
      rows: [items.map(({from, to}, i): Expr => ({kind: 'parameter', number: i + 1, name: undefined, from, to}))],
    };
    const step = compile({...statement, source: {...source, body}});
    if (this.shapes.length === MAX_SHAPES) this.shapes.pop();
    this.shapes.unshift({prefix, width: items.length, step, stamp});
  }
}

/** Returns the literals from a place on to the parenthesis that ends them, and where that ends; undefined if there is anything else. */
function literalRow(sql: string, from: number): {readonly values: Value[]; readonly to: number} | undefined {
  const lexer = new Lexer(sql, from);
  const values: Value[] = [];
  for (;;) {
    lexer.scan();
    const value = literal(lexer);
    if (value === undefined) return undefined;
    values.push(value);
    const kind = next(lexer);
    if (kind === T.rightParen) break;
    if (kind !== T.comma) return undefined;
  }
  const {to} = lexer;
  const kind = next(lexer);
  return kind === T.end || kind === T.semicolon ? {values, to} : undefined;
}

function next(lexer: Lexer): number {
  lexer.scan();
  return lexer.kind;
}

function literal(lexer: Lexer): Value | undefined {
  const isNegative = lexer.kind === T.minus;
  if (isNegative) lexer.scan();
  const {source, kind, from, to} = lexer;
  switch (kind) {
    case T.integer: {
      const value = integerValue(source.slice(from, to));
      // greater ones mean something else with a sign, or may be too great
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) return undefined;
      return isNegative ? negate(value) : value;
    }
    case T.real: {
      const value = realValue(source.slice(from, to));
      return isNegative ? negate(value) : value;
    }
  }
  if (isNegative) return undefined;
  switch (kind) {
    case T.string:
      return unquote(source, from, to);
    case T.blob:
      return blobValue(source.slice(from, to));
    case K.NULL:
      return null;
    default:
      return undefined;
  }
}
