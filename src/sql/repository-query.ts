/**
 * Queries on a repository: `repo.query()`. Layer: sql.
 */
import {Repository} from '../repo/repository.js';
import {nodesOf} from '../tree/nodes.js';
import {type CatalogOptions, repositoryCatalog} from './catalog/repository-catalog.js';
import {Database, type Parameters, type RunOptions} from './query.js';
import {toPlain} from './values/convert.js';

/** A value as JavaScript knows it: INTEGER is a number, or a bigint beyond ±(2⁵³ − 1); REAL a number. */
export type PlainValue = null | number | bigint | string | Uint8Array;

export interface QueryOptions extends CatalogOptions, RunOptions {}

/** Returns the tables of a repository as a database. The repository must stay open while it is read. */
export function databaseOf(repo: Repository, options: CatalogOptions = {}): Database {
  nodesOf(repo.objects).widen();
  const {now, zone} = repo.context;
  return new Database(repositoryCatalog(repo, options), {now, zone});
}

declare module '../repo/repository.js' {
  interface Repository {
    /**
     * Yields the rows of a query as objects, keyed by the names of the columns; of two columns with one name the last one
     * counts. Throws errors of SQL, which say where the text is wrong, and those of `Statement.batches`.
     */
    query(
      sql: string,
      parameters?: Parameters,
      options?: QueryOptions,
    ): AsyncGenerator<Record<string, PlainValue>, void, undefined>;
  }
}

Repository.prototype.query = async function* (sql, parameters, options = {}) {
  const statement = await databaseOf(this, options).statement(sql, parameters);
  for (const batch of statement.batches(parameters, options)) {
    for (const row of batch) {
      yield Object.fromEntries(statement.columns.map(({name}, index) => [name, toPlain(row[index] ?? null)]));
    }
  }
};
