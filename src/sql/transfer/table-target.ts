/**
 * The table that rows are imported into: made for them, or there before. Errors name the row of the file and its key.
 * Layer: sql.
 */
import {DbosError, isDbosError} from '../../errors.js';
import {foldName} from '../catalog/names.js';
import type {TableColumn, TableDefinition} from '../catalog/table-definition.js';
import type {Affinity, Value} from '../values/value.js';
import {quotedName} from '../write/quoted-name.js';
import type {WritableDatabase} from '../write/writable-database.js';
import type {FileColumn, RowBatch, RowSource} from './row-source.js';
import {valueText} from './value-text.js';

/** What becomes of a table that is there already. */
export type Existing = 'refuse' | 'append' | 'update' | 'replace';

/** A value in a message is cut after so many characters. */
const SHOWN = 60;

/** Returns the table or view of a name, or undefined. */
export function findTable(database: WritableDatabase, name: string): TableDefinition | undefined {
  const found = database.schemas.main.find(name);
  if (found?.kind !== 'view') return found?.definition;
  throw new DbosError('TABLE_EXISTS', `${name} is a view.`, {hint: 'Choose another name: --table NAME.'});
}

/** Throws TABLE_EXISTS. */
export function refuseExisting(name: string): never {
  throw new DbosError('TABLE_EXISTS', `There is a table ${name} already.`, {
    hint: 'Give --append to add rows, --update to change rows by key too, --replace to replace its contents, or --table NAME.',
    data: {table: name},
  });
}

/** Returns the CREATE TABLE statement for the columns of a file. Throws COLUMN_UNKNOWN for a key that they do not have. */
export function createStatement(name: string, columns: readonly FileColumn[], key: readonly string[]): string {
  const keys = key.map(each => columnNamed(columns, each).name);
  const single = keys.length === 1;
  const lines = columns.map(column => {
    const type = column.type === '' ? '' : ` ${column.type}`;
    return `  ${quotedName(column.name)}${type}${single && column.name === keys[0] ? ' PRIMARY KEY' : ''}`;
  });
  if (keys.length > 1) lines.push(`  PRIMARY KEY (${keys.map(quotedName).join(', ')})`);
  return `CREATE TABLE ${quotedName(name)} (\n${lines.join(',\n')}\n)`;
}

function columnNamed(columns: readonly FileColumn[], name: string): FileColumn {
  const found = columns.find(column => foldName(column.name) === foldName(name));
  if (found) return found;
  throw new DbosError('COLUMN_UNKNOWN', `The file has no column ${name}.`, {
    hint: `It has ${columns
      .slice(0, 12)
      .map(column => column.name)
      .join(', ')}.`,
  });
}

export class TableTarget {
  /** For each column of the file the affinity with which it is stored; undefined if the table computes it. */
  readonly affinities: readonly (Affinity | undefined)[];
  /** The columns that the values of a row go into. */
  private readonly columns: readonly TableColumn[];
  /** The columns that are named in messages. */
  private readonly key: readonly string[];

  /** `names` are the columns of the file. Throws COLUMN_UNKNOWN for one that the table does not have. */
  constructor(
    private readonly database: WritableDatabase,
    private readonly table: TableDefinition,
    names: readonly string[],
    private readonly unit: RowSource['unit'],
  ) {
    const found = names.map(name => tableColumn(table, name, names.length === 1));
    this.columns = found.filter(column => column.generated === undefined);
    this.affinities = found.map(column => (column.generated === undefined ? column.affinity : undefined));
    this.key = table.key.map(({column}) => (table.columns[column] as TableColumn).name);
  }

  /** Returns the statement that puts a row into the table; `rowid` names the rowid if rows begin with one. */
  insertStatement(update: readonly string[] | undefined, rowid?: string): string {
    const {table, columns} = this;
    const names = columns.map(({name}) => name);
    const all = [...(rowid === undefined ? [] : [rowid]), ...names.map(quotedName)];
    const insert = `INSERT INTO ${quotedName(table.name)} (${all.join(', ')}) VALUES (${all.map(() => '?').join(', ')})`;
    if (update === undefined) return insert;
    const key = update.length > 0 ? update : this.key;
    if (key.length === 0) {
      throw new DbosError('USAGE', `The table ${table.name} has no primary key to update by.`, {
        hint: 'Name the columns of a unique index: --key NAME[,NAME].',
      });
    }
    const missing = key.find(each => !names.some(name => foldName(name) === foldName(each)));
    if (missing !== undefined) {
      throw new DbosError('COLUMN_UNKNOWN', `The file has no column ${missing}, which is part of the key.`, {
        hint: 'Each row needs its key.',
      });
    }
    const others = names.filter(name => !key.some(each => foldName(each) === foldName(name)));
    const set = others.map(name => `${quotedName(name)} = excluded.${quotedName(name)}`);
    const action = set.length === 0 ? 'NOTHING' : `UPDATE SET ${set.join(', ')}`;
    return `${insert} ON CONFLICT (${key.map(quotedName).join(', ')}) DO ${action}`;
  }

  /**
   * Runs the statement for all rows, as one; `pace` is called between batches. Throws what a row breaks, with its place in the
   * file; the rows are read again for that.
   */
  async insert(
    statement: string,
    rows: () => Iterable<RowBatch>,
    pace: (rows: number, bytes: number) => Promise<void>,
  ): Promise<number> {
    let count = 0;
    const paced = async function* () {
      for (const batch of rows()) {
        yield batch.rows;
        count += batch.rows.length;
        await pace(count, batch.bytes);
      }
    };
    try {
      await this.database.insertMany(statement, paced());
    } catch (error) {
      const row = isDbosError(error) ? error.data.row : undefined;
      throw typeof row === 'number' ? this.placed(error as DbosError, rows(), row) : error;
    }
    return count;
  }

  private placed(error: DbosError, batches: Iterable<RowBatch>, row: number): DbosError {
    let before = 0;
    for (const {rows, lines} of batches) {
      const values = rows[row - before];
      if (values !== undefined) return this.atLine(error, lines[row - before] as number, values);
      before += rows.length;
    }
    return error;
  }

  private atLine({code, message, hint, data, cause}: DbosError, line: number, values: readonly Value[]): DbosError {
    const {table, unit} = this;
    const {position: _position, excerpt: _excerpt, from: _from, to: _to, row: _row, ...facts} = data;
    // the message names the columns of what must be unique; else the key tells which row it is
    const named = new Set(
      message
        .slice(message.indexOf(': ') + 2)
        .replace(/\.$/, '')
        .split(', '),
    );
    const concerned = this.columns.filter(({name}) => named.has(`${table.name}.${name}`));
    const shown = concerned.length > 0 ? concerned : this.columns.filter(({name}) => this.key.includes(name));
    // a rowid may stand before the columns
    const shift = values.length - this.columns.length;
    const parts = shown.map(column => {
      const value = values[this.columns.indexOf(column) + shift] ?? null;
      return `${column.name} = ${shortened(value === null ? 'NULL' : valueText(value))}`;
    });
    const which = parts.length === 0 ? '' : ` (${parts.join(', ')})`;
    const unique = message.startsWith('UNIQUE');
    return new DbosError(code, `${unit} ${line}: ${message.replace(/\.$/, '')}${which}.`, {
      ...(unique
        ? {hint: 'Remove the row that is twice, or give --update to take the last one of each key.'}
        : hint !== undefined && {hint}),
      data: {...facts, [unit.toLowerCase()]: line},
      cause,
    });
  }
}

function tableColumn(table: TableDefinition, name: string, only: boolean): TableColumn {
  const found = table.columns.find(column => foldName(column.name) === foldName(name));
  if (found) return found;
  const separator = only ? /[;\t|]/.exec(name)?.[0] : undefined;
  throw new DbosError('COLUMN_UNKNOWN', `The table ${table.name} has no column ${name}, which the file has.`, {
    hint:
      separator === undefined
        ? `It has ${table.columns
            .slice(0, 12)
            .map(column => column.name)
            .join(', ')}.`
        : `Give --separator ${separator === '\t' ? 'tab' : `'${separator}'`} if that stands between the names.`,
    data: {table: table.name, column: name},
  });
}

function shortened(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
