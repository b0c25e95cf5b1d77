/**
 * The engine of this project behind the runner of sqllogictest.
 */
import {DbosError, isDbosError} from '../../../src/errors.js';
import type {RecordOutcome, ScriptEngine} from './runner.js';
import type {ScriptRecord} from './script.js';
import {NotYet, Session} from './session.js';

function runRecord(session: Session, record: ScriptRecord): RecordOutcome {
  try {
    return {kind: 'rows', rows: session.execute(record.sql)};
  } catch (error) {
    if (error instanceof NotYet) return {kind: 'not run', reason: error.message};
    if (!(error instanceof Error)) throw error;
    // those of the session itself are plain errors; any other is a bug
    const meant = error instanceof DbosError || error.constructor === Error;
    if (!meant) return {kind: 'crash', message: error.stack ?? error.message};
    return {kind: 'error', message: error.message, running: isDbosError(error, 'SQL_VALUE')};
  }
}

export const DATABASE_SCRIPTS: ScriptEngine = {
  *run(records) {
    const session = new Session();
    for (const record of records) yield runRecord(session, record);
  },
};
