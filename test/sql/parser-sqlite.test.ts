/**
 * The parser against sqlite3: what it accepts and rejects, and how expressions nest.
 */
import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {gunzipSync} from 'node:zlib';
import test from 'ava';
import {isDbosError} from '../../src/errors.js';
import {Lexer} from '../../src/sql/parser/lexer.js';
import {isComplete, parseExpression, parseScript} from '../../src/sql/parser/parser.js';
import {K, T} from '../../src/sql/parser/token.js';
import {SAMPLES, SCHEMA} from './parser-samples.js';
import {printExpr} from './print-sql.js';

/** Returns what sqlite3 prints for a script, or undefined where it is missing. */
function sqlite(lines: readonly string[]): {stdout: string; stderr: string} | undefined {
  const done = spawnSync('sqlite3', ['-batch', ':memory:'], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return done.error === undefined ? done : undefined;
}

/** Returns a source of numbers below a bound: the same ones each time. */
function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return bound => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % bound;
  };
}

function tokensOf(sql: string): string[] {
  const lexer = new Lexer(sql, 0);
  const tokens: string[] = [];
  for (lexer.scan(); lexer.kind !== T.end; lexer.scan()) tokens.push(sql.slice(lexer.from, lexer.to));
  return tokens;
}

const WORDS = [
  ...Object.keys(K),
  ...`t u a b x 1 2.5 's' "q" [r] x'00' ?1 :p ( ) , . * + - = < || -> IS NOT NULL AND ( ) , a b ( SELECT AS`.split(' '),
];

/** Returns the statement with a token or two lost, doubled, replaced, exchanged, or brought in from elsewhere. */
function mutate(
  tokens: readonly string[],
  others: readonly (readonly string[])[],
  random: (bound: number) => number,
): string {
  const mutated = [...tokens];
  const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item;
  for (let rounds = random(4) === 0 ? 2 : 1; rounds > 0; rounds--) {
    const at = random(mutated.length);
    const way = random(5);
    if (way === 0) mutated.splice(at, 1);
    else if (way === 1) mutated.splice(at, 0, pick(WORDS));
    else if (way === 2) mutated[at] = pick(WORDS);
    else if (way === 3) {
      const other = random(mutated.length);
      [mutated[at], mutated[other]] = [mutated[other] as string, mutated[at] as string];
    } else {
      const other = pick(others);
      const start = random(other.length);
      mutated.splice(at, 0, ...other.slice(start, start + 1 + random(4)));
    }
  }
  return mutated.join(' ');
}

/** Whether the shell takes the text as one statement: only then do the numbers of its lines mean anything. */
function isOneStatement(sql: string): boolean {
  if (sql.trim() === '' || !isComplete(`EXPLAIN ${sql} ;`)) return false;
  if (/trigger/i.test(sql)) return /^create (temp |temporary )?trigger\b/i.test(sql) && /; END *$/.test(sql);
  return !sql.includes(';');
}

test('what sqlite3 accepts and rejects', t => {
  const random = numbers(20);
  const samples = SAMPLES.map(tokensOf);
  const mutants = Array.from({length: 2500}, () =>
    mutate(samples[random(samples.length)] as string[], samples, random),
  );
  // ANALYZE behind EXPLAIN is ours; functions called left() and the like are SQLite's since 3.44
  const others = /^\s*(attach|detach|analyze|explain)|\b(cross|full|inner|left|natural|outer|right) \(/i;
  const cases = [...samples.map(tokens => tokens.join(' ')), ...mutants].filter(
    sql => isOneStatement(sql) && !others.test(sql),
  );
  const oracle = sqlite([...SCHEMA.map(sql => `${sql};`), ...cases.map(sql => `EXPLAIN ${sql} ;`)]);
  if (oracle === undefined) {
    t.log('sqlite3 is missing');
    t.pass();
    return;
  }
  const errors = new Map<number, string>();
  for (const [, line, message] of oracle.stderr.matchAll(/near line (\d+): (.*)/g)) {
    errors.set(Number(line) - SCHEMA.length - 1, message as string);
  }
  const count = {accepted: 0, rejected: 0};
  for (const [index, sql] of cases.entries()) {
    const theirs = errors.get(index);
    let ours: unknown;
    try {
      parseScript(`EXPLAIN ${sql}`);
    } catch (error) {
      ours = error;
    }
    if (isDbosError(ours, 'SQL_UNSUPPORTED')) continue;
    if (theirs === undefined) t.is(ours, undefined, sql);
    else if (/syntax error|unrecognized token|incomplete input/.test(theirs))
      t.true(isDbosError(ours, 'SQL_SYNTAX'), `${sql}: ${theirs}`);
    // any other error of sqlite3 may have stopped its parser early
    count[ours === undefined ? 'accepted' : 'rejected']++;
  }
  t.true(count.accepted > 300 && count.rejected > 1500, JSON.stringify(count));
});

test('expressions nest as in sqlite3', t => {
  const random = numbers(7);
  const pick = (items: readonly string[]) => items[random(items.length)] as string;
  const infix =
    '= == <> != < <= > >= + - * / % || & | << >> AND OR IS,IS NOT,IS DISTINCT FROM,IS NOT DISTINCT FROM,LIKE,NOT LIKE,GLOB,NOT GLOB'
      .split(',')
      .flatMap((words, index) => (index === 0 ? words.split(' ').slice(0, -1).concat('IS') : [words]));
  const operand = (): string => {
    const prefix = random(4) === 0 ? `${pick(['-', '+', '~', 'NOT', '- -'])} ` : '';
    const postfix =
      random(5) === 0
        ? ` ${pick(['ISNULL', 'NOTNULL', 'NOT NULL', 'COLLATE nocase', 'IN (1, 2)', 'NOT IN (0)', 'IS NULL'])}`
        : '';
    return prefix + pick(['0', '1', '2', '3', '7', "'1'", "'a'", "'A'", 'NULL', '1.5', '-1', "x'31'"]) + postfix;
  };
  const expression = () => {
    let sql = operand();
    for (let terms = 1 + random(5); terms > 0; terms--) {
      if (random(7) === 0) sql += ` ${pick(['BETWEEN', 'NOT BETWEEN'])} ${operand()} AND ${operand()}`;
      else sql += ` ${pick(infix)} ${operand()}`;
    }
    return sql;
  };
  const cases = Array.from({length: 5000}, expression).map(sql => {
    try {
      return {sql, nested: printExpr(parseExpression(sql))};
    } catch (error) {
      // x BETWEEN y OR … is the same mistake there
      return {sql, nested: String(error)};
    }
  });
  const wrong = cases.filter(({nested}) => nested.startsWith('DbosError'));
  t.deepEqual(wrong, []);
  const oracle = sqlite(cases.map(({sql, nested}) => `SELECT quote(${sql}) = quote(${nested});`));
  if (oracle === undefined) {
    t.log('sqlite3 is missing');
    t.pass();
    return;
  }
  t.is(oracle.stderr, '');
  const same = oracle.stdout.trim().split('\n');
  t.is(same.length, cases.length);
  t.deepEqual(
    cases.filter((_, index) => same[index] !== '1'),
    [],
  );
});

test('complete texts are those of the shell', t => {
  const random = numbers(3);
  const words = ['CREATE', 'TEMP', 'TRIGGER', 'END', ';', 'SELECT', '"x;"', 'x', ';', '/* ; */'];
  const cases = Array.from({length: 500}, () => {
    return Array.from({length: 1 + random(9)}, () => words[random(words.length)]).join(' ');
    // the shell takes no notice of a line that says nothing
  }).filter(sql => sql.replaceAll('/* ; */', '').trim() !== '');
  // a line with a dot is a command of the shell, unless it goes on with a statement
  const oracle = sqlite(cases.flatMap((sql, index) => [sql, `.print ${index}`, '; END ;']));
  if (oracle === undefined) {
    t.log('sqlite3 is missing');
    t.pass();
    return;
  }
  const complete = new Set(oracle.stdout.match(/^\d+$/gm)?.map(Number));
  for (const [index, sql] of cases.entries()) t.is(isComplete(sql), complete.has(index), sql);
});

test('every statement of the sqllogictest files', t => {
  const folder = process.env.SLT_DIR ?? '../shared/sqllogictest';
  if (!existsSync(folder)) {
    t.log(`${folder} is missing`);
    t.pass();
    return;
  }
  const wrong: string[] = [];
  let statements = 0;
  for (const file of readdirSync(folder).filter(name => name.endsWith('.gz'))) {
    const text = gunzipSync(readFileSync(`${folder}/${file}`))
      .toString()
      .replaceAll('\r\n', '\n');
    for (const record of text.split(/\n\n+/)) {
      const sql = statementOf(record);
      if (sql === undefined) continue;
      statements++;
      try {
        parseScript(sql);
      } catch (error) {
        wrong.push(`${file}: ${error}: ${sql}`);
      }
    }
  }
  t.deepEqual(wrong.slice(0, 10), []);
  t.log(`${statements} statements`);
});

/** Returns the statement of a record that sqlite3 runs without an error. */
function statementOf(record: string): string | undefined {
  const lines = record.split('\n').filter(line => !line.startsWith('#'));
  while (/^(skipif|onlyif|$)/.test(lines[0] ?? '-')) {
    const condition = lines.shift() as string;
    if (/^onlyif (?!sqlite)|^skipif sqlite/.test(condition)) return undefined;
  }
  if (!/^(statement ok|query)/.test(lines[0] ?? '')) return undefined;
  const end = lines.indexOf('----');
  return lines.slice(1, end < 0 ? undefined : end).join('\n');
}
