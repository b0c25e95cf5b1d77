/**
 * How tables show points in time. Layer: sql.
 */

/**
 * Returns a time (milliseconds since 1970) in UTC as `2025-03-01 14:05:09.250`: text that sorts as the times do, that date
 * functions read, and that compares with what they return.
 */
export function sqlTime(time: number): string {
  return new Date(time).toISOString().slice(0, -1).replace('T', ' ');
}
