/** Tokens as JSON for scripts and as lines for people; never with a secret. Layer: cli. */
import type {Token} from '../sync/tokens.js';
import type {Style} from './style.js';
import {alignRows} from './table.js';
import {isoTime, relativeTime} from './time.js';

/** Returns a token as scripts get it. */
export function tokenJson({name, id, role, branches, created, expires}: Token, now: number): object {
  return {
    name,
    id,
    role,
    branches: branches ?? null,
    created: isoTime(created),
    expires: expires === undefined ? null : isoTime(expires),
    expired: expires !== undefined && expires <= now,
  };
}

/** Returns a line for each token: name, role, branches, and until when it is good. */
export function tokenLines(tokens: readonly Token[], now: number, style: Style): string[] {
  return alignRows(
    tokens.map(({name, role, branches, expires}) => [
      style.green(name),
      role,
      branches?.join(' ') ?? style.dim('all branches'),
      expiry(expires, now, style),
    ]),
  );
}

function expiry(expires: number | undefined, now: number, style: Style): string {
  if (expires === undefined) return style.dim('never expires');
  const distance = relativeTime(expires, now);
  return expires <= now ? style.red(`expired ${distance}`) : `expires ${distance}`;
}
