import test from 'ava';
import fc from 'fast-check';
import {isSecretName, maskSql, maskText, maskWords} from '../../src/repo/secrets.js';

const SECRET_NAMES = [
  'password',
  'passwd',
  'db-password',
  'dbPassword',
  'PGPASSWORD',
  'pass',
  'token',
  'access_token',
  'githubToken',
  'client-secret',
  'secret',
  'api-key',
  'apikey',
  'API_KEY',
  'private-key',
  'auth',
];
const PLAIN_NAMES = [
  'message',
  'author',
  'at',
  'key',
  'primary-key',
  'tokens',
  'tokenizer',
  'compass',
  'password-file',
  'password-stdin',
  'no-password',
  'secretary',
];

test('secrets are known by their names', t => {
  for (const name of SECRET_NAMES) t.true(isSecretName(name), name);
  for (const name of PLAIN_NAMES) t.false(isSecretName(name), name);
});

/** Command lines that have none. */
const ORDINARY = [
  ['commit', '-m', 'a token: of thanks', 'etc/passwd', '--json'],
  ['query', "SELECT * FROM users WHERE password = 'x'", '--param', 'n:integer=5', '--param=dir=etc'],
  ['query', 'SELECT 1', '--at', 'main@{2 hours ago}'],
  ['clone', 'ssh://git@example.org/a@b', 'https://example.org:8080/a@b?page=2#top', 'http://[::1]:80/x@y'],
  ['config', 'user.email', 'ada@example.org'],
  ['tag', 'token', 'HEAD~1'],
  ['-C', 'some where', '--password-file', 'secret.txt'],
];

test('what is no secret stays as it is', t => {
  for (const words of ORDINARY) t.deepEqual(maskWords(words), words);
  const sql = "INSERT INTO t VALUES ('https://example.org','a:b@c', 'token=5') -- --password x";
  t.is(maskSql(sql), sql);
});

const TOKEN = `dbos_abcdefghijklmnop_${'q2'.repeat(26)}`;

test('what is hidden, and what is left', t => {
  const cases: [words: string[], shown: string[]][] = [
    [
      ['x', '--password', 'hunter2', '--json'],
      ['x', '--password', '***', '--json'],
    ],
    [
      ['x', '--token=abc', '--', '--secret', '-y'],
      ['x', '--token=***', '--', '--secret', '***'],
    ],
    [
      ['--param', 'api_key:text=abc'],
      ['--param', 'api_key:text=***'],
    ],
    [['--param=:password=abc'], ['--param=:password=***']],
    [
      ['-C', 'd', 'config', 'remote.origin.token', 'abc'],
      ['-C', 'd', 'config', 'remote.origin.token', '***'],
    ].map(words => words.slice(2)) as [string[], string[]],
    [
      ['https://ada:pw@example.org:80/a?x=1&access_token=abc#f'],
      ['https://ada:***@example.org:80/a?x=1&access_token=***#f'],
    ],
    [
      ['https://ghp_abc@example.org', 'x=https://u:p/w@h/'],
      ['https://***@example.org', 'x=https://u:***@h/'],
    ],
    [
      ['--remote=https://u:p@h', 'postgres://u:p@ss@h/db'],
      ['--remote=https://u:***@h', 'postgres://u:***@h/db'],
    ],
    [['https://a/?next=https://u:p@h/&sig=abc'], ['https://a/?next=https://u:***@h/&sig=***']],
    [
      ['commit', '-m', `for ${TOKEN}.`, `https://h/${TOKEN}/x`],
      ['commit', '-m', 'for dbos_abcdefghijklmnop_***.', 'https://h/dbos_abcdefghijklmnop_***/x'],
    ],
  ];
  for (const [words, shown] of cases) t.deepEqual(maskWords(words), shown);
  t.is(
    maskSql("SELECT 'https://u:p''w@h/?token=a''b', \"http://u:p@h\""),
    'SELECT \'https://u:***@h/?token=***\', "http://u:***@h"',
  );
  t.is(maskSql(`SELECT '${TOKEN}'`), "SELECT 'dbos_abcdefghijklmnop_***'");
  t.is(maskText('see https://u:p@h and ftp://v:q@i'), 'see https://u:***@h and ftp://v:***@i');
});

/** A secret that no other word has. */
const secret = fc.string({unit: 'grapheme', minLength: 6, maxLength: 30}).filter(text => !/^[\s*]*$/.test(text));
const without = (characters: RegExp) => secret.filter(text => !characters.test(text));
const name = fc.constantFrom(...SECRET_NAMES);
const words = fc.array(fc.constantFrom(...ORDINARY.flat().filter(word => word !== 'config')), {maxLength: 4});

/** The words that give a secret, in every position in which it is known for one. */
const given: fc.Arbitrary<readonly [secret: string, words: readonly string[]]> = fc.oneof(
  fc.tuple(secret, name).map(([text, option]) => [text, [`--${option}`, text]] as const),
  fc.tuple(secret, name).map(([text, option]) => [text, [`--${option}=${text}`]] as const),
  fc.tuple(secret, name, fc.constantFrom('', ':text', ':blob')).chain(([text, parameter, type]) => {
    const assigned = `${parameter.replaceAll('-', '_')}${type}=${text}`;
    return fc.constantFrom([text, ['--param', assigned]] as const, [text, [`--param=${assigned}`]] as const);
  }),
  without(/[\s/?#]/).map(text => [text, [`https://ada:${text}@example.org/x`]] as const),
  without(/[\s/?#:]/).map(text => [text, [`--from=http://${text}@example.org`]] as const),
  fc
    .tuple(without(/[\s&;#]/), name)
    .map(([text, parameter]) => [text, [`see https://example.org/a?b=1&${parameter}=${text}#c now`]] as const),
  secret.map(text => [encodeURIComponent(text), [`ftp://ada:${encodeURIComponent(text)}@h:21/a`]] as const),
);

test('law: no secret is left, wherever it was given', t => {
  fc.assert(
    fc.property(words, given, words, (before, [text, own], after) => {
      const rest = [...before, ...own.map(word => word.replaceAll(text, '')), ...after, '***'];
      fc.pre(!rest.some(word => word.includes(text)));
      const masked = maskWords([...before, ...own, ...after]);
      t.false(
        masked.some(word => word.includes(text)),
        JSON.stringify(masked),
      );
      t.is(masked.length, before.length + own.length + after.length);
    }),
    {numRuns: 2000},
  );
});

test('law: SQL keeps no credentials of a URL, and all else', t => {
  fc.assert(
    fc.property(without(/[\s/?#&;'"@]/), fc.string({maxLength: 20}), (text, other) => {
      fc.pre(!/:\/\//.test(other));
      const value = other.replaceAll("'", "''");
      const sql = (hidden: string) =>
        `INSERT INTO t VALUES ('${value}','https://ada:${hidden}@h/?token=${hidden}','${value}');`;
      t.is(maskSql(sql(text)), sql('***'));
    }),
    {numRuns: 500},
  );
});

test('long texts take no longer than they are', t => {
  const size = 300_000;
  for (const part of ['a.', 'a://', 'x://a:b/', '://', '?a=', "''", '@/']) {
    const text = `https://u:p@h/${part.repeat(size / part.length)}`;
    t.true(maskSql(text).startsWith('https://u:***@h'), part);
    t.true(maskWords([text])[0]?.startsWith('https://u:***@h'), part);
    maskText(part.repeat(size / part.length));
  }
});

test('law: masking twice is masking once', t => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string(),
          words.map(list => list.join(' ')),
          name.map(text => `--${text}=x`),
        ),
      ),
      list => {
        const once = maskWords(list);
        t.deepEqual(maskWords(once), once);
      },
    ),
  );
});
