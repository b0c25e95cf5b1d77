/**
 * Whatever the text, the parser returns a tree, or an error with a place within the text.
 */
import test from 'ava';
import fc from 'fast-check';
import {decodeText} from '../../src/bytes.js';
import {isDbosError} from '../../src/errors.js';
import {locate} from '../../src/sql/fault.js';
import {Lexer} from '../../src/sql/parser/lexer.js';
import {isComplete, parseExpression, parseScript, statements} from '../../src/sql/parser/parser.js';
import {K, T} from '../../src/sql/parser/token.js';
import {SAMPLES} from './parser-samples.js';

function holds(sql: string): boolean {
  isComplete(sql);
  for (const parse of [parseScript, parseExpression]) {
    try {
      parse(sql);
    } catch (error) {
      if (!isDbosError(error)) throw error;
      const {from, to} = error.data as {from: number; to: number};
      if (!(0 <= from && from <= to && to <= sql.length)) return false;
      const {line, column, excerpt} = locate(error, sql).data as {line: number; column: number; excerpt: string};
      const [shown, carets, ...more] = excerpt.split('\n');
      if (!(line >= 1 && column >= 1 && more.length === 0)) return false;
      if (
        !/^[ \t]*\^~*$/.test(carets as string) ||
        [...(carets as string)].length > Math.max([...(shown as string)].length, 1) + 1
      )
        return false;
    }
  }
  return true;
}

/** Returns whether the tokens of a text stand in order, none is empty, and what lies between them is white space. */
function cutsWell(sql: string): boolean {
  const lexer = new Lexer(sql, 0);
  let end = 0;
  for (lexer.scan(); lexer.kind !== T.end; lexer.scan()) {
    if (lexer.from < end || lexer.to <= lexer.from || lexer.to > sql.length) return false;
    if (!/^(?:[\s\ufeff]|--.*(?:\n|$)|\/\*[\s\S]*?\*\/)*$/.test(sql.slice(end, lexer.from))) return false;
    end = lexer.to;
  }
  return lexer.from === sql.length;
}

const WORD = fc.constantFrom(
  ...Object.keys(K),
  ...`a b t 1 .5 5. 1e9 0x1f 9223372036854775808 'x' "q" [r] \`b\` x'00' x'0 ? ?1 :a @a $a::b(c) ( ) , . ; * + - / % = == <> != < <= > >= << >> & | || ~ -> ->> -- /* */ ' " [ \` ^ ! # $ : @ \0 é 𝔸`.split(
    ' ',
  ),
  '\n',
);

test('random tokens', t => {
  fc.assert(
    fc.property(fc.array(WORD, {maxLength: 30}), fc.constantFrom(' ', ''), (words, between) =>
      holds(words.join(between)),
    ),
    {numRuns: 1000},
  );
  t.pass();
});

test('random characters and bytes', t => {
  fc.assert(
    fc.property(fc.string({unit: 'binary', maxLength: 60}), sql => holds(sql) && cutsWell(sql)),
    {numRuns: 800},
  );
  fc.assert(
    fc.property(fc.string({unit: 'grapheme-ascii', maxLength: 60}), sql => holds(sql) && cutsWell(sql)),
    {numRuns: 1000},
  );
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 60}), bytes => holds(decodeText(bytes))),
    {numRuns: 1000},
  );
  t.pass();
});

test('statements that are cut off, spliced and strewn with other text', t => {
  const sample = fc.constantFrom(...SAMPLES);
  const place = fc.nat({max: 400});
  fc.assert(
    fc.property(sample, place, place, sample, WORD, (sql, start, length, other, word) => {
      const at = start % (sql.length + 1);
      return (
        holds(sql.slice(0, at)) &&
        holds(sql.slice(at)) &&
        holds(sql.slice(0, at) + word + sql.slice(at)) &&
        holds(sql.slice(0, at) + other.slice(length % other.length)) &&
        holds(sql.slice(0, at) + sql.slice(at + (length % 7)))
      );
    }),
    {numRuns: 800},
  );
  t.pass();
});

test('white space and comments between tokens change nothing but the spans', t => {
  const space = fc.constantFrom(' ', '\n', '\t ', ' /* ; */ ', " -- it's\n", '/**/', '\r\n', '\f');
  const bare = (sql: string) =>
    JSON.stringify(parseScript(sql), (key, value) => {
      if ((key === 'from' || key === 'to') && typeof value === 'number') return undefined;
      // these have the text as it was written
      if (key === 'text' || key === 'type') return String(value).replace(/\/\*.*?\*\/|--.*|\s/g, '');
      return typeof value === 'bigint' ? `${value}n` : value;
    });
  fc.assert(
    fc.property(fc.constantFrom(...SAMPLES), fc.infiniteStream(space), (sql, spaces) => {
      const lexer = new Lexer(sql, 0);
      let spread = '';
      for (lexer.scan(); lexer.kind !== T.end; lexer.scan())
        spread += sql.slice(lexer.from, lexer.to) + spaces.next().value;
      return bare(spread) === bare(sql);
    }),
    {numRuns: 1000},
  );
  t.pass();
});

test('statements of a script are those of its parts', t => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...SAMPLES), {maxLength: 8}), parts => {
      const script = parts.join('\n;');
      const found = [...statements(script)].map(({from, to}) => script.slice(from, to));
      const expected = parts.map(sql => sql.replace(/ *--.*$/, ''));
      return JSON.stringify(found) === JSON.stringify(expected);
    }),
    {numRuns: 300},
  );
  t.pass();
});

test('texts that are wrong in long ways end soon', t => {
  for (const piece of [
    "'",
    '"',
    '[',
    '/*',
    '--',
    '(',
    '$a::',
    '$a(',
    '0x',
    '1_',
    '1e',
    '.',
    "x'",
    'é',
    '- ',
    '\v',
    '^',
    'a.',
    ':::',
    'a b ',
    ',',
    ';',
  ]) {
    const sql = `SELECT ${piece.repeat(200_000)}`;
    t.true(holds(sql), piece);
  }
});
