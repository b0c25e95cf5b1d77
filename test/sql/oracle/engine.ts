/**
 * What the differential tests know of an engine: tables are loaded, queries are asked, and each gives rows or an error.
 */
import type {Value} from '../../../src/sql/values/value.js';

/** A query with the values of its parameters, each as an SQL literal under its name (`?2`, `:name`, …). */
export interface Question {
  readonly sql: string;
  readonly parameters?: readonly Parameter[];
}

export interface Parameter {
  readonly name: string;
  readonly literal: string;
}

export type Outcome =
  | {
      readonly kind: 'rows';
      /** The names of the columns; undefined where the engine does not tell (the shell without rows). */
      readonly names: readonly string[] | undefined;
      readonly rows: readonly (readonly Value[])[];
    }
  | {
      readonly kind: 'error';
      readonly message: string;
      /** Whether it came while rows were made, and not before. */
      readonly running: boolean;
    }
  /** It took too long. */
  | {readonly kind: 'stopped'}
  /** A failure that no user should see. */
  | {readonly kind: 'crash'; readonly message: string};

/** Statements that make tables, and the questions about them. */
export interface Batch {
  readonly setup: readonly string[];
  readonly questions: readonly Question[];
}

export interface Engine {
  /** Returns for each batch the outcomes of its questions. Each batch begins with an empty database. */
  ask(batches: readonly Batch[]): Outcome[][];
}
