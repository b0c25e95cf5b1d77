/**
 * What a serializable transaction reads, by table. A table that a statement names counts as read as a whole. Layer: sql.
 */
import {compareText} from '../../bytes.js';
import type {TableReads} from '../../repo/opentransaction.js';
import type {NamedTransaction} from '../../repo/opentransactions.js';

/** All rows of a table. */
const WHOLE = [{gte: null, lt: null}];

export class ReadTracker {
  private noted: readonly TableReads[];

  constructor(
    reads: readonly TableReads[] = [],
    /** Whether what is read matters. */
    private readonly tracks = true,
  ) {
    this.noted = reads;
  }

  /** Returns a tracker that goes on with what a transaction has read; nothing is noted for one that is not serializable. */
  static of({transaction}: NamedTransaction): ReadTracker {
    return new ReadTracker(transaction.reads, transaction.isolation === 'serializable');
  }

  /** What has been read; the same array as long as nothing new has. */
  get reads(): readonly TableReads[] {
    return this.noted;
  }

  /** Notes that a table was read. */
  note(table: string): void {
    if (!this.tracks || this.noted.some(each => each.table === table)) return;
    this.noted = [...this.noted, {table, ranges: WHOLE}].sort((a, b) => compareText(a.table, b.table));
  }
}
