/**
 * The settings of a connection that PRAGMA reads and changes. Layer: sql.
 */
import type {Statement} from '../ast.js';
import {foldName} from '../catalog/names.js';
import type {Value} from '../values/value.js';
import type {Session} from './session.js';

const SWITCHES: Readonly<Record<string, 'foreignKeys' | 'deferForeignKeys' | 'recursiveTriggers'>> = {
  foreign_keys: 'foreignKeys',
  defer_foreign_keys: 'deferForeignKeys',
  recursive_triggers: 'recursiveTriggers',
};

/** Reads or changes a setting, and returns the rows of the statement; undefined for a PRAGMA that is about no setting. */
export function pragma(
  session: Session,
  inTransaction: boolean,
  {name, value}: Statement & {readonly kind: 'pragma'},
): Value[][] | undefined {
  const folded = foldName(name.name.text);
  const setting = Object.hasOwn(SWITCHES, folded) ? SWITCHES[folded] : undefined;
  if (setting === undefined) return undefined;
  if (value === undefined) return [[session[setting] ? 1 : 0]];
  // as in SQLite foreign keys are not switched within a transaction
  if (setting === 'foreignKeys' && inTransaction) return [];
  const written = 'text' in value ? foldName(value.text) : 'value' in value ? value.value : 0;
  session[setting] =
    written === 'on' || written === 'yes' || written === 'true' || (typeof written === 'number' && written !== 0);
  return [];
}
