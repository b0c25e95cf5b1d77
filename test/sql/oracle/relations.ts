/**
 * Random FROM clauses: tables, views, subqueries, VALUES, table functions, common tables, under every kind of join.
 */
import type {CollationName} from '../../../src/sql/values/value.js';
import type {Expressions, Reference, Scope} from './expressions.js';
import {list, type Node, optional, type Part, plain, render} from './grammar.js';
import type {Random} from './random.js';
import {literal, type Schema, type Topic} from './schema.js';

export interface RelationColumn {
  readonly name: string;
  readonly topic: Topic;
  readonly collation: CollationName;
}

/** Something to select from, without its alias. */
export interface Relation {
  readonly node: Part;
  /** Whether it has a name of its own, so that an alias may be left out. */
  readonly named: boolean;
  readonly columns: readonly RelationColumn[];
  /** Columns that tell its rows apart; empty if none do. */
  readonly key: readonly string[];
  /** Whether it is a table function: SQLite 3.40 loses rows of a RIGHT or FULL JOIN with one. */
  readonly called?: boolean;
}

export interface FromClause {
  readonly node: Node;
  readonly references: readonly Reference[];
  /** What puts the rows into a total order, or nearly so. */
  readonly order: readonly Part[];
}

interface Joined {
  readonly alias: string;
  readonly relation: Relation;
}

/** Returns the tables and views of a schema. */
export function relationsOf(schema: Schema): Relation[] {
  return [
    ...schema.tables.map(
      ({name, columns, key}): Relation => ({
        node: name,
        named: true,
        columns: columns.map(({name, topic, collation}) => ({name, topic, collation})),
        key,
      }),
    ),
    ...schema.views.map(
      ({name, columns}): Relation => ({
        node: name,
        named: true,
        columns: columns.map(({name, topic, collation}) => ({name, topic, collation})),
        key: [],
      }),
    ),
  ];
}

/** Returns VALUES as a relation. */
export function valuesRelation(random: Random): Relation {
  const topics = random.times(random.integer(1, 3), () => random.pick(['small', 'word', 'money', 'mixed'] as const));
  const rows = random.times(
    random.integer(1, 4),
    () =>
      plain`(${list(
        topics.map(topic => (random.chance(0.1) ? 'NULL' : literal(random, topic))),
        ', ',
        topics.length,
      )})`,
  );
  const columns = topics.map((topic, i) => ({name: `column${i + 1}`, topic, collation: 'binary' as const}));
  return {node: plain`(VALUES ${list(rows)})`, named: false, columns, key: []};
}

const JSON_COLUMNS: readonly RelationColumn[] = [
  {name: 'key', topic: 'mixed', collation: 'binary'},
  {name: 'value', topic: 'mixed', collation: 'binary'},
  {name: 'type', topic: 'word', collation: 'binary'},
  {name: 'atom', topic: 'mixed', collation: 'binary'},
  {name: 'fullkey', topic: 'word', collation: 'binary'},
  {name: 'path', topic: 'word', collation: 'binary'},
];

/** Returns json_each or json_tree of a document, or of a column of what stands before it. */
export function jsonRelation(random: Random, before: readonly Reference[]): Relation {
  const columns = before.filter(({topic}) => topic === 'json');
  const column = columns.length > 0 && random.chance(0.6) ? render(random.pick(columns).node) : undefined;
  const document =
    column === undefined ? literal(random, 'json') : `CASE WHEN json_valid(${column}) THEN ${column} ELSE '[]' END`;
  const path = random.chance(0.2) ? `, ${random.pick(["'$.a'", "'$.b'", "'$[1]'"])}` : '';
  const name = random.pick(['json_each', 'json_tree']);
  return {node: `${name}(${document}${path})`, named: true, columns: JSON_COLUMNS, key: ['fullkey'], called: true};
}

export class FromMaker {
  private aliases = 0;
  /** Whether there is a RIGHT or FULL JOIN in the clause that is being made. */
  private outer = false;

  constructor(
    private readonly random: Random,
    private readonly expressions: Expressions,
    private readonly pickRelation: (before: readonly Reference[], scope: Scope) => Relation,
  ) {}

  /** Returns a FROM clause of up to `most` relations; the scope is that of the queries around. */
  make(around: Scope, most: number): FromClause {
    const count = Math.min(
      most,
      this.random.weighted([
        [5, 1],
        [4, 2],
        [1.5, 3],
        [0.3, 4],
      ]),
    );
    const before = this.outer;
    this.outer = false;
    const joined: Joined[] = [];
    const merged = new Set<string>();
    const first = this.next(joined, merged, around);
    const steps: Node[] = [];
    for (let i = 1; i < count; i++) steps.push(this.join(joined, merged, around));
    const node = plain`FROM ${first}${list(steps, '', 0)}`;
    this.outer = before;
    return {node, references: this.references(joined, merged), order: this.order(joined)};
  }

  /** Adds a relation and returns it with its alias. */
  private next(joined: Joined[], merged: ReadonlySet<string>, around: Scope): Node {
    let relation = this.pickRelation(this.references(joined, merged), around);
    while (relation.called && this.outer) relation = this.pickRelation(this.references(joined, merged), around);
    const free = typeof relation.node === 'string' && !joined.some(({alias}) => alias === relation.node);
    if (relation.named && free && !/\(/.test(relation.node as string) && this.random.chance(0.4)) {
      joined.push({alias: relation.node as string, relation});
      return plain`${relation.node}`;
    }
    const alias = `x${this.aliases++}`;
    joined.push({alias, relation});
    return plain`${relation.node} ${this.random.chance(0.5) ? 'AS ' : ''}${alias}`;
  }

  private join(joined: Joined[], merged: Set<string>, around: Scope): Node {
    const left = new Set(joined.flatMap(({relation}) => relation.columns.map(({name}) => name)));
    if (this.random.chance(0.08)) {
      const inner: Joined[] = [];
      const node = this.next(inner, new Set(), around);
      const second = this.next(inner, new Set(), around);
      const both = this.references(inner, new Set());
      const on = this.condition({own: both, outer: around.own, subqueries: 0});
      // the rowids within parentheses cannot be named outside
      for (const {alias, relation} of inner) {
        joined.push({alias, relation: relation.key[0] === 'rowid' ? {...relation, key: []} : relation});
      }
      const all = this.condition({own: this.references(joined, merged), outer: [], subqueries: 0});
      return plain` ${this.random.pick(['JOIN', 'LEFT JOIN'])} (${node} JOIN ${second} ON ${on}) ON ${all}`;
    }
    const before = joined.length;
    const relation = this.next(joined, merged, around);
    const added = joined.slice(before).flatMap(joint => joint.relation.columns.map(({name}) => name));
    const shared = added.filter(name => left.has(name));
    const called = joined.some(joint => joint.relation.called);
    const type = this.random.weighted([
      [3, 'JOIN'],
      [1, 'INNER JOIN'],
      [4, 'LEFT JOIN'],
      [0.5, 'LEFT OUTER JOIN'],
      [called ? 0 : 1.5, 'RIGHT JOIN'],
      [called ? 0 : 1.5, 'FULL JOIN'],
      [called ? 0 : 0.5, 'FULL OUTER JOIN'],
      [0.7, 'CROSS JOIN'],
      [1, ','],
    ]);
    if (/RIGHT|FULL/.test(type)) this.outer = true;
    if (type === ',') return plain`, ${relation}`;
    const how = this.random.weighted([
      [6, 'on'],
      [shared.length > 0 ? 2 : 0, 'using'],
      [shared.length > 0 && shared.length < 4 ? 1 : 0, 'natural'],
      [0.5, 'none'],
    ]);
    if (how === 'natural') {
      for (const name of shared) merged.add(name);
      return plain` NATURAL ${type} ${relation}`;
    }
    if (how === 'using') {
      const columns = this.random.sample(shared, this.random.integer(1, 2));
      for (const name of columns) merged.add(name);
      return plain` ${type} ${relation} USING (${list(columns)})`;
    }
    if (how === 'none') return plain` ${type} ${relation}`;
    const scope: Scope = {
      own: this.references(joined, merged),
      outer: around.own,
      subqueries: Math.min(around.subqueries, this.random.chance(0.1) ? 1 : 0),
    };
    return plain` ${type} ${relation} ${optional`ON ${this.equality(joined, scope)}`}`;
  }

  /** Returns a condition between what was joined last and something before it. */
  private equality(joined: readonly Joined[], scope: Scope): Node {
    const last = joined.at(-1) as Joined;
    const others = joined
      .slice(0, -1)
      .flatMap(({alias, relation}) => relation.columns.map(column => ({text: `${alias}.${column.name}`, ...column})));
    const right = this.random.pick(last.relation.columns);
    const fitting = others.filter(({topic}) => topic === right.topic);
    if (fitting.length === 0 || this.random.chance(0.25)) return this.condition(scope);
    const left = this.random.pick(fitting);
    const equal = plain`${left.text} ${this.random.pick(['=', '=', '=', '=', 'IS', '<', '>='])} ${last.alias}.${right.name}`;
    return this.random.chance(0.25) ? plain`${equal} ${optional`AND ${this.condition(scope)}`}` : equal;
  }

  private condition(scope: Scope): Node {
    return this.expressions.condition(scope, this.random.integer(0, 2));
  }

  private references(joined: readonly Joined[], merged: ReadonlySet<string>): Reference[] {
    const times = new Map<string, number>();
    for (const {relation} of joined) {
      for (const {name} of relation.columns) times.set(name, (times.get(name) ?? 0) + 1);
    }
    return joined.flatMap(({alias, relation}) =>
      relation.columns.map(({name, topic, collation}) => {
        const bare = merged.has(name) || (times.get(name) === 1 && this.random.chance(0.5));
        return {node: bare ? name : `${alias}.${name}`, topic, collation};
      }),
    );
  }

  private order(joined: readonly Joined[]): Part[] {
    return joined.flatMap(({alias, relation}) =>
      relation.key.length > 0
        ? relation.key.map(column => `${alias}.${column}`)
        : relation.columns.map(({name}) => `${alias}.${name}`),
    );
  }
}
