import test from 'ava';
import {expandPattern, type Names, shellPattern} from '../../src/shell/pattern.js';
import {readCommands, type Word} from '../../src/shell/words.js';

/** The names of a tree of paths. */
function namesOf(...paths: string[]): Names {
  const all = new Set([
    '',
    ...paths.flatMap(path => path.split('/').map((_, i, names) => names.slice(0, i + 1).join('/'))),
  ]);
  return {
    exists: path => all.has(path),
    *list(directory) {
      for (const path of all) {
        const at = path.lastIndexOf('/');
        if (path !== '' && path.slice(0, Math.max(at, 0)) === directory) yield path.slice(at + 1);
      }
    },
  };
}

const NAMES = namesOf(
  'a.txt',
  'b.txt',
  '.hidden',
  'src/one.ts',
  'src/two.ts',
  'src/sub/three.ts',
  'lib/one.ts',
  'a*b',
  'x]',
  '😀',
);

function expand(typed: string): string[] {
  const word = readCommands(typed).commands?.[0]?.words[0] as Word;
  return expandPattern(word, NAMES, path => path.replace(/^\/+|\/+$/g, ''));
}

for (const [typed, found] of [
  ['*.txt', ['a.txt', 'b.txt']],
  ['[a].txt', ['a.txt']],
  ['[!a].txt', ['b.txt']],
  ['?.txt', ['a.txt', 'b.txt']],
  ['.h*', ['.hidden']],
  ['*hidden', []],
  ['src/*.ts', ['src/one.ts', 'src/two.ts']],
  ['*/one.ts', ['src/one.ts', 'lib/one.ts']],
  ['/s*/*/t*', ['/src/sub/three.ts']],
  ['a"*"?', ['a*b']],
  ["'*'.t[x]t", []],
  ['x?', ['x]']],
  ['?', ['😀']],
  ['[ab', []],
  ['*.nothing', []],
] as const) {
  test(`${typed} stands for ${found.join(' ') || 'nothing'}`, t => {
    t.deepEqual(expand(typed), [...found]);
  });
}

test('a pattern of what is no path passes over slashes and dots', t => {
  const names = ['a', '.a', 'fix/a', 'fix/b.1', 'Fix', 'a^b', '😀'];
  const matching = (pattern: string) => names.filter(shellPattern(pattern));
  t.deepEqual(matching('*'), names);
  t.deepEqual(matching('fix*'), ['fix/a', 'fix/b.1']);
  t.deepEqual(matching('fix?[!b]'), ['fix/a']);
  t.deepEqual(matching('[^a-zF.]'), ['😀']);
  t.deepEqual(matching('?'), ['a', '😀']);
  t.deepEqual(matching('a'), ['a']);
  t.deepEqual(matching('fix/['), []);
  t.deepEqual(matching(''), []);
});
