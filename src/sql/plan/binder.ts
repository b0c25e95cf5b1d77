/**
 * What binding a statement has in common for all its parts: the catalog, parameters, limits, suggestions. Layer: sql.
 */
import {DbosError, isDbosError} from '../../errors.js';
import {didYouMean, nearestNames} from '../../repo/nearest.js';
import type {ConflictAction, Expr, Name, Select, Span} from '../ast.js';
import {sqlError} from '../fault.js';
import type {Catalog, Source} from '../source.js';
import type {CollationName, Value} from '../values/value.js';
import {type Bound, isFixed} from './expression.js';
import type {FromNode} from './from.js';
import type {Narrow, Query, SharedQuery} from './plan.js';
import {type CommonTableEntry, fold, Scope} from './scope.js';

const MAX_DEPTH = 200;
const COLLATIONS: readonly CollationName[] = ['binary', 'nocase', 'rtrim'];

/** The parts of binding that need each other; `bind.ts` puts them together. */
export interface BindingRules {
  readonly expression: (binder: Binder, scope: Scope, expr: Expr) => Bound;
  readonly select: (binder: Binder, around: Scope, select: Select) => Query;
  readonly derived: (binder: Binder, around: Scope, select: Select, room: number) => DerivedQuery;
  readonly commonTable: (binder: Binder, entry: CommonTableEntry) => SharedQuery;
}

/** A query in FROM, and its parts if it can be merged into the query around it: it is only FROM, WHERE and columns. */
export interface DerivedQuery {
  readonly query: Query;
  readonly simple: {readonly from: FromNode; readonly where: readonly Bound[]} | undefined;
  readonly narrow?: Narrow | undefined;
}

export class Binder {
  /** For each parameter by position its name, with its first character. */
  readonly parameterNames: (string | undefined)[] = [];
  /** Binds RAISE(); set while the body of a trigger is bound. */
  raise: ((action: ConflictAction, message: Bound | undefined) => Bound) | undefined;
  /** Told each name of a table that is looked up in the catalog's own state. */
  onTable: ((name: string) => void) | undefined;
  /** Told each name of a column that is found, and the table of a state that has it. */
  onColumn: ((name: Name, table: string | undefined) => void) | undefined;
  private depth = 0;
  private readonly views: string[] = [];
  private revision: string | undefined;
  /** For each aggregate whose arguments are being bound, the scopes of the columns in them. */
  private readonly columnOwners: Set<Scope>[] = [];

  constructor(
    private readonly rules: BindingRules,
    private readonly tables: Catalog,
    /** The values of parameters, as far as they are known before the query runs. */
    private readonly parameters: (index: number, name: string | undefined) => Value | undefined,
    /** Computes an expression that reads no row. */
    private readonly evaluate: (expr: Bound) => Value,
  ) {}

  get catalog(): Catalog {
    const {tables, revision} = this;
    if (revision === undefined) return tables;
    return {
      findTable: (name, at): Source | undefined => tables.findTable(name, at ?? revision),
      findFunction: name => tables.findFunction(name),
      names: () => tables.names(),
    };
  }

  /** Returns what an expression means in a scope. It gives one value; row values are refused. */
  expression(scope: Scope, expr: Expr): Bound {
    return this.rules.expression(this, scope, expr);
  }

  /** Binds a query inside `around`, which notes what it reads from outside. */
  select(around: Scope, select: Select): Query {
    return this.rules.select(this, around, select);
  }

  /** Binds a query in FROM; it can be merged into the query around it if it reads at most `room` tables. */
  derived(around: Scope, select: Select, room: number): DerivedQuery {
    return this.rules.derived(this, around, select, room);
  }

  /** Returns the query of a common table, bound once for all who name it. */
  commonTable(entry: CommonTableEntry): SharedQuery {
    return this.rules.commonTable(this, entry);
  }

  /** Returns the position of a parameter, from 0. */
  parameter(expr: Expr & {readonly kind: 'parameter'}): number {
    const index = expr.number - 1;
    this.parameterNames[index] = expr.name;
    return index;
  }

  /** Returns the value of an expression that does not depend on rows, or undefined. */
  constant(expr: Bound): Value | undefined {
    if (expr.op === 'constant') return expr.value;
    if (expr.op === 'parameter') return this.parameters(expr.index, this.parameterNames[expr.index]);
    return isFixed(expr) && !readsParameter(expr) ? this.evaluate(expr) : undefined;
  }

  /** Returns the revision that the operand of AS OF names. */
  revisionOf(expr: Expr, scope: Scope): string {
    const value = this.constant(this.expression(new Scope(scope.parent), expr));
    if (typeof value === 'string') return value;
    throw sqlError('SQL_MISUSE', 'AS OF takes a revision or a time as a text.', expr, {
      hint: "For example: AS OF 'main~3', AS OF '2 hours ago', or a parameter.",
    });
  }

  /** Runs `bind` for a view: names inside it are looked up as of the revision of the view. */
  insideView<T>(name: string, revision: string | undefined, at: Span, bind: () => T): T {
    const folded = fold(name);
    if (this.views.includes(folded)) {
      throw sqlError('SQL_MISUSE', `view ${name} is circularly defined.`, at, {hint: 'A view cannot read itself.'});
    }
    const before = this.revision;
    this.views.push(folded);
    if (revision !== undefined) this.revision = revision;
    try {
      return bind();
    } finally {
      this.views.pop();
      this.revision = before;
    }
  }

  /** Runs `bind` one level deeper. Throws SQL_LIMIT where queries are nested too deep. */
  nested<T>(at: Span, bind: () => T): T {
    this.depth++;
    this.checkDepth(at);
    try {
      return bind();
    } finally {
      this.depth--;
    }
  }

  checkDepth(at: Span): void {
    if (this.depth <= MAX_DEPTH) return;
    throw sqlError('SQL_LIMIT', `The query is nested more than ${MAX_DEPTH} levels deep.`, at, {
      hint: 'Split it with common tables (WITH).',
    });
  }

  /** Notes that a column was found, for `ownersOf`. */
  columnFound(owner: Scope): void {
    for (const owners of this.columnOwners) owners.add(owner);
  }

  /** Returns the scopes of the columns that `bind` finds. */
  ownersOf(bind: () => void): ReadonlySet<Scope> {
    const owners = new Set<Scope>();
    this.columnOwners.push(owners);
    try {
      bind();
    } finally {
      this.columnOwners.pop();
    }
    return owners;
  }

  /** Returns the collation of a name. Throws SQL_MISUSE. */
  collation(name: Name): CollationName {
    const found = COLLATIONS.find(each => each === fold(name.text));
    if (found) return found;
    throw sqlError('SQL_MISUSE', `no such collation sequence: ${name.text}.`, name, {
      hint: 'There are BINARY, NOCASE and RTRIM.',
    });
  }

  /** Returns the details of an error about an unknown name: names near to it, else `otherwise`. */
  suggest(name: string, names: Iterable<string>, otherwise: string): {hint: string} {
    return {hint: didYouMean(nearestNames(name, new Set(names))) ?? otherwise};
  }

  /** Returns an error with the place in the statement that it is about. */
  at(error: unknown, span: Span): unknown {
    if (!isDbosError(error) || 'from' in error.data) return error;
    const {hint, data} = error;
    return new DbosError(error.code, error.message, {
      ...(hint === undefined ? {} : {hint}),
      data: {...data, from: span.from, to: span.to},
      cause: error.cause ?? error,
    });
  }
}

function readsParameter(expr: Bound): boolean {
  return JSON.stringify(expr, (_, value) => (typeof value === 'bigint' ? 0 : value)).includes('"op":"parameter"');
}
