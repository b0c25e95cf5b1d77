/** The tokens that a user keeps for other stores, and secrets that URLs must not have. */
import {readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {DbosError, type ErrorCode} from '../../src/errors.js';
import type {RepoContext} from '../../src/repo/context.js';
import {normalUrl} from '../../src/sync/connect.js';
import {
  credentialUrl,
  findCredential,
  forgetCredential,
  isExposed,
  keepCredential,
} from '../../src/sync/credentials.js';
import {addRemote, setRemoteUrl} from '../../src/sync/remotes.js';
import {Clock, testContext} from '../support/repo.js';
import {bareStore} from '../support/sync.js';
import {makeTmpDir} from '../support/tmp.js';

/** Returns the text of a token, another one for each letter. */
function tokenText(letter: string): string {
  return `dbos_${letter.repeat(16)}_${letter.repeat(52)}`;
}

function makeUser(t: ExecutionContext, changes: Partial<RepoContext> = {}) {
  const folder = makeTmpDir(t);
  const context = testContext(new Clock(), {userConfig: join(folder, 'dbos', 'config.json'), ...changes});
  return {folder: join(folder, 'dbos', 'credentials'), context};
}

function errorOf(work: () => unknown): DbosError {
  try {
    work();
  } catch (error) {
    if (error instanceof DbosError) return error;
  }
  throw new Error('no error');
}

test('a token is kept for a server or a store there, and found by the longest that fits', t => {
  const {context, folder} = makeUser(t);
  t.is(findCredential(context, 'https://h/a'), undefined);
  t.is(keepCredential(context, 'HTTPS://H:443/', tokenText('a')), 'https://h');
  keepCredential(context, 'https://h/team/one/', tokenText('b'));
  keepCredential(context, 'http://h', tokenText('c'));
  keepCredential(context, 'https://h:8443', tokenText('d'));
  const cases = {
    'https://h': 'a',
    'https://h/': 'a',
    'https://h/team': 'a',
    'https://h/team/ones': 'a',
    'https://h/team/one': 'b',
    'https://h/team/one/': 'b',
    'https://h/team/one/v1/refs': 'b',
    'http://h/x': 'c',
    'https://h:8443/team/one': 'd',
  };
  for (const [url, letter] of Object.entries(cases)) t.is(findCredential(context, url), tokenText(letter), url);
  for (const url of ['https://h.evil', 'https://evil/https://h', 'ftp://h', 'ssh://h/x', '/h', 'h:/team']) {
    t.is(findCredential(context, url), undefined, url);
  }
  t.is(statSync(folder).mode & 0o777, 0o700);
  for (const name of readdirSync(folder)) t.is(statSync(join(folder, name)).mode & 0o777, 0o600);
  keepCredential(context, 'https://h', tokenText('e'));
  t.is(findCredential(context, 'https://h/x'), tokenText('e'));
  t.is(forgetCredential(context, 'https://h/team/one'), 'https://h/team/one');
  t.is(findCredential(context, 'https://h/team/one'), tokenText('e'));
  t.is(errorOf(() => forgetCredential(context, 'https://h/team/one')).code, 'LOGIN_UNKNOWN');
});

test('the token of the context wins, and goes to servers only', t => {
  const {context} = makeUser(t, {token: tokenText('z')});
  keepCredential(context, 'https://h', tokenText('a'));
  t.is(findCredential(context, 'https://h/x'), tokenText('z'));
  t.is(findCredential(context, '/srv/x'), undefined);
});

test('what is no token or no URL of a server is not kept, and no error has a secret', t => {
  const {context, folder} = makeUser(t);
  const secret = 'hunter2hunter2';
  const wrong: [url: string, token: string, code: ErrorCode][] = [
    ['https://h', secret, 'TOKEN_INVALID'],
    ['https://h', `${tokenText('a')}a`, 'TOKEN_INVALID'],
    ['https://h', '', 'TOKEN_INVALID'],
    ['/srv/x', tokenText('a'), 'REMOTE_URL_INVALID'],
    ['ssh://h', tokenText('a'), 'REMOTE_URL_INVALID'],
    ['https://', tokenText('a'), 'REMOTE_URL_INVALID'],
    [`https://u:${secret}@h`, tokenText('a'), 'REMOTE_URL_SECRET'],
    [`https://h/?token=${secret}`, tokenText('a'), 'REMOTE_URL_SECRET'],
  ];
  for (const [url, token, code] of wrong) {
    const error = errorOf(() => keepCredential(context, url, token));
    t.is(error.code, code, url);
    t.false(JSON.stringify([error.message, error.hint, error.data]).includes(secret));
  }
  const {code} = errorOf(() => keepCredential(testContext(new Clock()), 'https://h', tokenText('a')));
  t.is(code, 'CONFIG_INVALID');
  keepCredential(context, 'https://h', tokenText('a'));
  const [name = ''] = readdirSync(folder);
  t.is(readdirSync(folder).length, 1);
  for (const content of ['', tokenText('a'), '{}', 'null']) {
    writeFileSync(join(folder, name), content);
    const error = errorOf(() => findCredential(context, 'https://h'));
    t.is(error.code, 'CONFIG_INVALID');
    t.false(`${error.message} ${error.cause}`.includes('aaaa'));
  }
});

test('a token is exposed where it travels unencrypted to another machine', t => {
  const cases = {'https://h': false, 'http://h': true, 'http://localhost:80/x': false, 'http://127.0.0.2': false};
  for (const [url, exposed] of Object.entries(cases)) t.is(isExposed(url), exposed, url);
  t.false(isExposed('http://[::1]:8080'));
  t.true(isExposed('http://localhost.example.org'));
  t.is(credentialUrl('http://H:80/a/../b/'), 'http://h/b');
});

test('no URL with a secret becomes a remote', async t => {
  const repo = await bareStore(t);
  addRemote(repo, 'origin', '/srv/x');
  const secret = 'hunter2hunter2';
  const urls = [
    `https://ada:${secret}@h/x`,
    `https://${secret}@h/x`,
    `ssh://ada:${secret}@h/x`,
    `https://h/x?token=${secret}`,
    `https://h/dbos_${'a'.repeat(16)}_${'b'.repeat(52)}`,
  ];
  for (const url of urls) {
    const works = [
      () => addRemote(repo, 'other', url),
      () => setRemoteUrl(repo, 'origin', url),
      () => normalUrl(url, '/'),
    ];
    for (const work of works) {
      const {code, message, hint, data} = errorOf(work);
      t.is(code, 'REMOTE_URL_SECRET', url);
      t.notRegex(JSON.stringify([message, hint, data]), /hunter2|bbbb/);
    }
  }
  t.notRegex(readFileSync(join(repo.location.store, 'config.json'), 'utf8'), /hunter2|bbbb/);
  // an account is no secret
  setRemoteUrl(repo, 'origin', 'ssh://git@h/x');
});
