/**
 * The syntax tree of SQL: plain frozen-shaped data, one `kind` a node, made by the parser and read by everything else.
 * It says what was written and nothing of what it means: names are not resolved here. Layer: sql.
 */
import type {Value} from './values/value.js';

/** Where a node stands in its source text: offsets in UTF-16 units, `to` not included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A name as written, without its quotes. Names compare without regard to ASCII case. */
export interface Name extends Span {
  readonly text: string;
  /** Written in double quotes: a name that is unknown may be a string then, as in SQLite. */
  readonly quoted: boolean;
}

/** `name` or `schema.name`. */
export interface QualifiedName extends Span {
  readonly schema: Name | undefined;
  readonly name: Name;
}

// ---------------------------------------------------------------------------------------------------- expressions

export type UnaryOperator = '-' | '+' | '~' | 'not';
export type BinaryOperator =
  | '||'
  | '*'
  | '/'
  | '%'
  | '+'
  | '-'
  | '<<'
  | '>>'
  | '&'
  | '|'
  | '<'
  | '<='
  | '>'
  | '>='
  | '='
  | '<>'
  | 'is'
  | 'is not'
  | 'and'
  | 'or'
  | '->'
  | '->>';
export type MatchOperator = 'like' | 'glob' | 'regexp' | 'match';

export type Expr = Span &
  (
    | {readonly kind: 'literal'; readonly value: Value}
    /** CURRENT_TIME, CURRENT_DATE, CURRENT_TIMESTAMP. */
    | {readonly kind: 'now'; readonly what: 'time' | 'date' | 'timestamp'}
    /** `?` and `?NNN` have a number from 1; `:name`, `@name`, `$name` have their name with its first character, and a number too. */
    | {readonly kind: 'parameter'; readonly number: number; readonly name: string | undefined}
    /** `a`, `t.a` or `s.t.a`. TRUE and FALSE come as a column of that name, which the binder resolves. */
    | {
        readonly kind: 'column';
        readonly schema: Name | undefined;
        readonly table: Name | undefined;
        readonly name: Name;
      }
    | {readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Expr}
    /** `==` is `=`, `!=` is `<>`; IS [NOT] DISTINCT FROM is `is not` / `is`; `->` and `->>` are here too. */
    | {readonly kind: 'binary'; readonly operator: BinaryOperator; readonly left: Expr; readonly right: Expr}
    /** `operand IS NULL` and ISNULL; negated: IS NOT NULL, NOTNULL, NOT NULL. */
    | {readonly kind: 'isNull'; readonly operand: Expr; readonly negated: boolean}
    | {
        readonly kind: 'match';
        readonly operator: MatchOperator;
        readonly negated: boolean;
        readonly operand: Expr;
        readonly pattern: Expr;
        readonly escape: Expr | undefined;
      }
    | {
        readonly kind: 'between';
        readonly negated: boolean;
        readonly operand: Expr;
        readonly low: Expr;
        readonly high: Expr;
      }
    | {readonly kind: 'in'; readonly negated: boolean; readonly operand: Expr; readonly set: InSet}
    | {readonly kind: 'collate'; readonly operand: Expr; readonly collation: Name}
    | {readonly kind: 'cast'; readonly operand: Expr; readonly type: string}
    | {
        readonly kind: 'case';
        readonly operand: Expr | undefined;
        readonly branches: readonly {readonly when: Expr; readonly then: Expr}[];
        readonly otherwise: Expr | undefined;
      }
    | FunctionCall
    /** Row value `(a, b, …)` of two or more. A single expression in parentheses is that expression, with its own span. */
    | {readonly kind: 'row'; readonly items: readonly Expr[]}
    | {readonly kind: 'subquery'; readonly query: Select}
    | {readonly kind: 'exists'; readonly query: Select}
    | {
        readonly kind: 'raise';
        readonly action: 'ignore' | 'rollback' | 'abort' | 'fail';
        readonly message: Expr | undefined;
      }
  );

export type InSet =
  | {readonly kind: 'list'; readonly items: readonly Expr[]}
  | {readonly kind: 'query'; readonly query: Select}
  /** `x IN t` and `x IN f(…)`. */
  | {readonly kind: 'table'; readonly name: QualifiedName; readonly args: readonly Expr[] | undefined};

export interface FunctionCall extends Span {
  readonly kind: 'call';
  readonly name: Name;
  readonly args: readonly Expr[];
  /** `count(*)`. */
  readonly star: boolean;
  readonly distinct: boolean;
  /** ORDER BY inside the parentheses of an aggregate. */
  readonly orderBy: readonly OrderTerm[];
  readonly filter: Expr | undefined;
  /** The name of a window, or its definition. */
  readonly over: Name | WindowDefinition | undefined;
}

export interface WindowDefinition extends Span {
  readonly kind: 'window';
  readonly base: Name | undefined;
  readonly partitionBy: readonly Expr[];
  readonly orderBy: readonly OrderTerm[];
  readonly frame: Frame | undefined;
}

export interface Frame extends Span {
  readonly unit: 'rows' | 'range' | 'groups';
  readonly start: FrameBound;
  readonly end: FrameBound;
  readonly exclude: 'no others' | 'current row' | 'group' | 'ties';
}

export type FrameBound =
  | {readonly kind: 'unbounded preceding' | 'current row' | 'unbounded following'}
  | {readonly kind: 'preceding' | 'following'; readonly offset: Expr};

export interface OrderTerm extends Span {
  readonly expr: Expr;
  readonly descending: boolean;
  /** As written; undefined is SQLite's default: nulls are the least. */
  readonly nulls: 'first' | 'last' | undefined;
}

// ---------------------------------------------------------------------------------------------------- queries

export interface Select extends Span {
  readonly kind: 'select';
  readonly with: With | undefined;
  readonly body: SelectBody;
  /** ORDER BY, LIMIT and OFFSET of the whole, compound or not. */
  readonly orderBy: readonly OrderTerm[];
  readonly limit: Expr | undefined;
  readonly offset: Expr | undefined;
}

/** Compounds are left-associative. */
export type SelectBody = SelectCore | Values | Compound;

export interface Compound extends Span {
  readonly kind: 'compound';
  readonly operator: 'union' | 'union all' | 'intersect' | 'except';
  readonly left: SelectBody;
  readonly right: SelectBody;
}

export interface Values extends Span {
  readonly kind: 'values';
  readonly rows: readonly (readonly Expr[])[];
}

export interface SelectCore extends Span {
  readonly kind: 'core';
  readonly distinct: boolean;
  readonly columns: readonly ResultColumn[];
  /** FROM. (`from` is where the node begins.) */
  readonly source: FromItem | undefined;
  readonly where: Expr | undefined;
  readonly groupBy: readonly Expr[];
  readonly having: Expr | undefined;
  readonly windows: readonly {readonly name: Name; readonly definition: WindowDefinition}[];
}

export type ResultColumn = Span &
  (
    | {
        readonly kind: 'expr';
        readonly expr: Expr;
        readonly alias: Name | undefined /** The expression as written. */;
        readonly text: string;
      }
    | {readonly kind: 'star' /** `t.*` */; readonly table: Name | undefined}
  );

export interface With extends Span {
  readonly recursive: boolean;
  readonly tables: readonly CommonTable[];
}

export interface CommonTable extends Span {
  readonly name: Name;
  readonly columns: readonly Name[];
  readonly materialized: boolean | undefined;
  /** A SELECT. (SQLite has no other statements here.) */
  readonly query: Select;
}

export type FromItem =
  | TableReference
  | (Span & {readonly kind: 'fromQuery'; readonly query: Select; readonly alias: Name | undefined})
  /** `(a JOIN b …) [AS alias]`: a join in parentheses is just its join unless it has an alias. */
  | (Span & {readonly kind: 'parens'; readonly item: FromItem; readonly alias: Name | undefined})
  | Join;

export interface TableReference extends Span {
  readonly kind: 'table';
  readonly name: QualifiedName;
  /** The arguments of a table function; undefined for a table. */
  readonly args: readonly Expr[] | undefined;
  readonly alias: Name | undefined;
  /** AS OF, FOR SYSTEM_TIME AS OF: a literal, a parameter or another constant expression. */
  readonly asOf: Expr | undefined;
  readonly indexedBy: Name | undefined;
  readonly notIndexed: boolean;
}

/** A comma is an inner join without a condition; left-associative. */
export interface Join extends Span {
  readonly kind: 'join';
  readonly type: 'inner' | 'cross' | 'left' | 'right' | 'full' | 'comma';
  readonly natural: boolean;
  readonly left: FromItem;
  readonly right: FromItem;
  readonly on: Expr | undefined;
  readonly using: readonly Name[] | undefined;
}

// ---------------------------------------------------------------------------------------------------- changes

export type ConflictAction = 'rollback' | 'abort' | 'fail' | 'ignore' | 'replace';

export interface Insert extends Span {
  readonly kind: 'insert';
  readonly with: With | undefined;
  /** INSERT OR …; REPLACE is `replace`. */
  readonly or: ConflictAction | undefined;
  readonly table: QualifiedName;
  readonly alias: Name | undefined;
  readonly columns: readonly Name[] | undefined;
  /** undefined is DEFAULT VALUES. */
  readonly source: Select | undefined;
  readonly upserts: readonly Upsert[];
  readonly returning: readonly ResultColumn[];
}

export interface Upsert extends Span {
  /** The indexed columns or expressions; empty for any conflict. */
  readonly target: readonly IndexedColumn[];
  readonly targetWhere: Expr | undefined;
  /** undefined is DO NOTHING. */
  readonly set: readonly Assignment[] | undefined;
  readonly where: Expr | undefined;
}

/** `a = 1`, or `(a, b) = (…)`, with one expression that is a row or a subquery then. */
export interface Assignment extends Span {
  readonly columns: readonly Name[];
  readonly value: Expr;
}

export interface Update extends Span {
  readonly kind: 'update';
  readonly with: With | undefined;
  readonly or: ConflictAction | undefined;
  readonly table: TableReference;
  readonly set: readonly Assignment[];
  /** FROM. (`from` is where the node begins.) */
  readonly source: FromItem | undefined;
  readonly where: Expr | undefined;
  readonly returning: readonly ResultColumn[];
  readonly orderBy: readonly OrderTerm[];
  readonly limit: Expr | undefined;
  readonly offset: Expr | undefined;
}

export interface Delete extends Span {
  readonly kind: 'delete';
  readonly with: With | undefined;
  readonly table: TableReference;
  readonly where: Expr | undefined;
  readonly returning: readonly ResultColumn[];
  readonly orderBy: readonly OrderTerm[];
  readonly limit: Expr | undefined;
  readonly offset: Expr | undefined;
}

// ---------------------------------------------------------------------------------------------------- definitions

export interface IndexedColumn extends Span {
  /** A column comes as a `column` expression without a table; COLLATE is taken off into `collation`. */
  readonly expr: Expr;
  readonly collation: Name | undefined;
  readonly descending: boolean;
}

export type ForeignKeyAction = 'no action' | 'restrict' | 'set null' | 'set default' | 'cascade';

export interface ForeignKey extends Span {
  readonly table: Name;
  readonly columns: readonly Name[];
  readonly onDelete: ForeignKeyAction;
  readonly onUpdate: ForeignKeyAction;
  /** DEFERRABLE INITIALLY DEFERRED. */
  readonly deferred: boolean;
}

export type ColumnConstraint = Span & {readonly name: Name | undefined} & (
    | {
        readonly kind: 'primaryKey';
        readonly descending: boolean;
        readonly onConflict: ConflictAction | undefined;
        readonly autoincrement: boolean;
      }
    | {readonly kind: 'notNull'; readonly onConflict: ConflictAction | undefined}
    /** The keyword NULL, which says nothing. */
    | {readonly kind: 'null'}
    | {readonly kind: 'unique'; readonly onConflict: ConflictAction | undefined}
    | {readonly kind: 'check'; readonly expr: Expr /** As written. */; readonly text: string}
    | {readonly kind: 'default'; readonly expr: Expr; readonly text: string}
    | {readonly kind: 'collate'; readonly collation: Name}
    | {readonly kind: 'references'; readonly foreignKey: ForeignKey}
    | {readonly kind: 'generated'; readonly expr: Expr; readonly text: string; readonly stored: boolean}
  );

export interface ColumnDefinition extends Span {
  readonly name: Name;
  /** The declared type as written, with its numbers, single spaces between its words; empty if there is none. */
  readonly type: string;
  readonly constraints: readonly ColumnConstraint[];
}

export type TableConstraint = Span & {readonly name: Name | undefined} & (
    | {
        readonly kind: 'primaryKey';
        readonly columns: readonly IndexedColumn[];
        readonly onConflict: ConflictAction | undefined;
        readonly autoincrement: boolean;
      }
    | {
        readonly kind: 'unique';
        readonly columns: readonly IndexedColumn[];
        readonly onConflict: ConflictAction | undefined;
      }
    | {readonly kind: 'check'; readonly expr: Expr; readonly text: string}
    | {readonly kind: 'foreignKey'; readonly columns: readonly Name[]; readonly foreignKey: ForeignKey}
  );

export interface CreateTable extends Span {
  readonly kind: 'createTable';
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: QualifiedName;
  readonly columns: readonly ColumnDefinition[];
  readonly constraints: readonly TableConstraint[];
  readonly withoutRowid: boolean;
  readonly strict: boolean;
  /** CREATE TABLE AS. */
  readonly query: Select | undefined;
}

export interface CreateIndex extends Span {
  readonly kind: 'createIndex';
  readonly unique: boolean;
  readonly ifNotExists: boolean;
  readonly name: QualifiedName;
  readonly table: Name;
  readonly columns: readonly IndexedColumn[];
  readonly where: Expr | undefined;
}

export interface CreateView extends Span {
  readonly kind: 'createView';
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: QualifiedName;
  readonly columns: readonly Name[];
  readonly query: Select;
}

export interface CreateTrigger extends Span {
  readonly kind: 'createTrigger';
  readonly temporary: boolean;
  readonly ifNotExists: boolean;
  readonly name: QualifiedName;
  readonly time: 'before' | 'after' | 'instead of';
  readonly event: 'delete' | 'insert' | 'update';
  /** UPDATE OF these; empty for all. */
  readonly columns: readonly Name[];
  readonly table: QualifiedName;
  readonly when: Expr | undefined;
  readonly body: readonly (Insert | Update | Delete | Select)[];
}

export type AlterTable = Span & {readonly kind: 'alterTable'; readonly table: QualifiedName} & (
    | {readonly action: 'renameTable'; readonly newName: Name}
    | {readonly action: 'renameColumn'; readonly column: Name; readonly newName: Name}
    | {readonly action: 'addColumn'; readonly definition: ColumnDefinition}
    | {readonly action: 'dropColumn'; readonly column: Name}
  );

export interface Drop extends Span {
  readonly kind: 'drop';
  readonly what: 'table' | 'index' | 'view' | 'trigger';
  readonly ifExists: boolean;
  readonly name: QualifiedName;
}

export type Statement =
  | Select
  | Insert
  | Update
  | Delete
  | CreateTable
  | CreateIndex
  | CreateView
  | CreateTrigger
  | AlterTable
  | Drop
  | (Span & {readonly kind: 'explain'; readonly mode: 'plan' | 'analyze'; readonly statement: Statement})
  | (Span & {readonly kind: 'reindex'; readonly name: QualifiedName | undefined})
  | (Span & {readonly kind: 'analyze'; readonly name: QualifiedName | undefined})
  | (Span & {readonly kind: 'vacuum'})
  | (Span & {readonly kind: 'begin'; readonly mode: 'deferred' | 'immediate' | 'exclusive' | undefined})
  | (Span & {readonly kind: 'commit'})
  | (Span & {readonly kind: 'rollback' /** ROLLBACK TO. */; readonly savepoint: Name | undefined})
  | (Span & {readonly kind: 'savepoint'; readonly name: Name})
  | (Span & {readonly kind: 'release'; readonly name: Name})
  | (Span & {readonly kind: 'pragma'; readonly name: QualifiedName; readonly value: Expr | Name | undefined});
