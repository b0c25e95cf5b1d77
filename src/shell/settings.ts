/**
 * Lines that begin with a dot, as in the sqlite3 shell: what rows look like, and what tables there are. Layer: shell.
 */
import {DbosError} from '../errors.js';
import type {Session} from './session.js';

const MODES = ['table', 'json', 'ndjson', 'csv', 'tsv', 'markdown', 'list', 'line'];

/** Carries out a setting; returns the command of the program that answers it, if one does. Throws USAGE. */
export function setting(
  name: string,
  rest: string,
  session: Session,
  print: (line: string) => void,
): readonly string[] | undefined {
  switch (name) {
    case 'tables':
      return ['table', 'ls'];
    case 'schema':
      return ['schema', ...(rest === '' ? [] : [rest])];
    case 'dump':
      return ['export', ...(rest === '' ? ['--all'] : [rest, '--format', 'sql'])];
    case 'mode':
      if (rest === '') print(session.mode ?? 'as the output is: table on a terminal, ndjson elsewhere');
      else if (MODES.includes(rest)) session.mode = rest;
      else throw new DbosError('USAGE', `There is no mode ${rest}.`, {hint: `It is one of ${MODES.join(', ')}.`});
      return undefined;
    case 'timer':
    case 'timing':
      if (!['', 'on', 'off'].includes(rest))
        throw new DbosError('USAGE', `.${name} does not take ${rest}.`, {hint: 'It takes on or off.'});
      session.timing = rest === '' ? !session.timing : rest === 'on';
      print(`timing is ${session.timing ? 'on' : 'off'}`);
      return undefined;
    default:
      throw new DbosError('USAGE', `There is no setting .${name}.`, {
        hint:
          name === 'import'
            ? '`dbos import FILE --table NAME` imports a table, `dbos query --file FILE` runs a script of SQL.'
            : 'There are .tables, .schema, .dump, .mode and .timing; `help` lists the commands, `exit` leaves.',
      });
  }
}
