/** Tokens: what they give, what is kept of them, and who is refused. */
import {readFileSync, statSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {DbosError} from '../../src/errors.js';
import {branchName, branchRef, type RefName, tagRef} from '../../src/repo/refs.js';
import {BranchPatterns} from '../../src/sync/branch-patterns.js';
import type {PeerEdit} from '../../src/sync/peer.js';
import {ANYBODY, checkEdits, checkForward, maySee, type Rights, ROLES} from '../../src/sync/rights.js';
import {TokenBook} from '../../src/sync/token-book.js';
import {createToken, readTokens, revokeToken, type TokenOptions} from '../../src/sync/tokens.js';
import {Clock, DAY} from '../support/repo.js';
import {bareStore} from '../support/sync.js';

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as DbosError).code;
  }
}

/** What a pattern means, as an expression that is anchored. */
function reference(pattern: string): RegExp {
  const parts = pattern.split('/').map(part => {
    if (part === '**') return '.+';
    return part.replace(/[^*?[\]^-]|\*|\?/g, each => (each === '*' ? '[^/]*' : each === '?' ? '[^/]' : each));
  });
  return new RegExp(`^${parts.join('/').replaceAll('[^', '[^/')}$`);
}

test('law: patterns match as their expressions do', t => {
  const part = fc.array(fc.constantFrom('a', 'b', 'c', '*', '?', '[ab]', '[^a]', '[a-c]'), {
    minLength: 1,
    maxLength: 4,
  });
  const pattern = fc
    .tuple(fc.array(part, {minLength: 1, maxLength: 3}), fc.boolean())
    .map(([parts, open]) => [...parts.map(each => each.join('')), ...(open ? ['**'] : [])].join('/'))
    .filter(text => !/\*\*(?!$)|[^/]\*\*/.test(text));
  const name = fc
    .array(fc.string({unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4}), {minLength: 1, maxLength: 4})
    .map(parts => branchName(parts.join('/')));
  fc.assert(
    fc.property(fc.array(pattern, {minLength: 1, maxLength: 3}), name, (patterns, branch) => {
      const expected = patterns.some(each => reference(each).test(branch));
      t.is(new BranchPatterns(patterns).match(branch), expected, `${patterns} ${branch}`);
    }),
    {numRuns: 3000, seed: 3},
  );
  const all = new BranchPatterns(['**']);
  t.true(all.match(branchName('main')) && all.match(branchName('a/b')));
});

test('patterns that no branch could match are refused', t => {
  const wrong = ['', '/', 'a//b', '**/a', 'a**', 'a/**/b', '[a', 'a]b[', '-x', 'a b', 'a..b', '.x', 'x.lock', 'a\\*'];
  for (const pattern of [...wrong, 'x'.repeat(256), `[${'a'.repeat(300)}]`]) {
    t.is(
      codeOf(() => new BranchPatterns([pattern])),
      'REF_NAME_INVALID',
      pattern,
    );
  }
  t.is(
    codeOf(() => new BranchPatterns([])),
    'REF_NAME_INVALID',
  );
  t.is(
    codeOf(() => new BranchPatterns(Array(101).fill('a'))),
    'REF_NAME_INVALID',
  );
});

const [A, B] = ['a', 'b'].map(each => each.repeat(32)) as unknown as [PeerEdit['next'], PeerEdit['next']];

/** Returns what is said to the edits; commits only ever go forward from A to B. */
function verdict(rights: Rights, ...edits: PeerEdit[]): string | undefined {
  return codeOf(() => {
    checkEdits(rights, edits);
    checkForward(rights, edits, (before, after) => before === A && after === B);
  });
}

test('each role allows what those before it do, and more', t => {
  const main = branchRef(branchName('main'));
  const cases: [edit: PeerEdit, roles: readonly string[]][] = [
    [{name: main, expected: null, next: A}, ['write', 'admin']],
    [{name: main, expected: A, next: B}, ['write', 'admin']],
    [{name: main, expected: B, next: A}, ['admin']],
    [{name: main, expected: A, next: null}, ['admin']],
    [{name: tagRef('v1'), expected: null, next: A}, ['write', 'admin']],
    [{name: tagRef('v1'), expected: A, next: B}, ['admin']],
    [{name: tagRef('v1'), expected: A, next: null}, ['admin']],
  ];
  for (const role of ROLES) {
    for (const [edit, roles] of cases) {
      const rights = {name: 'x', role, branches: undefined};
      t.is(verdict(rights, edit), roles.includes(role) ? undefined : 'ACCESS_DENIED', `${role} ${edit.name}`);
    }
  }
  t.is(verdict(ANYBODY, {name: main, expected: null, next: A}), 'TOKEN_REQUIRED');
});

test('outside its patterns a token changes nothing, whatever its role', t => {
  const rights: Rights = {name: 'x', role: 'admin', branches: new BranchPatterns(['team/*'])};
  const own: PeerEdit = {name: branchRef(branchName('team/a')), expected: A, next: B};
  t.is(verdict(rights, own), undefined);
  const others = ['branches/main', 'branches/team/a/b', 'branches/team', 'tags/team/a', 'remotes/team/a', 'HEAD'];
  for (const name of others as RefName[]) {
    for (const edit of [
      {name, expected: null, next: A},
      {name, expected: A, next: B},
      {name, expected: A, next: null},
    ]) {
      t.is(verdict(rights, own, edit), 'ACCESS_DENIED', name);
    }
  }
  t.true(maySee(rights, branchName('team/a')));
  t.false(maySee(rights, branchName('main')));
  t.true(maySee(ANYBODY, branchName('main')));
});

/** Returns a store's book and a function that makes tokens of it. */
async function makeBook(t: ExecutionContext) {
  const clock = new Clock();
  const repo = await bareStore(t, clock);
  const {store} = repo.location;
  const book = new TokenBook(store, () => clock.time);
  const create = async (options: Partial<TokenOptions> & {name: string}) =>
    (await createToken(repo, {role: 'read', ...options})).text;
  return {clock, repo, store, book, create};
}

async function refused(t: ExecutionContext, book: TokenBook, text: string | undefined): Promise<DbosError> {
  return (await t.throwsAsync(book.rightsOf(text), {instanceOf: DbosError}, text)) as DbosError;
}

test('a token gives its rights; what is not one, or not right, is refused alike', async t => {
  const {book, create, repo} = await makeBook(t);
  t.is((await refused(t, book, undefined)).code, 'TOKEN_REQUIRED');
  t.is(await book.rightsOf(undefined, true), ANYBODY);
  const one = await create({name: 'one', role: 'write', branches: ['team/*']});
  const two = await create({name: 'two'});
  const rights = await book.rightsOf(one);
  t.like(rights, {name: 'one', role: 'write'});
  t.deepEqual(rights.branches?.texts, ['team/*']);
  t.like(await book.rightsOf(two), {name: 'two', role: 'read', branches: undefined});
  t.is(await book.rightsOf(one), rights);

  const revoked = await create({name: 'revoked'});
  await book.rightsOf(revoked);
  revokeToken(repo, 'revoked');
  const changed = (text: string, at: number) =>
    `${text.slice(0, at)}${text[at] === 'a' ? 'b' : 'a'}${text.slice(at + 1)}`;
  const mixed = `${one.slice(0, 21)}${two.slice(21)}`;
  const wrong = [revoked, mixed, changed(one, 6), changed(one, 30), changed(one, one.length - 1), one.slice(0, -1)];
  const errors = [];
  for (const text of [...wrong, `${one}a`, ` ${one}`, `${one}\n`, one.toUpperCase(), '', 'x'.repeat(1_000_000)]) {
    errors.push(await refused(t, book, text));
  }
  t.deepEqual([...new Set(errors.map(({code, message, hint}) => `${code} ${message} ${hint}`))].length, 1);
  t.is(errors[0]?.code, 'TOKEN_INVALID');
  // those that are right stay so, also when many ask at once
  const answers = await Promise.allSettled(
    [one, changed(one, 40), two, one, changed(two, 40)].map(each => book.rightsOf(each)),
  );
  t.deepEqual(
    answers.map(({status}) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'rejected'],
  );
});

test('a book follows its file: a new process reads the same, and what changes counts at once', async t => {
  const {book, clock, create, repo, store} = await makeBook(t);
  const text = await create({name: 'month', expires: clock.time + 30 * DAY});
  t.is((await book.rightsOf(text)).name, 'month');
  t.is((await new TokenBook(store, () => clock.time).rightsOf(text)).name, 'month');
  clock.advance(30 * DAY - 1);
  t.is((await book.rightsOf(text)).name, 'month');
  clock.advance(1);
  t.regex((await refused(t, book, text)).message, /'month' has expired/);
  const other = text.endsWith('a') ? 'b' : 'a';
  t.notRegex((await refused(t, book, `${text.slice(0, -1)}${other}`)).message, /expired/);
  revokeToken(repo, 'month');
  t.notRegex((await refused(t, book, text)).message, /expired/);
  // revoked while it is being hashed
  const slow = await create({name: 'slow'});
  const answer = refused(t, book, slow);
  revokeToken(repo, 'slow');
  t.is((await answer).code, 'TOKEN_INVALID');
});

test('the file is for its owner, and has no secret', async t => {
  const {create, store} = await makeBook(t);
  const file = join(store, 'tokens');
  const texts = [await create({name: 'one'}), await create({name: 'two'})];
  t.is(statSync(file).mode & 0o777, 0o600);
  const kept = readFileSync(file, 'utf8');
  for (const text of texts) {
    const secret = text.slice('dbos_'.length + 17);
    t.is(secret.length, 52);
    t.false(kept.includes(secret));
  }
  t.deepEqual(
    readTokens(store).map(({name}) => name),
    ['one', 'two'],
  );
  t.is(new Set(readTokens(store).map(({salt}) => Buffer.from(salt).toString('hex'))).size, 2);
});

test('what cannot be a token is not made', async t => {
  const {clock, create, repo, store} = await makeBook(t);
  await create({name: 'taken'});
  const before = readFileSync(join(store, 'tokens'), 'utf8');
  const fails = async (options: Partial<TokenOptions> & {name: string}) =>
    ((await t.throwsAsync(create(options), {instanceOf: DbosError})) as DbosError).code;
  t.is(await fails({name: 'taken'}), 'TOKEN_EXISTS');
  for (const name of ['', '-x', 'a b', 'a\n', 'é', 'x'.repeat(65), '../x']) t.is(await fails({name}), 'USAGE', name);
  t.is(await fails({name: 'x', branches: ['a b']}), 'REF_NAME_INVALID');
  t.is(await fails({name: 'x', expires: clock.time}), 'TIME_INVALID');
  t.is(
    codeOf(() => revokeToken(repo, 'take')),
    'TOKEN_UNKNOWN',
  );
  t.is(readFileSync(join(store, 'tokens'), 'utf8'), before);
  // of two at once in one process none is lost, and one name is given once
  const made = await Promise.allSettled(['a', 'b', 'c', 'c'].map(name => create({name})));
  t.is(made.filter(({status}) => status === 'fulfilled').length, 3);
  t.deepEqual(
    readTokens(store)
      .map(({name}) => name)
      .sort(),
    ['a', 'b', 'c', 'taken'],
  );
});

test('a file that is damaged gives no access, and says so without its content', async t => {
  const {book, create, store} = await makeBook(t);
  const file = join(store, 'tokens');
  const text = await create({name: 'one'});
  await book.rightsOf(text);
  const whole = readFileSync(file, 'utf8');
  const damaged = [
    '',
    '{',
    'null',
    '[]',
    '{"version": 1}',
    '{"version": 1, "tokens": [null]}',
    whole.replace('"version": 1', '"version": 2'),
    whole.replace('"read"', '"root"'),
    whole.replace('"N": 2048', '"N": 1073741824'),
    whole.replace('"N": 2048', '"N": "x"'),
    whole.replace('"N": 2048', '"N": 2047'),
    whole.replace('"branches": null', '"branches": [1]'),
    whole.replace(/"salt": ".{8}/, '"salt": "'),
    whole.replace(/"hash": "[^"]*"/, '"hash": null'),
    whole.replace('"branches": null', '"branches": "x"'),
  ];
  for (const [i, content] of damaged.entries()) {
    writeFileSync(file, content);
    utimesSync(file, i, i);
    const error = await refused(t, book, text);
    t.is(error.code, 'CONFIG_INVALID', content);
    t.notRegex(`${error.message} ${error.cause}`, /hash|salt/, content);
  }
  writeFileSync(file, whole);
  t.is((await book.rightsOf(text)).name, 'one');
});
