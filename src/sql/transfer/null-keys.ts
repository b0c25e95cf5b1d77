/**
 * Primary keys that are NULL, which SQLite allows for historical reasons where the key is not the rowid; here no key is NULL.
 * Such a table is made with UNIQUE in the place of PRIMARY KEY, which is what SQLite makes of it. Layer: sql.
 */
import type {TableDefinition} from '../catalog/table-definition.js';
import {Lexer} from '../parser/lexer.js';
import {K, T} from '../parser/token.js';
import {quotedName} from '../write/quoted-name.js';
import type {SqliteDatabase} from './sqlite-file.js';

/** Returns whether a table of a file has a row whose primary key is NULL, in part. */
export function hasNullKeys(
  database: SqliteDatabase,
  {name, key, columns, rowid, withoutRowid}: TableDefinition,
): boolean {
  if (rowid.kind !== 'none' || withoutRowid) return false;
  const conditions = key.map(({column}) => `${quotedName(columns[column]?.name ?? '')} IS NULL`);
  return database.get(`SELECT 1 FROM ${quotedName(name)} WHERE ${conditions.join(' OR ')} LIMIT 1`) !== null;
}

/** Returns a CREATE TABLE statement with UNIQUE in the place of PRIMARY KEY. */
export function withoutPrimaryKey(sql: string): string {
  const lexer = new Lexer(sql, 0);
  const next = (): number => {
    lexer.scan();
    return lexer.kind;
  };
  for (let kind = next(); kind !== T.end; kind = next()) {
    if (kind !== K.PRIMARY) continue;
    const {from} = lexer;
    if (next() === K.KEY) return `${sql.slice(0, from)}UNIQUE${sql.slice(lexer.to)}`;
  }
  return sql;
}
