/**
 * What a serializable transaction reads: of each table what it is, rows by ranges of keys, rows by ranges of the entries that
 * they have in an index. A range counts as read as a whole, whether there are rows in it or not. Layer: sql.
 */
import {compareText} from '../../bytes.js';
import {type TableReads, WHOLE_STATE} from '../../repo/opentransaction.js';
import {changeTransaction, type NamedTransaction} from '../../repo/opentransactions.js';
import type {Repository} from '../../repo/repository.js';
import {FILES_TABLE} from '../../state/files.js';
import type {OnFilesRead} from '../../state/stored-files.js';
import type {TreeRange} from '../../tree/read.js';
import {foldName} from '../catalog/names.js';
import type {TreeSource} from '../source.js';
import {RangeSet} from './range-set.js';

const ALL: readonly TreeRange[] = [{}];

interface NotedTable {
  readonly rows: RangeSet;
  readonly indexes: Map<string, RangeSet>;
}

export class ReadTracker {
  private readonly tables = new Map<string, NotedTable>();
  /** What `reads` returned last; undefined if there is more by now. */
  private noted: readonly TableReads[] | undefined;

  constructor(reads: readonly TableReads[] = []) {
    this.noted = reads;
    for (const {table, ranges, indexes} of reads) {
      this.tables.set(table, {
        rows: new RangeSet(ranges),
        indexes: new Map(indexes.map(each => [each.index, new RangeSet(each.ranges)])),
      });
    }
  }

  /** Returns a tracker that goes on with what a transaction has read; undefined for one that is not serializable. */
  static of({transaction}: NamedTransaction): ReadTracker | undefined {
    return transaction.isolation === 'serializable' ? new ReadTracker(transaction.reads) : undefined;
  }

  /** What has been read, by table; the same array as long as nothing new has. */
  get reads(): readonly TableReads[] {
    this.noted ??= [...this.tables]
      .map(([table, {rows, indexes}]) => ({
        table,
        ranges: [...rows.ranges],
        indexes: [...indexes]
          .map(([index, {ranges}]) => ({index, ranges: [...ranges]}))
          .sort((a, b) => compareText(a.index, b.index)),
      }))
      .sort((a, b) => compareText(a.table, b.table));
    return this.noted;
  }

  /** Notes that files were read, by ranges of their keys. */
  readonly noteFiles: OnFilesRead = range => this.noteRows(FILES_TABLE, [range]);

  /** Notes that it was read what tables and views there are, and what each of them is. */
  noteSchema(): void {
    this.table(WHOLE_STATE);
  }

  /** Notes that all of the state was read. */
  noteState(): void {
    this.noteRows(WHOLE_STATE);
  }

  /** Notes that it was read what a table or view is, or that there is none. */
  noteDefinition(name: string): void {
    this.table(name);
  }

  /** Notes that the rows with keys in some ranges were read, or all rows. */
  noteRows(name: string, ranges: readonly TreeRange[] = ALL): void {
    const {rows, indexes} = this.table(name);
    for (const range of ranges) if (rows.add(range)) this.noted = undefined;
    if (rows.isAll) indexes.clear();
  }

  /** Notes that the rows were read whose entries in an index are in some ranges, or all that have one. */
  noteEntries(name: string, index: string, ranges: readonly TreeRange[] = ALL): void {
    const {rows, indexes} = this.table(name);
    if (rows.isAll || ranges.length === 0) return;
    const entries = indexes.get(index) ?? new RangeSet();
    for (const range of ranges) if (entries.add(range)) this.noted = undefined;
    if (entries.ranges.length > 0) indexes.set(index, entries);
  }

  /** Returns what a source tells of the rows that queries read of it. */
  noting(name: string): TreeSource['onRead'] {
    return (index, ranges) => (index ? this.noteEntries(name, index.name, ranges) : this.noteRows(name, ranges));
  }

  private table(name: string): NotedTable {
    const folded = foldName(name);
    let table = this.tables.get(folded);
    if (table === undefined) {
      table = {rows: new RangeSet(), indexes: new Map()};
      this.tables.set(folded, table);
      this.noted = undefined;
    }
    return table;
  }
}

/** Has a transaction know what a command has read in it that is no statement of SQL. Throws REF_MOVED as `changeTransaction`. */
export async function publishReads(repo: Repository, open: NamedTransaction, {reads}: ReadTracker): Promise<void> {
  if (reads !== open.transaction.reads) await changeTransaction(repo, open, {changes: {reads}, description: 'read'});
}
