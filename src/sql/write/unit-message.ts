/**
 * The message of a commit that statements make: their text, shortened. Layer: sql.
 */
import {maskSql} from '../../repo/secrets.js';

const LONGEST = 100;

/** Returns the statements of a unit as one line. */
export function shortened(statements: readonly string[]): string {
  let message = '';
  for (const text of statements) {
    message += `${message === '' ? '' : '; '}${maskSql(text)
      .slice(0, LONGEST * 8)
      .replace(/\s+/g, ' ')
      .trim()}`;
    if (message.length > LONGEST) break;
  }
  const characters = [...message];
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join('')}…` : message;
}
