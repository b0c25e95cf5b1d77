/**
 * Random expressions of every operator and most core functions. They are typed loosely: a number is asked for where one
 * makes sense, but anything may stand anywhere now and then, as in SQLite.
 */
import type {CollationName} from '../../../src/sql/values/value.js';
import {expr, list, type Node, type Part} from './grammar.js';
import type {Random} from './random.js';
import {literal, type Topic} from './schema.js';

/** Something that a name, or a call that may stand only here, gives. */
export interface Reference {
  readonly node: Part;
  readonly topic: Topic;
  readonly collation: CollationName;
}

/** What expressions may refer to. */
export interface Scope {
  readonly own: readonly Reference[];
  /** Columns of the queries around, innermost first. */
  readonly outer: readonly Reference[];
  /** How many levels of subqueries may still come. */
  readonly subqueries: number;
}

/** The queries that can be parts of expressions, made by the generator of queries. */
export interface SubqueryMaker {
  scalar(scope: Scope): Node;
  /** A query of one column of about this topic. */
  column(scope: Scope, topic: Topic): Node;
  pair(scope: Scope): Node;
  exists(scope: Scope): Node;
}

type Maker = () => Node;

const NUMERIC: readonly Topic[] = ['small', 'integer', 'money', 'real'];

const FORMATS = [
  "'%d'",
  "'%5d|%-5d|%05d'",
  "'%.2f'",
  "'%+.3e'",
  "'%g'",
  "'%x %X %o'",
  "'%s|%10s|%-10s|%.2s'",
  "'%q'",
  "'%Q'",
  "'%w'",
  "'%c%c'",
  "'%,d'",
  "'%%'",
  "'%i %u'",
  "'%!.5f'",
  "'%08.3f'",
  "'%*d'",
];

export class Expressions {
  constructor(
    protected readonly random: Random,
    private readonly subqueries: SubqueryMaker,
    private readonly parameter: () => Node,
  ) {}

  private choose(makers: readonly (readonly [number, Maker])[]): Node {
    return this.random.weighted(makers)();
  }

  literal(topic: Topic): Node {
    return expr`${literal(this.random, topic)}`;
  }

  /** Returns a column of one of the topics if there is one, else any column, else a literal. */
  reference(scope: Scope, topics?: readonly Topic[]): Node {
    const from = scope.outer.length > 0 && this.random.chance(0.15) ? scope.outer : scope.own;
    const fitting = topics === undefined ? from : from.filter(({topic}) => topics.includes(topic));
    const chosen = fitting.length > 0 ? fitting : this.random.chance(0.2) ? from : [];
    if (chosen.length === 0) return this.literal(topics === undefined ? 'mixed' : this.random.pick(topics));
    return expr`${this.random.pick(chosen).node}`;
  }

  /** Returns an operand of an operator: in parentheses, or bare, so that precedence is put to the test. */
  private operand(node: Node): Node {
    return this.random.chance(0.7) ? expr`(${node})` : node;
  }

  any(scope: Scope, depth: number): Node {
    if (depth <= 0) return this.random.chance(0.75) ? this.reference(scope) : this.literal('mixed');
    return this.choose([
      [5, () => this.number(scope, depth)],
      [4, () => this.text(scope, depth)],
      [3, () => this.condition(scope, depth - 1)],
      [4, () => this.reference(scope)],
      [1, () => this.literal('mixed')],
      [1, () => this.conditional(scope, depth, deeper => this.any(scope, deeper))],
      [1, () => this.cast(scope, depth)],
      [0.6, () => this.parameter()],
      [scope.subqueries > 0 ? 0.8 : 0, () => this.subqueries.scalar(scope)],
    ]);
  }

  /** Returns CASE, coalesce and their like over expressions of one kind. */
  private conditional(scope: Scope, depth: number, make: (depth: number) => Node): Node {
    const next = depth - 2;
    return this.choose([
      [2, () => expr`CASE WHEN ${this.condition(scope, next)} THEN ${make(next)} ELSE ${make(next)} END`],
      [1, () => expr`CASE WHEN ${this.condition(scope, next)} THEN ${make(next)} END`],
      [
        1,
        () =>
          expr`CASE ${this.any(scope, next)} WHEN ${this.any(scope, next)} THEN ${make(next)} WHEN ${this.literal('mixed')} THEN ${make(next)} ELSE ${make(next)} END`,
      ],
      [1, () => expr`coalesce(${list([make(next), make(next), make(next)], ', ', 2)})`],
      [1, () => expr`ifnull(${make(next)}, ${make(next)})`],
      [1, () => expr`nullif(${make(next)}, ${make(next)})`],
      [1, () => expr`iif(${this.condition(scope, next)}, ${make(next)}, ${make(next)})`],
      [0.5, () => expr`max(${list([make(next), make(next), make(next)], ', ', 2)})`],
      [0.5, () => expr`min(${list([make(next), make(next)], ', ', 2)})`],
      [0.3, () => expr`likely(${make(next)})`],
      [0.3, () => expr`unlikely(${make(next)})`],
    ]);
  }

  private cast(scope: Scope, depth: number): Node {
    const type = this.random.pick(['INTEGER', 'REAL', 'TEXT', 'NUMERIC', 'BLOB', 'VARCHAR(5)', 'DOUBLE', 'INT', '']);
    const operand = this.any(scope, depth - 1);
    return type === '' ? expr`CAST(${operand} AS TEXT)` : expr`CAST(${operand} AS ${type})`;
  }

  number(scope: Scope, depth: number): Node {
    if (depth <= 0) return this.random.chance(0.75) ? this.reference(scope, NUMERIC) : this.literal('small');
    const number = (less = 1) => this.number(scope, depth - less);
    const operand = (less = 1) => this.operand(number(less));
    const text = () => this.text(scope, depth - 1);
    return this.choose([
      [4, () => this.reference(scope, NUMERIC)],
      [1, () => this.literal(this.random.pick(['small', 'integer', 'money', 'real']))],
      [6, () => expr`${operand()} ${this.random.pick(['+', '-', '*'])} ${operand()}`],
      [2, () => expr`${operand()} / ${operand()}`],
      [1.5, () => expr`${operand()} % ${operand()}`],
      [1, () => expr`${operand()} ${this.random.pick(['&', '|', '<<', '>>'])} ${operand()}`],
      [1, () => expr`${this.random.pick(['- ', '+ ', '~ '])}${operand()}`],
      [1, () => expr`abs(${this.reference(scope, ['small', 'money'])})`],
      [1, () => expr`length(${this.any(scope, depth - 1)})`],
      [0.6, () => expr`round(${this.number(scope, depth - 1)})`],
      [0.6, () => expr`round(${this.number(scope, depth - 1)}, ${this.literal('small')})`],
      [0.6, () => expr`instr(${text()}, ${text()})`],
      [0.5, () => expr`unicode(${text()})`],
      [0.5, () => expr`sign(${number()})`],
      [0.5, () => expr`CAST(${this.any(scope, depth - 1)} AS ${this.random.pick(['INTEGER', 'REAL', 'NUMERIC'])})`],
      [1, () => this.conditional(scope, depth, deeper => this.number(scope, deeper))],
      [0.8, () => this.mathematics(scope, depth - 1)],
      [0.4, () => expr`${this.condition(scope, depth - 1)} + ${operand()}`],
      [0.4, () => this.dateNumber(scope)],
      [0.4, () => this.jsonNumber(scope)],
      [0.3, () => this.parameter()],
      [scope.subqueries > 0 ? 0.5 : 0, () => this.subqueries.scalar(scope)],
    ]);
  }

  private mathematics(scope: Scope, depth: number): Node {
    const number = () => this.number(scope, depth);
    // the last digits of these are the C library's, so they are rounded off
    const rough = ['sin', 'cos', 'tan', 'atan', 'asin', 'acos', 'sinh', 'tanh', 'asinh', 'sqrt', 'ln', 'log10', 'log2'];
    const exact = ['ceil', 'floor', 'trunc', 'ceiling'];
    return this.choose([
      [3, () => expr`${this.random.pick(exact)}(${number()})`],
      [2, () => expr`round(${this.random.pick(rough)}(${this.reference(scope, ['small', 'money'])}), 6)`],
      [1, () => expr`mod(${number()}, ${number()})`],
      [1, () => expr`round(pow(${this.reference(scope, ['small'])}, ${this.literal('small')}), 4)`],
      [0.5, () => expr`round(log(${this.literal('small')}, ${this.reference(scope, ['small'])}), 6)`],
      [0.5, () => expr`round(degrees(${this.reference(scope, ['money'])}), 6)`],
      [0.5, () => expr`round(radians(${this.reference(scope, ['money'])}), 6)`],
      [0.3, () => expr`round(pi(), 10)`],
      [0.3, () => expr`round(atan2(${this.literal('small')}, ${this.literal('money')}), 8)`],
    ]);
  }

  text(scope: Scope, depth: number): Node {
    const textual: readonly Topic[] = ['word', 'text'];
    if (depth <= 0) return this.random.chance(0.75) ? this.reference(scope, textual) : this.literal('text');
    const text = (less = 1) => this.text(scope, depth - less);
    const any = () => this.any(scope, depth - 1);
    // SQLite 3.40 takes only the last 32 bits of these
    const small = () =>
      this.random.chance(0.7) ? this.literal('small') : expr`(${this.number(scope, depth - 2)}) % 8`;
    return this.choose([
      [4, () => this.reference(scope, textual)],
      [1, () => this.literal('text')],
      [3, () => expr`${this.operand(text())} || ${this.operand(any())}`],
      [1, () => expr`lower(${text()})`],
      [1, () => expr`upper(${text()})`],
      [1, () => expr`substr(${text()}, ${small()})`],
      [1, () => expr`${this.random.pick(['substr', 'substring'])}(${text()}, ${small()}, ${small()})`],
      [0.6, () => expr`replace(${text()}, ${text()}, ${text()})`],
      [0.6, () => expr`${this.random.pick(['trim', 'ltrim', 'rtrim'])}(${text()})`],
      [0.6, () => expr`${this.random.pick(['trim', 'ltrim', 'rtrim'])}(${text()}, ${text()})`],
      [1, () => expr`quote(${any()})`],
      [1, () => expr`typeof(${any()})`],
      [0.6, () => expr`hex(${any()})`],
      [0.3, () => expr`char(${this.random.pick(['65', '233', '128512', '97, 98', '8364'])})`],
      [0.3, () => expr`soundex(${text()})`],
      [0.2, () => expr`hex(zeroblob(${this.random.integer(0, 3)}))`],
      [0.7, () => this.formatted(scope, depth - 1)],
      [0.5, () => expr`CAST(${any()} AS TEXT)`],
      [0.8, () => this.conditional(scope, depth, deeper => this.text(scope, deeper))],
      [0.7, () => this.dateText(scope)],
      [0.9, () => this.jsonText(scope, depth - 1)],
      [0.3, () => this.parameter()],
      [0.4, () => expr`${text()} COLLATE ${this.collation()}`],
    ]);
  }

  collation(): string {
    return this.random.pick(['NOCASE', 'RTRIM', 'BINARY', 'nocase']);
  }

  private formatted(scope: Scope, depth: number): Node {
    const values = this.random.times(this.random.integer(0, 3), () => this.any(scope, depth - 1));
    return expr`${this.random.pick(['printf', 'format'])}(${list([this.random.pick(FORMATS), ...values])})`;
  }

  condition(scope: Scope, depth: number): Node {
    const any = () => this.any(scope, depth - 1);
    const not = () => (this.random.chance(0.35) ? 'NOT ' : '');
    if (depth <= 0) return this.comparison(scope, depth);
    return this.choose([
      [7, () => this.comparison(scope, depth)],
      [3, () => this.junction(scope, depth)],
      [1, () => expr`NOT ${this.operand(this.condition(scope, depth - 1))}`],
      [1, () => expr`${this.operand(any())} IS ${not()}NULL`],
      [0.3, () => expr`${this.operand(any())} ${this.random.pick(['ISNULL', 'NOTNULL', 'NOT NULL'])}`],
      [0.6, () => expr`${this.operand(any())} IS ${not()}${this.random.pick(['TRUE', 'FALSE'])}`],
      [1.5, () => this.between(scope, depth - 1, not())],
      [2, () => this.membership(scope, depth - 1, not())],
      [2, () => this.match(scope, depth - 1, not())],
      [0.7, () => this.rows(scope, depth - 1)],
      [scope.subqueries > 0 ? 0.8 : 0, () => expr`${not()}EXISTS (${this.subqueries.exists(scope)})`],
      [0.3, () => this.number(scope, depth - 1)],
      [0.3, () => expr`json_valid(${any()})`],
      [0.2, () => this.random.pick([expr`TRUE`, expr`FALSE`, expr`NULL`, expr`1`, expr`0`])],
    ]);
  }

  private junction(scope: Scope, depth: number): Node {
    const terms = this.random.times(this.random.integer(2, 3), () => this.operand(this.condition(scope, depth - 1)));
    return expr`${list(terms, ` ${this.random.pick(['AND', 'OR'])} `)}`;
  }

  /** Returns a comparison of two values that are often of one kind. */
  comparison(scope: Scope, depth: number): Node {
    const operator = this.random.pick([
      ...['=', '=', '=', '==', '<>', '!=', '<', '<=', '>', '>=', 'IS', 'IS NOT'],
      ...['IS DISTINCT FROM', 'IS NOT DISTINCT FROM'],
    ]);
    const [left, right] = this.choosePair(scope, depth - 1);
    const collate = this.random.chance(0.06) ? ` COLLATE ${this.collation()}` : '';
    return expr`${this.operand(left)} ${operator} ${this.operand(right)}${collate}`;
  }

  private someTopic(scope: Scope): Topic {
    return scope.own.length > 0 ? this.random.pick(scope.own).topic : 'small';
  }

  private choosePair(scope: Scope, depth: number): [Node, Node] {
    const topic = this.someTopic(scope);
    const simple = this.random.chance(0.6) || depth <= 0;
    if (NUMERIC.includes(topic)) {
      if (simple) {
        const right = this.random.chance(0.5) ? this.literal(topic) : this.reference(scope, NUMERIC);
        return [this.reference(scope, [topic]), right];
      }
      return [this.number(scope, depth), this.number(scope, depth)];
    }
    if (simple) {
      const right = this.random.chance(0.5) ? this.literal(topic) : this.reference(scope);
      return [this.reference(scope, [topic]), right];
    }
    return this.random.chance(0.5)
      ? [this.text(scope, depth), this.text(scope, depth)]
      : [this.any(scope, depth), this.any(scope, depth)];
  }

  private between(scope: Scope, depth: number, not: string): Node {
    const [low, high] = this.choosePair(scope, depth);
    return expr`${this.operand(this.any(scope, depth))} ${not}BETWEEN ${this.operand(low)} AND ${this.operand(high)}`;
  }

  private membership(scope: Scope, depth: number, not: string): Node {
    const topic = this.someTopic(scope);
    const left = this.random.chance(0.7) ? this.reference(scope, [topic]) : this.operand(this.any(scope, depth));
    if (scope.subqueries > 0 && this.random.chance(0.4)) {
      return expr`${left} ${not}IN (${this.subqueries.column(scope, topic)})`;
    }
    const items = this.random.times(this.random.integer(0, 5), () =>
      this.random.chance(0.8) ? this.literal(topic) : this.random.chance(0.5) ? expr`NULL` : this.any(scope, depth - 1),
    );
    return expr`${left} ${not}IN (${list(items, ', ', 0)})`;
  }

  private match(scope: Scope, depth: number, not: string): Node {
    const textual: readonly Topic[] = ['word', 'text', 'small', 'money', 'date'];
    // a shell may be built so that LIKE never matches a blob
    const subject = this.random.chance(0.7)
      ? expr`CAST(${this.reference(scope, textual)} AS TEXT)`
      : expr`CAST(${this.text(scope, depth - 1)} AS TEXT)`;
    if (this.random.chance(0.35)) {
      const pattern = this.random.pick(["'*a*'", "'a*'", "'?b*'", "'[a-c]*'", "'[^a]*'", "'*[0-9]'", "'*'", "'x[%]y'"]);
      return this.random.chance(0.2)
        ? expr`${not}glob(${pattern}, ${subject})`
        : expr`${subject} ${not}GLOB ${pattern}`;
    }
    const pattern = this.random.pick(["'%a%'", "'a%'", "'%c'", "'_b%'", "'A__'", "'%'", "''", "'%é%'", "'_'", "'x%y'"]);
    if (this.random.chance(0.2)) return expr`${subject} ${not}LIKE ${`'x!${pattern.slice(1)}`} ESCAPE '!'`;
    if (this.random.chance(0.1)) return expr`${not}like(${pattern}, ${subject})`;
    return expr`${subject} ${not}LIKE ${pattern}`;
  }

  private rows(scope: Scope, depth: number): Node {
    const [a, b] = this.choosePair(scope, depth);
    const [c, d] = this.choosePair(scope, depth);
    const left = expr`(${a}, ${c})`;
    if (scope.subqueries > 0 && this.random.chance(0.4)) {
      return this.random.chance(0.5)
        ? expr`${left} ${this.random.chance(0.3) ? 'NOT ' : ''}IN (${this.subqueries.pair(scope)})`
        : expr`${left} ${this.random.pick(['=', '<', '>=', 'IS'])} (${this.subqueries.pair(scope)} LIMIT 1)`;
    }
    if (this.random.chance(0.2)) {
      return expr`${left} BETWEEN (${b}, ${d}) AND (${this.any(scope, 0)}, ${this.any(scope, 0)})`;
    }
    return expr`${left} ${this.random.pick(['=', '<>', '<', '<=', '>', '>=', 'IS', 'IS NOT'])} (${b}, ${d})`;
  }

  // -------------------------------------------------------------------------------------------------- date and time

  private moment(scope: Scope): Node {
    return this.random.chance(0.6) ? this.reference(scope, ['date']) : this.literal('date');
  }

  private modifiers(): Node {
    const chosen = this.random.times(this.random.integer(0, 2), () =>
      this.random.pick([
        ...["'+1 day'", "'-1 month'", "'+1 month'", "'+1 year'", "'-3 hours'", "'+90 minutes'", "'+1.5 seconds'"],
        ...[
          "'start of month'",
          "'start of year'",
          "'start of day'",
          "'weekday 0'",
          "'weekday 3'",
          "'utc'",
          "'localtime'",
        ],
        ...[
          "'unixepoch'",
          "'julianday'",
          "'auto'",
          "'+10 days'",
          "'-0001 years'",
          "'nonsense'",
          "'01:30'",
          "'-02:15:30'",
        ],
      ]),
    );
    return chosen.length === 0 ? {role: 'plain', parts: []} : {role: 'plain', parts: [', ', list(chosen)]};
  }

  private dateNumber(scope: Scope): Node {
    return this.random.chance(0.5)
      ? expr`unixepoch(${this.moment(scope)}${this.modifiers()})`
      : expr`round(julianday(${this.moment(scope)}${this.modifiers()}), 6)`;
  }

  private dateText(scope: Scope): Node {
    const format = this.random.pick([
      ...["'%Y-%m-%d'", "'%H:%M:%S'", "'%j'", "'%w %W'", "'%s'", "'%f'", "'%Y%%%m'", "'%d.%m.%Y %H:%M'", "'%J'"],
    ]);
    return this.random.chance(0.4)
      ? expr`strftime(${format}, ${this.moment(scope)}${this.modifiers()})`
      : expr`${this.random.pick(['date', 'time', 'datetime'])}(${this.moment(scope)}${this.modifiers()})`;
  }

  // -------------------------------------------------------------------------------------------------- JSON

  private document(scope: Scope): Node {
    const chosen = scope.own.filter(({topic}) => topic === 'json');
    if (chosen.length === 0 || this.random.chance(0.4)) return this.literal('json');
    const {node} = this.random.pick(chosen);
    return expr`CASE WHEN json_valid(${node}) THEN ${node} ELSE '{}' END`;
  }

  private path(): string {
    return this.random.pick([
      "'$'",
      "'$.a'",
      "'$.b'",
      "'$[0]'",
      "'$[1]'",
      "'$.b[2].c'",
      "'$.a.b.c[1]'",
      "'$[#-1]'",
      '\'$."e f"\'',
    ]);
  }

  private jsonNumber(scope: Scope): Node {
    return this.choose([
      [2, () => expr`json_array_length(${this.document(scope)})`],
      [1, () => expr`json_array_length(${this.document(scope)}, ${this.path()})`],
      [2, () => expr`json_extract(${this.document(scope)}, ${this.path()})`],
      [1, () => expr`(${this.document(scope)} ->> ${this.path()})`],
    ]);
  }

  private jsonText(scope: Scope, depth: number): Node {
    const value = () =>
      this.choose([
        [2, () => this.reference(scope, NUMERIC)],
        [2, () => expr`CAST(${this.text(scope, depth - 1)} AS TEXT)`],
        [1, () => expr`json(${this.document(scope)})`],
        [1, () => this.literal('small')],
      ]);
    const changed = this.random.pick(['json_insert', 'json_replace', 'json_set']);
    return this.choose([
      [2, () => expr`json(${this.document(scope)})`],
      [2, () => expr`json_extract(${this.document(scope)}, ${this.path()})`],
      [1, () => expr`json_extract(${this.document(scope)}, ${this.path()}, ${this.path()})`],
      [2, () => expr`(${this.document(scope)} -> ${this.random.pick([this.path(), "'a'", '0', '1', '-1'])})`],
      [2, () => expr`(${this.document(scope)} ->> ${this.random.pick([this.path(), "'b'", '0', '1'])})`],
      [1, () => expr`json_type(${this.document(scope)})`],
      [1, () => expr`json_type(${this.document(scope)}, ${this.path()})`],
      [1, () => expr`json_quote(${value()})`],
      [1, () => expr`json_array(${list([value(), value()], ', ', 0)})`],
      [1, () => expr`json_object('k', ${value()}, 'l', ${value()})`],
      [1, () => expr`${changed}(${this.document(scope)}, ${this.path()}, ${value()})`],
      [1, () => expr`json_remove(${this.document(scope)}, ${this.path()})`],
      [1, () => expr`json_patch(${this.document(scope)}, ${this.document(scope)})`],
    ]);
  }
}
