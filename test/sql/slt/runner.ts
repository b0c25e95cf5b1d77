/**
 * Runs sqllogictest scripts against an engine and counts. A record is passed, failed, or not run: an engine may not know a
 * kind of statement yet, and then what depends on it tells nothing.
 */
import type {Value} from '../../../src/sql/values/value.js';
import {checkResult, writeResult} from './result.js';
import type {QueryRecord, Script, ScriptRecord} from './script.js';

export type RecordOutcome =
  | {readonly kind: 'rows'; readonly rows: readonly (readonly Value[])[]}
  | {
      readonly kind: 'error';
      readonly message: string /** Whether it came while rows were made. */;
      readonly running: boolean;
    }
  /** A failure that no user should see. */
  | {readonly kind: 'crash'; readonly message: string}
  /** The engine cannot do it yet, or works with a state that is no longer the script's. */
  | {readonly kind: 'not run'; readonly reason: string};

export interface ScriptEngine {
  /** Yields the outcomes of the records of a script, in order, in a database that is empty at first. */
  run(records: readonly ScriptRecord[]): Iterable<RecordOutcome>;
}

export interface Failure {
  readonly script: string;
  readonly record: ScriptRecord;
  readonly message: string;
}

export interface Counts {
  passed: number;
  failed: number;
  /** By reason. */
  readonly notRun: Map<string, number>;
}

export interface ScriptResult extends Counts {
  readonly failures: readonly Failure[];
  /** Queries among those that were passed. */
  readonly queries: number;
}

/** Returns what is wrong with a query's rows; `labels` has the hash of each label so far. */
function checkQuery(
  rows: readonly (readonly Value[])[],
  record: QueryRecord,
  labels: Map<string, string>,
): string | undefined {
  let written: ReturnType<typeof writeResult>;
  try {
    written = writeResult(rows, record);
  } catch (error) {
    return (error as Error).message;
  }
  const wrong = checkResult(written, record);
  if (wrong !== undefined || record.label === undefined) return wrong;
  const same = labels.get(record.label) ?? written.hash;
  labels.set(record.label, same);
  return same === written.hash ? undefined : `another result than before for label ${record.label}`;
}

function judge(record: ScriptRecord, outcome: RecordOutcome, labels: Map<string, string>): string | undefined {
  if (outcome.kind === 'not run') return undefined;
  if (outcome.kind === 'crash') return outcome.message;
  if (outcome.kind === 'error') {
    if (record.kind === 'statement') return record.fails ? undefined : outcome.message;
    // the driver of the original takes a query that fails while it runs for one that ends there
    return outcome.running && record.expected.length === 0 ? undefined : outcome.message;
  }
  if (record.kind === 'query') return checkQuery(outcome.rows, record, labels);
  return record.fails ? 'the statement should have failed' : undefined;
}

export interface RunnerOptions {
  /** Stops at the first failure. */
  readonly stop?: boolean;
  /** Called for each record when it is done. */
  readonly onRecord?: (record: ScriptRecord, outcome: RecordOutcome, wrong: string | undefined) => void;
}

/** Runs a script and returns its counts and failures. */
export function runScript(engine: ScriptEngine, script: Script, options: RunnerOptions = {}): ScriptResult {
  const labels = new Map<string, string>();
  const notRun = new Map<string, number>();
  const failures: Failure[] = [];
  let passed = 0;
  let queries = 0;
  let at = 0;
  for (const outcome of engine.run(script.records)) {
    const record = script.records[at++] as ScriptRecord;
    const wrong = judge(record, outcome, labels);
    options.onRecord?.(record, outcome, wrong);
    if (outcome.kind === 'not run') notRun.set(outcome.reason, (notRun.get(outcome.reason) ?? 0) + 1);
    else if (wrong === undefined) {
      passed++;
      if (record.kind === 'query') queries++;
    } else {
      failures.push({script: script.name, record, message: wrong});
      if (options.stop) break;
    }
  }
  return {passed, failed: failures.length, notRun, failures, queries};
}
