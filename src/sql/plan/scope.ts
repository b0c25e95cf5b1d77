/**
 * Scopes: which names an expression can see. Each SELECT has one, inside that of the query around it. Looking a name up in
 * a scope further out makes the subqueries on the way depend on the slot that was found. Layer: sql.
 */
import type {Expr, Name, Select, WindowDefinition} from '../ast.js';
import {sqlError} from '../fault.js';
import type {Bound, BoundAggregate} from './expression.js';
import {addSlots, type Slot} from './expression.js';
import type {SharedQuery, WindowCall} from './plan.js';

export interface ScopeColumn {
  readonly name: string;
  readonly hidden: boolean;
  /** The declared type. */
  readonly type: string;
  readonly bound: () => Bound;
}

export interface ScopeTable {
  /** The name that it has in the query. */
  readonly alias: string;
  readonly columns: readonly ScopeColumn[];
  /** What `rowid` means, if anything; a result column of it is named as that column. */
  readonly rowid: {readonly name: string; readonly bound: () => Bound} | undefined;
  /** The name of the table of a state whose columns they are. */
  readonly of?: string;
  /** Whether its columns are found only with its name in front: NEW, OLD, excluded. */
  readonly qualified?: boolean;
}

/** A column of USING or NATURAL: it stands for the columns of that name on both sides. */
export interface MergedColumn {
  readonly name: string;
  readonly bound: () => Bound;
  /** What a further join is made by: the column of whichever table has a row. */
  readonly either: () => Bound;
  /** The tables whose columns of this name it stands for. */
  readonly tables: ReadonlySet<ScopeTable>;
  readonly type: string;
}

/** A common table that can be named. */
export interface CommonTableEntry {
  readonly name: string;
  readonly columns: readonly Name[];
  readonly query: Select;
  readonly materialized: boolean | undefined;
  readonly recursive: boolean;
  /** Where its own names are looked up. */
  readonly scope: Scope;
  /** Bound when it is first named, unless it is named once only. */
  shared: SharedQuery | undefined;
  readonly references: number;
  /** Being bound now: a name that leads back here is a circle. */
  busy: boolean;
  /** While its recursive part is bound: gives the table of the rows of the last round. */
  queue: ((alias: string) => {table: ScopeTable; plan: import('./plan.js').Plan}) | undefined;
}

/** Where the aggregates of a query are gathered. */
export interface Gathered {
  readonly aggregates: BoundAggregate[];
  readonly windows: WindowCall[];
}

export interface Resolved {
  readonly bound: Bound;
  readonly name: string;
  readonly type: string;
  /** The table of a state that has the column. */
  readonly of?: string | undefined;
}

const ROWID = new Set(['rowid', 'oid', '_rowid_']);

/** Folds a name as SQLite does: ASCII letters only. */
export function fold(name: string): string {
  return name.replace(/[A-Z]/g, letter => letter.toLowerCase());
}

export class Scope {
  readonly tables: ScopeTable[] = [];
  /** How many tables and queries its FROM clause names, those in parentheses included. */
  joined = 0;
  /** How many tables of queries in FROM have been merged into it. */
  absorbed = 0;
  merged: MergedColumn[] = [];
  /** Conditions of joins, to be bound when all tables of the clause are known. */
  readonly deferred: (() => void)[] = [];
  readonly commonTables = new Map<string, CommonTableEntry>();
  /** The result columns that can be named, and how to bind them. */
  readonly aliases = new Map<string, {readonly expr: Expr; busy: boolean}>();
  readonly windows = new Map<string, WindowDefinition>();
  /** The group keys; an expression that is computed like one is that key. */
  groupKeys: {readonly signature: string; readonly slot: Slot}[] = [];
  /** Where aggregates go; undefined where none may stand, with the reason. */
  gathered: Gathered | undefined;
  /** Whether window functions may stand here. */
  windowsAllowed = false;
  /** Slots of scopes further out that this query uses. */
  readonly outer = new Set<Slot>();
  /** Set while the arguments of an aggregate are bound. */
  insideAggregate = false;
  bindAlias: ((expr: Expr) => Bound) | undefined;

  constructor(readonly parent: Scope | undefined) {}

  /** Returns the common table of this name. */
  commonTable(name: string): CommonTableEntry | undefined {
    return this.commonTables.get(fold(name)) ?? this.parent?.commonTable(name);
  }

  /** Notes that this query, and those between it and `owner`, read what `bound` reads. */
  depend(bound: Bound, owner: Scope): void {
    for (let scope: Scope = this; scope !== owner; scope = scope.parent as Scope) addSlots(bound, scope.outer);
  }

  /** Returns what a column name means, and the scope that has it. */
  resolve(table: Name | undefined, name: Name): {readonly found: Resolved; readonly owner: Scope} | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      const found = scope.own(table, name);
      if (found) {
        this.depend(found.bound, scope);
        return {found, owner: scope};
      }
    }
    return undefined;
  }

  private own(table: Name | undefined, name: Name): Resolved | undefined {
    const wanted = fold(name.text);
    if (table === undefined) {
      const merged = this.merged.find(column => fold(column.name) === wanted);
      if (merged) {
        const others = this.tables.some(
          other => !merged.tables.has(other) && other.columns.some(column => fold(column.name) === wanted),
        );
        if (!others) return {bound: merged.bound(), name: merged.name, type: merged.type};
      }
    }
    let found: Resolved | undefined;
    let matches = 0;
    for (const candidate of this.tables) {
      if (table === undefined ? candidate.qualified : fold(candidate.alias) !== fold(table.text)) continue;
      const column = candidate.columns.find(each => fold(each.name) === wanted);
      if (!column) continue;
      matches++;
      found ??= {bound: column.bound(), name: column.name, type: column.type, of: candidate.of};
    }
    if (matches > 1) throw ambiguous(table, name);
    if (found) return found;
    if (table === undefined) {
      const alias = this.aliases.get(wanted);
      if (alias && !alias.busy && this.bindAlias) {
        alias.busy = true;
        try {
          return {bound: this.bindAlias(alias.expr), name: name.text, type: ''};
        } finally {
          alias.busy = false;
        }
      }
    }
    if (!ROWID.has(wanted)) return undefined;
    const withRowid = this.tables.filter(
      candidate =>
        candidate.rowid && (table === undefined ? !candidate.qualified : fold(candidate.alias) === fold(table.text)),
    );
    if (withRowid.length > 1) throw ambiguous(table, name);
    const rowid = withRowid[0]?.rowid;
    return rowid && {bound: rowid.bound(), name: rowid.name, type: 'INTEGER'};
  }

  /** Returns the names of columns that could have been meant. */
  columnNames(table: Name | undefined): string[] {
    const names: string[] = [];
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      for (const candidate of scope.tables) {
        if (table !== undefined && fold(candidate.alias) !== fold(table.text)) continue;
        names.push(...candidate.columns.map(column => column.name));
      }
    }
    return names;
  }
}

function ambiguous(table: Name | undefined, name: Name) {
  const shown = table ? `${table.text}.${name.text}` : name.text;
  return sqlError('SQL_NAME_AMBIGUOUS', `ambiguous column name: ${shown}.`, name, {
    hint: 'Say which table is meant: table.column.',
  });
}
