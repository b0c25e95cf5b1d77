/** Keeps secrets out of URLs: those of remotes are recorded and shown. Layer: sync. */
import {DbosError} from '../errors.js';
import {maskText} from '../repo/secrets.js';

/** Throws REMOTE_URL_SECRET for a URL with a password or a token in it. */
export function checkUrlSecret(url: string): void {
  const masked = maskText(url);
  if (masked === url) return;
  throw new DbosError('REMOTE_URL_SECRET', `There is a secret in the URL '${masked}'.`, {
    hint: 'Leave it out, and keep the token with `dbos login URL`, or set DBOS_TOKEN.',
    data: {url: masked},
  });
}
