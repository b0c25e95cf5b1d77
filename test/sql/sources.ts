/** Reads sources and table functions as plain rows, as a query that has no conditions would. */
import {columnReader} from '../../src/sql/catalog/table-diff.js';
import {answer, type Catalog, type Source} from '../../src/sql/source.js';
import type {Value} from '../../src/sql/values/value.js';
import {scanRows, type TreeRange} from '../../src/tree/read.js';

/** Returns the rows of a source; of a tree, those of some ranges. */
export function readRows(source: Source | undefined, ranges: readonly TreeRange[] = [{}]): Value[][] {
  if (source === undefined || source.kind === 'view') throw new Error('no table');
  if (source.kind === 'rows') return Array.from(source.scan(), row => [...row]);
  const columns = [...source.columns.keys()];
  const read = columnReader(source, columns);
  const rows: Value[][] = [];
  for (const range of ranges) {
    for (const row of scanRows(source.reader, source.spec, source.root, range)) {
      const values = new Array<Value>(columns.length);
      read(row, () => true, values, 0);
      rows.push(values);
    }
  }
  return rows;
}

export type Named = Readonly<Record<string, Value>>;

function named(columns: readonly {readonly name: string}[], rows: readonly (readonly Value[])[]): Named[] {
  return rows.map(row => Object.fromEntries(columns.map(({name}, i) => [name, row[i] as Value])));
}

/** Returns the rows of a table of a catalog, by the names of their columns. */
export async function table(catalog: Catalog, name: string, revision?: string): Promise<Named[]> {
  const source = await answer(() => catalog.findTable(name, revision));
  if (source === undefined || source.kind === 'view') throw new Error(`no table ${name}`);
  return named(source.columns, readRows(source));
}

/** Returns the rows of a call of a table function, by the names of their columns. */
export async function call(catalog: Catalog, name: string, ...args: Value[]): Promise<Named[]> {
  const called = catalog.findFunction(name);
  if (called === undefined) throw new Error(`no function ${name}`);
  const bound = await answer(() => called.bind(args));
  return named(
    bound.columns,
    Array.from(bound.call(args), row => [...row]),
  );
}

/** Returns some columns of rows. */
export function pick(rows: readonly Named[], ...names: string[]): Value[][] {
  return rows.map(row => names.map(name => row[name] as Value));
}
