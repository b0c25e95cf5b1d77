/**
 * The sqlite3 shell behind the runner of sqllogictest: it shows that the runner itself is right.
 */
import {SQLITE} from '../oracle/sqlite.js';
import type {RecordOutcome, ScriptEngine} from './runner.js';

export const SQLITE_SCRIPTS: ScriptEngine = {
  run(records) {
    const questions = records.map(({sql}) => ({sql}));
    const outcomes = SQLITE.ask([{setup: [], questions}])[0] ?? [];
    return outcomes.map((outcome): RecordOutcome => {
      if (outcome.kind === 'rows') return {kind: 'rows', rows: outcome.rows};
      if (outcome.kind === 'stopped') return {kind: 'error', message: 'stopped', running: true};
      return {kind: 'error', message: outcome.message, running: outcome.kind === 'error' && outcome.running};
    });
  },
};
