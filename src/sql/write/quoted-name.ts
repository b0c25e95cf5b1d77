/**
 * Names in texts that are made: plain where that can be, else in double quotes. Layer: sql.
 */

/** Words that mean something where a name is expected. */
const KEYWORDS = new Set(
  (
    'add all alter and as autoincrement between case cast check collate commit constraint create current_date current_time ' +
    'current_timestamp default deferrable delete distinct drop ' +
    'else escape except exists foreign from group having in index insert intersect into is isnull join limit not nothing notnull null on or ' +
    'order primary raise references returning select set table then to transaction union unique update using values when where'
  ).split(' '),
);

/** Returns a name as it can stand in a statement. */
export function quotedName(name: string): string {
  if (/^[a-z_][a-z0-9_$]*$/i.test(name) && !KEYWORDS.has(name.toLowerCase())) return name;
  return `"${name.replaceAll('"', '""')}"`;
}
