/**
 * Who commits: DBOS_AUTHOR_NAME and DBOS_AUTHOR_EMAIL for one command, else the settings `user.name` and `user.email`,
 * else the user of the operating system. Layer: cli.
 */
import {hostname, userInfo} from 'node:os';
import {DbosError} from '../errors.js';
import type {Identity} from '../repo/context.js';

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A uid without an entry in the user table.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Returns who is at work here, for the operation log. */
export function systemIdentity(): {user: string; host: string} {
  return {user: systemUser(), host: hostname()};
}

const FORBIDDEN = /[<>\u0000-\u001f\u007f]/;

function check(part: 'name' | 'email', value: string): string {
  const trimmed = value.trim();
  if (trimmed === '' || FORBIDDEN.test(trimmed)) {
    throw new DbosError('IDENTITY_INVALID', `${JSON.stringify(value)} is not an author's ${part}.`, {
      hint: `Set one without < > and line breaks: dbos config user.${part} VALUE.`,
    });
  }
  return trimmed;
}

/** Returns the author for a commit; `setting` reads a configuration value. Throws IDENTITY_INVALID. */
export function resolveIdentity(
  env: NodeJS.ProcessEnv,
  setting: (key: 'user.name' | 'user.email') => string | undefined,
): Identity {
  const name = env.DBOS_AUTHOR_NAME || setting('user.name');
  const email = env.DBOS_AUTHOR_EMAIL || setting('user.email');
  return {
    name: check('name', name ?? systemUser()),
    email: check('email', email ?? `${systemUser()}@${hostname()}`),
  };
}

/** Returns the identity that `--author` names as `Name <email>`. Throws IDENTITY_INVALID. */
export function parseIdentity(text: string): Identity {
  const match = /^([^<>]*)<([^<>]*)>\s*$/.exec(text);
  if (match === null) {
    throw new DbosError('IDENTITY_INVALID', `${JSON.stringify(text)} is not an author.`, {
      hint: 'Write an author as: Name <email@example.org>.',
    });
  }
  return {name: check('name', match[1] as string), email: check('email', match[2] as string)};
}
