/**
 * Random queries of all clauses. Where SQLite leaves the result open (rows without an order under LIMIT, the order of
 * group_concat) a query is mostly made so that it does not show; what still does is found by asking SQLite in several ways.
 */
import type {CollationName} from '../../../src/sql/values/value.js';
import type {Parameter} from './engine.js';
import {Expressions, type Reference, type Scope, type SubqueryMaker} from './expressions.js';
import {expr, list, NOTHING, type Node, optional, type Part, plain, query, render} from './grammar.js';
import {mistakenQuery} from './mistakes.js';
import type {Random} from './random.js';
import {FromMaker, jsonRelation, type Relation, relationsOf, valuesRelation} from './relations.js';
import {literal, type Schema, type Topic} from './schema.js';
import {WindowMaker} from './windows.js';

export interface GeneratedQuery {
  readonly node: Node;
  /** How much of the order of the rows is given: nothing, all of it, or all but that of values that compare equal. */
  readonly order: 'none' | 'total' | 'weak';
  readonly parameters: readonly Parameter[];
}

interface OutputColumn {
  /** Its alias; undefined if it has none. */
  readonly name: string | undefined;
  readonly topic: Topic;
  readonly collation: CollationName;
}

interface Core {
  readonly node: Node;
  readonly columns: readonly OutputColumn[];
  /** What ORDER BY may name besides the columns of the result. */
  readonly references: readonly Reference[];
}

interface CoreOptions {
  readonly columns?: number;
  /** The topics of the columns, where they matter. */
  readonly topics?: readonly Topic[];
  readonly aliases: boolean;
  readonly mostRelations: number;
  readonly depth: number;
}

const SUMMABLE: readonly Topic[] = ['small', 'money'];

/** Returns a query about a schema. */
export function randomQuery(random: Random, schema: Schema): GeneratedQuery {
  if (random.chance(0.03)) return {node: mistakenQuery(random, schema), order: 'none', parameters: []};
  return new QueryMaker(random, schema).make();
}

class QueryMaker implements SubqueryMaker {
  private readonly expressions: Expressions;
  private readonly from: FromMaker;
  private readonly windows: WindowMaker;
  private readonly relations: readonly Relation[];
  private readonly common: Relation[] = [];
  private readonly parameters: Parameter[] = [];
  private readonly parameterStyle: '?' | ':';
  private names = 0;

  constructor(
    private readonly random: Random,
    schema: Schema,
  ) {
    this.relations = relationsOf(schema);
    this.parameterStyle = random.pick(['?', ':']);
    this.expressions = new Expressions(random, this, () => this.parameter());
    this.from = new FromMaker(random, this.expressions, (before, scope) => this.pickRelation(before, scope));
    this.windows = new WindowMaker(random, this.expressions);
  }

  private parameter(): Node {
    if (this.parameters.length < 3) {
      const number = this.parameters.length + 1;
      const name = this.parameterStyle === '?' ? `?${number}` : `${this.random.pick([':', '@', '$'])}p${number}`;
      const topic = this.random.pick(['small', 'word', 'money', 'mixed'] as const);
      this.parameters.push({name, literal: this.random.chance(0.1) ? 'NULL' : literal(this.random, topic)});
    }
    return expr`${this.random.pick(this.parameters).name}`;
  }

  make(): GeneratedQuery {
    const scope: Scope = {own: [], outer: [], subqueries: 2};
    const common = this.random.chance(0.15) ? this.commonTables(scope) : NOTHING;
    const {node, order} = this.random.chance(0.12) ? this.compound(scope) : this.single(scope);
    return {node: plain`${common}${node}`, order, parameters: this.parameters};
  }

  // -------------------------------------------------------------------------------------------------- whole queries

  private single(scope: Scope): {node: Node; order: GeneratedQuery['order']} {
    const ordered = this.random.chance(0.45);
    const options: CoreOptions = {aliases: ordered || this.random.chance(0.4), mostRelations: 4, depth: 3};
    const core = this.core(scope, options);
    if (!ordered) return {node: core.node, order: 'none'};
    const limit = this.random.chance(0.5) ? this.limit() : NOTHING;
    const total = limit !== NOTHING || this.random.chance(0.85);
    const terms = this.orderTerms(core, total);
    return {
      node: query`${core.node} ${optional`ORDER BY ${list(terms)}`}${limit}`,
      order: total ? 'total' : 'none',
    };
  }

  private orderTerms(core: Core, total: boolean): Node[] {
    const terms = this.random.times(this.random.integer(1, 2), () => this.orderTerm(core));
    if (!total) return terms;
    const names = core.columns.map(({name}) => name as string);
    return [
      ...terms,
      ...names.map(name => plain`${name} COLLATE BINARY`),
      ...names.map(name => plain`typeof(${name})`),
    ];
  }

  private orderTerm({columns, references}: Core): Node {
    const number = this.random.integer(1, columns.length);
    const name = columns[number - 1]?.name ?? String(number);
    const simple = references.filter(({node}) => typeof node === 'string');
    const what = this.random.weighted<() => Node>([
      [3, () => plain`${name}`],
      [1, () => plain`${number}`],
      [1, () => plain`${name} COLLATE ${this.expressions.collation()}`],
      [simple.length > 0 ? 1 : 0, () => this.expressions.any({own: simple, outer: [], subqueries: 0}, 1)],
      [0.3, () => plain`length(${name})`],
      [0.3, () => plain`- ${name}`],
    ])();
    return plain`${what}${this.random.pick(['', '', ' ASC', ' DESC', ' DESC'])}${this.random.pick(['', '', '', ' NULLS FIRST', ' NULLS LAST'])}`;
  }

  private limit(): Node {
    const count = this.random.pick(['0', '1', '2', '3', '5', '10', '-1', '1 + 1', '100']);
    const offset = this.random.pick(['0', '1', '2', '3', '-1', '20']);
    return this.random.weighted([
      [3, optional` LIMIT ${count}`],
      [2, optional` LIMIT ${count} OFFSET ${offset}`],
      [1, optional` LIMIT ${offset}, ${count}`],
    ]);
  }

  private compound(scope: Scope, width = this.random.integer(1, 3)): {node: Node; order: GeneratedQuery['order']} {
    const topics = this.random.times(width, () =>
      this.random.pick(['small', 'small', 'word', 'money', 'mixed'] as const),
    );
    const options: CoreOptions = {columns: width, topics, aliases: true, mostRelations: 2, depth: 2};
    const arm = (): Node =>
      this.random.chance(0.12)
        ? query`VALUES (${list(
            topics.map(topic => literal(this.random, topic)),
            ', ',
            width,
          )}), (${list(
            topics.map(topic => literal(this.random, topic)),
            ', ',
            width,
          )})`
        : this.core(scope, options).node;
    const first = this.core(scope, options);
    let node = first.node;
    let last = node;
    for (let i = this.random.integer(1, 3); i > 0; i--) {
      const operator = this.random.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT']);
      last = arm();
      node = query`${node} ${operator} ${last}`;
    }
    // ORDER BY after VALUES is a syntax error
    const open = !render(last).startsWith('VALUES') || this.random.chance(0.1);
    if (!open || this.random.chance(0.5)) return {node, order: 'none'};
    // SQLite 3.40 does not find the columns of a GROUP BY then
    const grouped = render(node).includes('GROUP BY');
    const terms = topics.map((_, index) => {
      const what = this.random.chance(0.5) ? String(index + 1) : (first.columns[index]?.name as string);
      const collate = !grouped && this.random.chance(0.8) ? ' COLLATE BINARY' : '';
      return plain`${what}${collate}${this.random.pick(['', ' DESC', ' ASC NULLS LAST'])}`;
    });
    const limit = this.random.chance(0.4) ? this.limit() : NOTHING;
    return {node: query`${node} ${optional`ORDER BY ${list(terms)}`}${limit}`, order: 'weak'};
  }

  // -------------------------------------------------------------------------------------------------- cores

  private core(scope: Scope, options: CoreOptions): Core {
    if (this.random.chance(0.04)) return this.withoutFrom(scope, options);
    const from = this.from.make(scope, options.mostRelations);
    const inner: Scope = {
      own: from.references,
      outer: [...scope.own, ...scope.outer].filter(({node}) => typeof node === 'string'),
      subqueries: scope.subqueries,
    };
    const where = this.random.chance(0.4)
      ? optional` WHERE ${this.expressions.condition(inner, this.random.integer(1, options.depth))}`
      : NOTHING;
    const source = plain`${from.node}${where}`;
    return this.random.weighted<() => Core>([
      [6, () => this.plainCore(inner, source, options)],
      [2.5, () => this.groupedCore(inner, source, options)],
      [1.5, () => this.totalCore(inner, source, options)],
      [2, () => this.windowCore(inner, source, from.order, options)],
    ])();
  }

  private withoutFrom(scope: Scope, options: CoreOptions): Core {
    const inner: Scope = {own: [], outer: scope.own, subqueries: scope.subqueries};
    const [items, columns] = this.items(inner, options);
    return {node: query`SELECT ${list(items, ', ', options.columns ?? 1)}`, columns, references: []};
  }

  private nameFor(options: CoreOptions): string | undefined {
    return options.aliases || this.random.chance(0.3) ? `r${++this.names}` : undefined;
  }

  private named(node: Part, name: string | undefined): Node {
    return name === undefined ? plain`${node}` : plain`${node}${this.random.chance(0.7) ? ' AS' : ''} ${name}`;
  }

  /** Returns the result columns of a core, and what is known of them. */
  private items(scope: Scope, options: CoreOptions): [Node[], OutputColumn[]] {
    const count = options.columns ?? this.random.integer(1, 4);
    const columns: OutputColumn[] = [];
    const items = this.random.times(count, index => {
      const name = this.nameFor(options);
      const topic = options.topics?.[index];
      const fitting = scope.own.filter(reference => topic === undefined || reference.topic === topic);
      if (fitting.length > 0 && this.random.chance(0.45)) {
        const reference = this.random.pick(fitting);
        columns.push({name, topic: reference.topic, collation: reference.collation});
        return this.named(reference.node, name);
      }
      columns.push({name, topic: topic ?? 'mixed', collation: 'binary'});
      return this.named(this.itemOf(scope, topic, options.depth), name);
    });
    return [items, columns];
  }

  private itemOf(scope: Scope, topic: Topic | undefined, most: number): Node {
    const depth = this.random.integer(1, most);
    if (topic === 'small' || topic === 'money') return this.expressions.number(scope, depth);
    if (topic === 'word') return this.expressions.text(scope, depth);
    return this.expressions.any(scope, depth);
  }

  private plainCore(scope: Scope, source: Node, options: CoreOptions): Core {
    if (options.columns === undefined && !options.aliases && this.random.chance(0.1)) {
      const distinct = this.random.chance(0.2) ? 'DISTINCT ' : '';
      return {node: query`SELECT ${distinct}* ${source}`, columns: [], references: scope.own};
    }
    const [items, columns] = this.items(scope, options);
    const distinct = this.random.chance(0.15) ? optional`DISTINCT ` : NOTHING;
    const node = query`SELECT ${distinct}${list(items, ', ', options.columns ?? 1)} ${source}`;
    return {node, columns, references: distinct === NOTHING ? scope.own : []};
  }

  private groupedCore(scope: Scope, source: Node, options: CoreOptions): Core {
    const keys = this.random.times(this.random.integer(1, 2), (): Reference => {
      if (this.random.chance(0.7)) return this.random.pick(scope.own);
      const simple: Scope = {...scope, subqueries: 0, outer: []};
      const node = this.random.chance(0.5) ? this.expressions.number(simple, 1) : this.expressions.condition(simple, 1);
      return {node: plain`(${node})`, topic: 'small', collation: 'binary'};
    });
    const output: Scope = {
      own: [...keys, ...this.aggregates(scope, this.random.integer(1, 3))],
      outer: scope.outer,
      subqueries: 0,
    };
    const [items, columns] = this.random.chance(0.12)
      ? this.rankedItems(output, options)
      : this.items(output, {...options, depth: 2});
    const having = this.random.chance(0.35) ? optional` HAVING ${this.expressions.condition(output, 1)}` : NOTHING;
    const node = query`SELECT ${list(items, ', ', options.columns ?? 1)} ${source} ${optional`GROUP BY ${list(keys.map(key => key.node))}`}${having}`;
    return {node, columns, references: []};
  }

  /** Returns result columns with window functions over groups. */
  private rankedItems(output: Scope, options: CoreOptions): [Node[], OutputColumn[]] {
    const order = output.own.map(({node}) => node);
    const calls = this.random.times(1, () => this.windows.call(output, order));
    return this.items({...output, own: [...output.own, ...calls]}, {...options, depth: 1});
  }

  /** An aggregate query without GROUP BY. */
  private totalCore(scope: Scope, source: Node, options: CoreOptions): Core {
    const output: Scope = {own: this.aggregates(scope, this.random.integer(1, 4)), outer: scope.outer, subqueries: 0};
    const count = options.columns ?? this.random.integer(1, 4);
    const columns: OutputColumn[] = [];
    const items = this.random.times(count, () => {
      const name = this.nameFor(options);
      const {node, topic, collation} = this.random.pick(output.own);
      columns.push({name, topic, collation});
      return this.named(
        this.random.chance(0.8) ? node : expr`${this.random.pick(['- ', 'typeof', 'quote', 'length'])}(${node})`,
        name,
      );
    });
    const having = this.random.chance(0.1) ? optional` HAVING ${this.expressions.condition(output, 1)}` : NOTHING;
    return {node: query`SELECT ${list(items, ', ', options.columns ?? 1)} ${source}${having}`, columns, references: []};
  }

  private aggregates(scope: Scope, count: number): Reference[] {
    return this.random.times(count, (): Reference => {
      const {node, topic} = this.aggregate({...scope, outer: [], subqueries: 0});
      const filter = this.random.chance(0.15)
        ? optional` FILTER (WHERE ${this.expressions.condition({...scope, subqueries: 0}, 1)})`
        : NOTHING;
      return {node: node(filter), topic, collation: 'binary'};
    });
  }

  private aggregate(scope: Scope): {node: (filter: Node) => Node; topic: Topic} {
    const distinct = this.random.chance(0.15) ? optional`DISTINCT ` : NOTHING;
    const any = this.expressions.any(scope, this.random.integer(0, 2));
    const number = this.random.chance(0.9)
      ? this.expressions.reference(scope, SUMMABLE)
      : this.expressions.number(scope, 1);
    const text = this.expressions.text(scope, this.random.integer(0, 1));
    return this.random.weighted<() => {node: (filter: Node) => Node; topic: Topic}>([
      [2, () => ({node: filter => expr`count(*)${filter}`, topic: 'small'})],
      [2, () => ({node: filter => expr`count(${distinct}${any})${filter}`, topic: 'small'})],
      [3, () => ({node: filter => expr`sum(${distinct}${number})${filter}`, topic: 'money'})],
      [1, () => ({node: filter => expr`total(${distinct}${number})${filter}`, topic: 'money'})],
      [2, () => ({node: filter => expr`avg(${distinct}${number})${filter}`, topic: 'money'})],
      [3, () => ({node: filter => expr`min(${any})${filter}`, topic: 'mixed'})],
      [3, () => ({node: filter => expr`max(${any})${filter}`, topic: 'mixed'})],
      [1, () => ({node: filter => expr`length(group_concat(${distinct}${text})${filter})`, topic: 'small'})],
      [0.5, () => ({node: filter => expr`length(group_concat(${text}, ' - ')${filter})`, topic: 'small'})],
      [0.5, () => ({node: filter => expr`length(json_group_array(CAST(${text} AS TEXT))${filter})`, topic: 'small'})],
      [0.3, () => ({node: filter => expr`group_concat(${text})${filter}`, topic: 'text'})],
    ])();
  }

  private windowCore(scope: Scope, source: Node, order: readonly Part[], options: CoreOptions): Core {
    const simple: Scope = {...scope, subqueries: 0, outer: []};
    const named = this.random.chance(0.3) ? this.windows.definitions(simple, order) : undefined;
    const calls = this.random.times(this.random.integer(1, 2), () => this.windows.call(simple, order, named?.names));
    const weighted: Scope = {...scope, own: [...scope.own, ...calls, ...calls, ...calls]};
    const [items, columns] = this.items(weighted, {...options, depth: Math.min(2, options.depth)});
    const distinct = this.random.chance(0.05) ? optional`DISTINCT ` : NOTHING;
    const clause = named === undefined ? NOTHING : plain` WINDOW ${list(named.nodes)}`;
    const node = query`SELECT ${distinct}${list(items, ', ', options.columns ?? 1)} ${source}${clause}`;
    return {node, columns, references: distinct === NOTHING ? scope.own : []};
  }

  // -------------------------------------------------------------------------------------------------- relations

  private pickRelation(before: readonly Reference[], scope: Scope): Relation {
    return this.random.weighted<() => Relation>([
      [8, () => this.random.pick(this.relations)],
      [this.common.length > 0 ? 10 : 0, () => this.random.pick(this.common)],
      [scope.subqueries > 0 ? 1.5 : 0, () => this.subqueryRelation(scope)],
      [0.5, () => valuesRelation(this.random)],
      [0.4, () => jsonRelation(this.random, before)],
    ])();
  }

  private subqueryRelation(scope: Scope): Relation {
    const inner: Scope = {own: [], outer: [], subqueries: scope.subqueries - 1};
    if (this.random.chance(0.2)) {
      const width = this.random.integer(1, 3);
      const {node} = this.compound(inner, width);
      const name = `k${++this.names}`;
      const columns = this.random.times(
        width,
        i => ({name: `${name}_${i}`, topic: 'mixed', collation: 'binary'}) as const,
      );
      const list_ = columns.map((column, index) => `${index === 0 ? '' : ', '}${column.name}`).join('');
      // the names of a compound are those of its first arm, which simplifying may take away
      return {
        node: plain`(WITH ${name} (${list_}) AS (${node}) SELECT * FROM ${name})`,
        named: false,
        columns,
        key: [],
      };
    }
    const core = this.core(inner, {aliases: true, mostRelations: 2, depth: 2});
    const limit = this.random.chance(0.2)
      ? plain` ${optional`ORDER BY ${list(this.orderTerms(core, true))}${this.limit()}`}`
      : NOTHING;
    const columns = core.columns.map(({name, topic, collation}) => ({name: name as string, topic, collation}));
    return {node: plain`(${query`${core.node}${limit}`})`, named: false, columns, key: []};
  }

  private commonTables(scope: Scope): Node {
    const count = this.random.integer(1, 2);
    const recursive = this.random.chance(0.4);
    const tables: Node[] = [];
    for (let i = 0; i < count; i++) {
      const name = `w${i}`;
      const made = recursive && this.random.chance(0.7) ? this.recursiveTable(name) : this.plainTable(name, scope);
      tables.push(made.node);
      this.common.push(made.relation);
    }
    return plain`WITH ${recursive ? 'RECURSIVE ' : ''}${list(tables)} `;
  }

  private plainTable(name: string, scope: Scope): {node: Node; relation: Relation} {
    const core = this.core({...scope, subqueries: 1}, {aliases: true, mostRelations: 2, depth: 2});
    const renamed = this.random.chance(0.3);
    const columns = core.columns.map((column, i) => ({
      name: renamed ? `${name}c${i}` : (column.name as string),
      topic: column.topic,
      collation: column.collation,
    }));
    const header = renamed ? ` (${columns.map(column => column.name).join(', ')})` : '';
    const hint = this.random.pick(['', '', '', 'MATERIALIZED ', 'NOT MATERIALIZED ']);
    return {
      node: plain`${name}${header} AS ${hint}(${core.node})`,
      relation: {node: name, named: true, columns, key: []},
    };
  }

  private recursiveTable(name: string): {node: Node; relation: Relation} {
    const table = this.random.pick(this.relations.filter(({columns}) => columns.some(({name}) => name === 'a')));
    const other = this.random.pick(table.columns).name;
    const bound = this.random.integer(2, 8);
    const union = this.random.pick(['UNION', 'UNION ALL']);
    const tail = this.random.pick([
      '',
      '',
      ` LIMIT ${this.random.integer(1, 12)}`,
      ' ORDER BY 1',
      ' ORDER BY 2 DESC, 1',
      ` ORDER BY 2, 1 LIMIT ${this.random.integer(1, 6)} OFFSET 1`,
    ]);
    const step = this.random.pick([
      `SELECT 1, 0 ${union} SELECT x + 1, y + x FROM ${name} WHERE x < ${bound}`,
      `SELECT 1, 1 ${union} SELECT y, x + y FROM ${name} WHERE y < ${bound * 10}`,
      `SELECT 0, 'a' ${union} SELECT x + 1, y || substr('bcd', x + 1, 1) FROM ${name} WHERE x < ${bound}`,
      `SELECT a, 0 FROM ${render(table.node)} UNION SELECT z.${other}, y + 1 FROM ${name} JOIN ${render(table.node)} z ON z.a = x WHERE y < 2`,
      `VALUES (1, 2), (3, 4) ${union} SELECT x * 2, y FROM ${name} WHERE x < ${bound}`,
      `SELECT 1, 2 ${union} SELECT x + 1, y FROM ${name} WHERE x < ${bound} ${union} SELECT x + 2, y + 1 FROM ${name} WHERE x < ${bound}`,
    ]);
    const columns = ['x', 'y'].map(column => ({name: column, topic: 'small', collation: 'binary'}) as const);
    return {node: plain`${name} (x, y) AS (${step}${tail})`, relation: {node: name, named: true, columns, key: []}};
  }

  // -------------------------------------------------------------------------------------------------- subqueries

  private inside(scope: Scope): Scope {
    return {own: scope.own, outer: scope.outer, subqueries: scope.subqueries - 1};
  }

  private subSource(scope: Scope): {source: Node; inner: Scope; order: readonly Part[]} {
    const around = this.inside(scope);
    const from = this.from.make(around, 2);
    const outer = [...scope.own, ...scope.outer].filter(({node}) => typeof node === 'string');
    const inner: Scope = {own: from.references, outer, subqueries: around.subqueries};
    const where = this.random.chance(0.7) ? optional` WHERE ${this.correlation(inner)}` : NOTHING;
    return {source: plain`${from.node}${where}`, inner, order: from.order};
  }

  /** Returns a condition that often compares with a column of the query around. */
  private correlation(scope: Scope): Node {
    const own = this.random.pick(scope.own);
    const fitting = scope.outer.filter(({topic}) => topic === own.topic);
    if (fitting.length === 0 || this.random.chance(0.3)) return this.expressions.condition(scope, 1);
    const operator = this.random.pick(['=', '=', '=', '<', '>=', 'IS', '<>']);
    return expr`${own.node} ${operator} ${this.random.pick(fitting).node}`;
  }

  scalar(scope: Scope): Node {
    const {source, inner, order} = this.subSource(scope);
    if (this.random.chance(0.65)) {
      const {node} = this.aggregate({...inner, outer: [], subqueries: 0});
      return expr`(${query`SELECT ${node(NOTHING)} ${source}`})`;
    }
    const item = this.expressions.any(inner, 1);
    return expr`(${query`SELECT ${item} ${source} ORDER BY ${list([...order])} LIMIT 1`})`;
  }

  column(scope: Scope, topic: Topic): Node {
    if (this.random.chance(0.1)) {
      const rows = this.random.times(this.random.integer(1, 3), () => plain`(${literal(this.random, topic)})`);
      return query`VALUES ${list(rows)}`;
    }
    const {source, inner} = this.subSource(scope);
    const item = this.random.chance(0.7) ? this.expressions.reference(inner, [topic]) : this.expressions.any(inner, 1);
    return query`SELECT ${this.random.chance(0.1) ? 'DISTINCT ' : ''}${item} ${source}`;
  }

  pair(scope: Scope): Node {
    const {source, inner, order} = this.subSource(scope);
    const items = list([this.expressions.reference(inner), this.expressions.reference(inner)], ', ', 2);
    return query`SELECT ${items} ${source} ORDER BY ${list([...order])}`;
  }

  exists(scope: Scope): Node {
    const {source} = this.subSource(scope);
    return query`SELECT ${this.random.pick(['1', '*', 'NULL'])} ${source}`;
  }
}
