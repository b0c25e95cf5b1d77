/** The columns that a view has, as its query gives them. Layer: sql. */
import {Database} from '../query.js';
import type {Catalog} from '../source.js';
import {quotedName} from '../write/quoted-name.js';

/**
 * Returns the names of a view's columns and the declared types of those that they are, else empty. Throws what is wrong with
 * its query: as in SQLite what a view names may have been dropped.
 */
export function viewColumns(catalog: Catalog, name: string): readonly {readonly name: string; readonly type: string}[] {
  const {describeTable} = catalog;
  const findTable: Catalog['findTable'] = (table, revision) =>
    revision === undefined && describeTable ? describeTable(table) : catalog.findTable(table, revision);
  return new Database({...catalog, findTable}).prepare(`SELECT * FROM ${quotedName(name)}`).columns;
}
