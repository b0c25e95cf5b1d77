/** Rows that are imported, whatever the form of the file they come from. Layer: sql. */
import type {Affinity, Value} from '../values/value.js';
import type {ColumnType} from './kinds.js';
import type {ByteSource} from './window.js';

/** Rows that follow each other in a file. */
export interface RowBatch {
  readonly rows: readonly (readonly Value[])[];
  /** For each row the number that it is called by: its line, or its place in the table. */
  readonly lines: readonly number[];
  /** How many bytes of the file have been read. */
  readonly bytes: number;
}

/** A file that rows are read from, with what the user calls it. */
export interface NamedSource extends ByteSource {
  readonly name: string;
}

/** A column of a file. */
export interface FileColumn {
  readonly name: string;
  /** The type that fits what is in the column. */
  readonly type: ColumnType;
}

export interface RowSource {
  /** What a row is called: `Line 7`. */
  readonly unit: 'Line' | 'Row';
  /** Reads names only where that is enough, and the types of all columns where `types` says so; yields the bytes read. */
  readonly inspect: (types: boolean) => Generator<number, readonly FileColumn[], undefined>;
  /**
   * Yields the rows: for each column that has an affinity here its value, as it is stored by a column of that affinity. Throws
   * IMPORT_INVALID for what cannot be read.
   */
  readonly batches: (affinities: readonly (Affinity | undefined)[]) => Generator<RowBatch, void, undefined>;
}
