/**
 * Random scripts that define tables and change their rows: keys, constraints, conflicts, indexes, upserts, triggers, foreign
 * keys, transactions. What is known to differ from sqlite3 on purpose is not written: see docs/sql.md.
 */
import type {Random} from '../oracle/random.js';

interface Column {
  readonly name: string;
  readonly generated: boolean;
}

interface Table {
  readonly name: string;
  readonly columns: Column[];
  /** Columns that an upsert can name. */
  readonly unique: string[][];
  readonly key: readonly string[];
  readonly view: boolean;
}

/** A script: statements in order, the last ones look at all that there is. */
export interface Script {
  readonly statements: readonly string[];
}

const TYPES = ['INTEGER', 'TEXT', 'INT', '', 'NUMERIC', 'BLOB', 'VARCHAR(9)'];
const CONFLICTS = ['ROLLBACK', 'ABORT', 'FAIL', 'IGNORE', 'REPLACE'];
const ACTIONS = ['CASCADE', 'SET NULL', 'SET DEFAULT', 'RESTRICT', 'NO ACTION'];

class Writer {
  readonly statements: string[] = [];
  private readonly tables: Table[] = [];
  private names = 0;
  private triggers = 99;
  private readonly indexes: string[] = [];
  private readonly triggerNames: string[] = [];
  private depth = 0;

  constructor(private readonly random: Random) {}

  write(): Script {
    const {random, statements} = this;
    const tables = random.integer(1, 3);
    for (let i = 0; i < tables; i++) this.createTable();
    for (let i = random.integer(0, 2); i > 0; i--) this.createIndex();
    for (let i = random.integer(2, 5); i > 0; i--) this.insert();
    if (random.chance(0.25)) this.createView();
    for (let i = random.chance(0.6) ? random.integer(1, 3) : 0; i > 0; i--) this.createTrigger();
    for (let i = random.integer(4, 12); i > 0; i--) this.statement();
    while (this.depth > 0) {
      this.depth--;
      statements.push('COMMIT');
    }
    statements.push('ROLLBACK');
    for (const {name} of this.tables) statements.push(`SELECT * FROM ${name}`);
    statements.push(
      "SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite_autoindex%' AND name <> 'files' ORDER BY 1, 2",
    );
    // what a trigger changed before it failed is counted in ways that are not followed
    statements.push(`SELECT ${this.triggerNames.length > 0 ? '' : 'total_changes(), '}last_insert_rowid()`);
    return {statements};
  }

  // ------------------------------------------------------------------------------------------------ definitions

  private conflict(probability: number): string {
    return this.random.chance(probability) ? ` ON CONFLICT ${this.random.pick(CONFLICTS)}` : '';
  }

  private createTable(): void {
    const {random} = this;
    const name = `t${this.names++}`;
    const columns: Column[] = [];
    const parts: string[] = [];
    const unique: string[][] = [];
    let key: string[] = [];
    const style = random.pick(['rowid', 'rowid', 'integer', 'integer', 'auto', 'without', 'composite']);
    const strict = random.chance(0.12);
    const add = (text: string, generated = false): string => {
      const column = String.fromCharCode(97 + columns.length);
      columns.push({name: column, generated});
      parts.push(`${column} ${text}`);
      return column;
    };
    if (style === 'integer' || style === 'auto') {
      const first = add(`INTEGER PRIMARY KEY${style === 'auto' ? ' AUTOINCREMENT' : this.conflict(0.2)}`);
      key = [first];
      unique.push([first]);
    } else if (style === 'without') {
      const first = add(`${random.pick(['INT', 'TEXT', 'INTEGER'])} PRIMARY KEY${this.conflict(0.2)}`);
      key = [first];
      unique.push([first]);
    } else if (style === 'composite')
      key = [add(strict ? 'INT' : random.pick(TYPES)), add(strict ? 'TEXT' : random.pick(TYPES))];
    const more = random.integer(1, 4);
    for (let i = 0; i < more; i++) {
      if (!strict && columns.length > 1 && random.chance(0.12)) {
        const other = random.pick(columns.filter(column => !column.generated)).name;
        add(
          `AS (${random.pick([`${other} || '!'`, `${other} + 1`, `length(${other})`, `coalesce(${other}, 0)`])}) ${random.pick(['STORED', 'VIRTUAL'])}`,
          true,
        );
        continue;
      }
      const type = strict ? random.pick(['INT', 'TEXT', 'ANY', 'INTEGER', 'BLOB']) : random.pick(TYPES);
      let text = type;
      const letter = String.fromCharCode(97 + columns.length);
      if (random.chance(0.25)) text += ` DEFAULT ${random.pick(['7', "'d'", 'NULL', '(1+2)', '-1'])}`;
      if (random.chance(0.2)) text += ` NOT NULL${this.conflict(0.4)}`;
      if (random.chance(0.2)) {
        text += ` UNIQUE${this.conflict(0.35)}`;
        unique.push([letter]);
      }
      if (random.chance(0.15))
        text += ` CHECK (${letter} ${random.pick(['<> 3', "<> 'x'", 'IS NOT 5', '> -3', 'IN (1, 2, 3, NULL)'])})`;
      if (random.chance(0.15)) text += ` COLLATE ${random.pick(['NOCASE', 'BINARY', 'RTRIM'])}`;
      const parent = this.tables.length > 0 && random.chance(0.35) ? random.pick(this.tables) : undefined;
      if (parent && !parent.view && parent.unique.length > 0) text += ` ${this.references(parent)}`;
      else if (key.length === 1 && random.chance(0.12))
        text += ` REFERENCES ${name}(${key[0]})${random.pick(['', ' ON DELETE CASCADE', ' ON UPDATE CASCADE'])}`;
      add(text);
    }
    if (style === 'composite') {
      parts.push(
        `PRIMARY KEY (${key.map(each => `${each}${random.chance(0.2) ? ' DESC' : ''}`).join(', ')})${this.conflict(0.2)}`,
      );
      unique.push(key);
    }
    const plain = columns.filter(column => !column.generated).map(column => column.name);
    if (plain.length > 1 && random.chance(0.2)) {
      const pair = [plain[plain.length - 1] as string, plain[plain.length - 2] as string];
      parts.push(`UNIQUE (${pair.join(', ')})${this.conflict(0.3)}`);
      // sqlite3 does not find an index that has the rowid in it
      if (!pair.includes('a') || style === 'without' || style === 'rowid') unique.push(pair);
    }
    if (random.chance(0.1))
      parts.push(
        `CONSTRAINT sum CHECK (${plain.join(" || '') <> (")} IS NOT 'q')`.replace(/\|\| ''\) <> \(/g, 'IS NOT '),
      );
    const options = [
      ...(style === 'without' || style === 'composite' ? ['WITHOUT ROWID'] : []),
      ...(strict ? ['STRICT'] : []),
    ];
    this.statements.push(
      `CREATE TABLE ${name}(${parts.join(', ')})${options.length > 0 ? ` ${options.join(', ')}` : ''}`,
    );
    this.tables.push({name, columns, unique, key, view: false});
  }

  private references(parent: Table): string {
    const target = this.random.pick(parent.unique);
    return `REFERENCES ${parent.name}(${target[0]})${this.actions()}`;
  }

  private actions(): string {
    const {random} = this;
    let text = '';
    if (random.chance(0.6)) text += ` ON DELETE ${random.pick(ACTIONS)}`;
    if (random.chance(0.6)) text += ` ON UPDATE ${random.pick(ACTIONS)}`;
    if (random.chance(0.3)) text += ' DEFERRABLE INITIALLY DEFERRED';
    return text;
  }

  private createIndex(): void {
    const {random} = this;
    const table = random.pick(this.tables);
    const name = `i${this.names++}`;
    const columns = random.sample(table.columns, random.integer(1, 2)).map(column => column.name);
    const isUnique = random.chance(0.4);
    const terms = columns.map(column =>
      random.chance(0.15)
        ? `lower(${column})`
        : `${column}${random.chance(0.2) ? ' COLLATE NOCASE' : ''}${random.chance(0.2) ? ' DESC' : ''}`,
    );
    const where = random.chance(0.25) ? ` WHERE ${columns[0]} ${random.pick(['IS NOT NULL', '> 2', "<> 'x'"])}` : '';
    this.statements.push(
      `CREATE ${isUnique ? 'UNIQUE ' : ''}INDEX ${name} ON ${table.name}(${terms.join(', ')})${where}`,
    );
    this.indexes.push(name);
    if (isUnique && where === '' && !columns.includes('a')) table.unique.push(columns);
  }

  private createView(): void {
    const table = this.random.pick(this.tables);
    const name = `v${this.names++}`;
    const columns = table.columns.map(column => column.name);
    this.statements.push(`CREATE VIEW ${name} AS SELECT ${columns.join(', ')} FROM ${table.name}`);
    this.tables.push({
      name,
      columns: columns.map(each => ({name: each, generated: false})),
      unique: [],
      key: table.key,
      view: true,
    });
  }

  private createTrigger(): void {
    const {random} = this;
    const table = random.pick(this.tables);
    const event = random.pick(['INSERT', 'UPDATE', 'DELETE']);
    const rows = event === 'INSERT' ? ['new'] : event === 'DELETE' ? ['old'] : ['new', 'old'];
    const column = () => `${random.pick(rows)}.${random.pick(table.columns).name}`;
    const of = event === 'UPDATE' && random.chance(0.3) ? ` OF ${random.pick(table.columns).name}` : '';
    const when = random.chance(0.4)
      ? ` WHEN ${column()} ${random.pick(['IS NOT NULL', '<> 4', "= 'x'", '> 1', 'IS NULL'])}`
      : '';
    const others = this.tables.filter(each => !each.view);
    const steps: string[] = [];
    for (let i = random.integer(1, 2); i > 0; i--) {
      const target = random.pick(others);
      const [first] = target.columns.filter(each => !each.generated);
      const set = random.pick(target.columns.filter(each => !each.generated)).name;
      const match = target.key[0] ?? first?.name;
      const kind = random.integer(0, 9);
      if (kind < 4) {
        const names = target.columns.filter(each => !each.generated).map(each => each.name);
        steps.push(
          `INSERT${random.chance(0.4) ? ` OR ${random.pick(['IGNORE', 'REPLACE', 'ABORT'])}` : ''} INTO ${target.name}(${names.join(', ')}) VALUES (${names.map(() => (random.chance(0.6) ? column() : this.value())).join(', ')})`,
        );
      } else if (kind < 6)
        steps.push(
          `UPDATE ${target.name} SET ${set} = ${random.chance(0.5) ? column() : this.value()} WHERE ${match} = ${column()}`,
        );
      else if (kind < 8) steps.push(`DELETE FROM ${target.name} WHERE ${match} = ${column()}`);
      else if (kind < 9)
        steps.push(
          `SELECT RAISE(${random.pick(['IGNORE', "ABORT, 'stop'", "FAIL, 'failed'", "ROLLBACK, 'back'"])}) WHERE ${column()} = ${this.value()}`,
        );
      else steps.push(`SELECT ${column()}`);
    }
    const time = table.view ? 'INSTEAD OF' : random.pick(['BEFORE', 'AFTER', 'AFTER']);
    // the newest fires first in sqlite3, the first by name here
    const name = `z${String(this.triggers--).padStart(2, '0')}`;
    this.triggerNames.push(name);
    this.statements.push(
      `CREATE TRIGGER ${name} ${time} ${event}${of} ON ${table.name}${when} BEGIN ${steps.join('; ')}; END`,
    );
  }

  // ------------------------------------------------------------------------------------------------ changes

  private value(): string {
    const {random} = this;
    return random.pick([
      'NULL',
      '0',
      '1',
      '1',
      '2',
      '2',
      '3',
      '4',
      '5',
      '-2',
      "'x'",
      "'X'",
      "'y'",
      "'x '",
      "'1'",
      "'2'",
      '2.5',
      "x'41'",
      "''",
      '9',
    ]);
  }

  private statement(): void {
    const {random} = this;
    const kind = random.integer(0, 99);
    if (kind < 42) this.insert();
    else if (kind < 64) this.update();
    else if (kind < 76) this.delete();
    else if (kind < 82) this.begin();
    else if (kind < 88) this.end();
    else if (kind < 90) this.createIndex();
    else if (kind < 92) this.createTrigger();
    else if (kind < 94 && this.indexes.length > 0) this.statements.push(`DROP INDEX ${random.pick(this.indexes)}`);
    else if (kind < 95 && this.triggerNames.length > 0)
      this.statements.push(`DROP TRIGGER ${random.pick(this.triggerNames)}`);
    else if (kind < 96) this.statements.push(`DROP TABLE ${random.pick(this.tables).name}`);
    else if (kind < 97)
      this.statements.push(`CREATE TABLE ${`c${this.names++}`} AS SELECT * FROM ${random.pick(this.tables).name}`);
    else if (kind < 98) this.statements.push('REINDEX');
    else this.statements.push(`SELECT count(*), changes() FROM ${random.pick(this.tables).name}`);
  }

  private or(probability: number): string {
    return this.random.chance(probability) ? ` OR ${this.random.pick(CONFLICTS)}` : '';
  }

  private insert(): void {
    const {random} = this;
    const table = random.pick(this.tables);
    let columns = table.columns.filter(column => !column.generated).map(column => column.name);
    const named = random.chance(0.4);
    if (named && columns.length > 1) columns = random.sample(columns, random.integer(1, columns.length));
    const list = named ? `(${columns.join(', ')})` : '';
    if (random.chance(0.05)) {
      this.statements.push(`INSERT INTO ${table.name} DEFAULT VALUES`);
      return;
    }
    const source = random.pick(this.tables);
    let rows: string;
    if (random.chance(0.15)) {
      const terms = columns.map(() => (random.chance(0.6) ? random.pick(source.columns).name : this.value()));
      rows = `SELECT ${terms.join(', ')} FROM ${source.name} WHERE 1 ORDER BY ${source.columns.map(column => column.name).join(', ')} LIMIT 4`;
    } else
      rows = `VALUES ${Array.from({length: random.integer(1, 3)}, () => `(${columns.map(() => this.value()).join(', ')})`).join(', ')}`;
    const verb = random.chance(0.1) ? 'REPLACE' : `INSERT${this.or(0.25)}`;
    let upsert = '';
    if (!table.view && verb === 'INSERT' && random.chance(0.2)) {
      const target = table.unique.length > 0 && random.chance(0.8) ? ` (${random.pick(table.unique).join(', ')})` : '';
      const set = random.pick(columns);
      const update = `UPDATE SET ${set} = ${random.pick([`excluded.${random.pick(columns)}`, this.value(), `${table.name}.${set}`])}${random.chance(0.3) ? ` WHERE ${table.name}.${set} IS NOT excluded.${set}` : ''}`;
      upsert = ` ON CONFLICT${target} DO ${target !== '' && random.chance(0.7) ? update : 'NOTHING'}`;
    }
    // sqlite3 takes RETURNING for a trigger of a view
    const returning =
      !table.view && random.chance(0.15) ? ` RETURNING ${random.pick(['*', table.columns[0]?.name ?? '*'])}` : '';
    this.statements.push(`${verb} INTO ${table.name}${list} ${rows}${upsert}${returning}`);
  }

  private condition(table: Table): string {
    const {random} = this;
    const {name} = random.pick(table.columns);
    return random.pick([
      `${name} = ${this.value()}`,
      `${name} > ${this.value()}`,
      `${name} IS NULL`,
      `${name} IN (${this.value()}, ${this.value()})`,
      `length(${name}) < 2`,
      '1',
    ]);
  }

  private update(): void {
    const {random} = this;
    const table = random.pick(this.tables);
    const plain = table.columns.filter(column => !column.generated).map(column => column.name);
    const sets = random.sample(plain, random.integer(1, 2)).map(column => {
      const other = random.pick(table.columns).name;
      return `${column} = ${random.pick([this.value(), this.value(), `${column} + 1`, other, `${column} || 'x'`, `coalesce(${other}, 1)`])}`;
    });
    const others = this.tables.filter(each => each.name !== table.name && !each.view);
    const from = !table.view && others.length > 0 && random.chance(0.06) ? random.pick(others) : undefined;
    const where = random.chance(0.75)
      ? ` WHERE ${this.condition(table).replace(/^([a-h])\b/, `${table.name}.$1`)}`
      : '';
    const returning = !table.view && random.chance(0.12) ? ' RETURNING *' : '';
    // which index sqlite3 takes would decide the order of the rows
    const plainly = table.view ? '' : ' NOT INDEXED';
    const joined =
      from === undefined ? '' : ` FROM (SELECT ${from.columns[0]?.name} AS q FROM ${from.name} ORDER BY 1 LIMIT 1)`;
    if (joined !== '') {
      this.statements.push(
        `UPDATE${this.or(0.2)} ${table.name}${plainly} SET ${plain[plain.length - 1]} = q${joined}${where.replace('length(', `length(${table.name}.`)}`,
      );
      return;
    }
    this.statements.push(`UPDATE${this.or(0.25)} ${table.name}${plainly} SET ${sets.join(', ')}${where}${returning}`);
  }

  private delete(): void {
    const {random} = this;
    const table = random.pick(this.tables);
    const where = random.chance(0.85) ? ` WHERE ${this.condition(table)}` : '';
    const returning = !table.view && random.chance(0.12) ? ' RETURNING *' : '';
    this.statements.push(`DELETE FROM ${table.name}${table.view ? '' : ' NOT INDEXED'}${where}${returning}`);
  }

  private begin(): void {
    this.statements.push(this.random.pick(['BEGIN', 'SAVEPOINT s1', 'SAVEPOINT s2', 'BEGIN']));
    this.depth++;
  }

  private end(): void {
    this.statements.push(
      this.random.pick([
        'COMMIT',
        'ROLLBACK',
        'ROLLBACK TO s1',
        'RELEASE s1',
        'ROLLBACK TO s2',
        'RELEASE s2',
        'COMMIT',
      ]),
    );
  }
}

/** Returns a random script. */
export function randomScript(random: Random): Script {
  return new Writer(random).write();
}
