import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import {isPattern, readCommands, textOf} from '../../src/shell/words.js';

/** Returns the words of the commands of a text, with the path that each is redirected to. */
function shape(text: string) {
  const {commands, open} = readCommands(text);
  if (open !== undefined) return open;
  return (commands ?? []).map(({words, redirection, dependent}) => [
    dependent ? '&&' : ';',
    ...words.map(textOf),
    ...(redirection ? [redirection.append ? '>>' : '>', textOf(redirection.target)] : []),
  ]);
}

test('words, quotes and backslashes', t => {
  t.deepEqual(shape(`echo a 'b  c' "d \\" \\n $x" e\\ f g''h ''`), [
    [';', 'echo', 'a', 'b  c', 'd " \\n $x', 'e f', 'gh', ''],
  ]);
  t.deepEqual(shape(''), []);
  t.deepEqual(shape('  # nothing'), []);
  t.deepEqual(shape('ls a#b # the rest'), [[';', 'ls', 'a#b']]);
});

test('several commands, and where their output goes', t => {
  t.deepEqual(shape('mkdir a && cd a; ls;'), [
    [';', 'mkdir', 'a'],
    ['&&', 'cd', 'a'],
    [';', 'ls'],
  ]);
  t.deepEqual(shape('echo x>a\necho y >> "b c"'), [
    [';', 'echo', 'x', '>', 'a'],
    [';', 'echo', 'y', '>>', 'b c'],
  ]);
  t.deepEqual(shape("echo '>' \\; '&&'"), [[';', 'echo', '>', ';', '&&']]);
});

test('what is not finished yet tells so', t => {
  t.is(shape("echo 'a"), "'");
  t.is(shape('echo "a\\"'), '"');
  t.is(shape('echo a\\'), '\\');
  t.is(shape('echo a &&'), '&&');
  t.is(shape('echo a &&\n'), '&&');
});

for (const text of [
  '&& ls',
  'ls && && ls',
  'ls | wc',
  'ls &',
  'cat < a',
  '> a',
  'echo a >',
  'echo > a > b',
  'echo a > ; ls',
]) {
  test(`${text} is refused with the place`, t => {
    const error = t.throws(() => readCommands(text));
    t.true(isDbosError(error, 'SHELL_SYNTAX') && typeof error.data.at === 'number', String(error));
  });
}

test('any text quoted is one word that is no pattern', t => {
  fc.assert(
    fc.property(fc.string({unit: 'binary', minLength: 1}), text => {
      const quoted = `'${text.replaceAll("'", "'\\''")}'`;
      const {commands} = readCommands(`echo ${quoted}`);
      const word = commands?.[0]?.words[1];
      return word !== undefined && textOf(word) === text && !isPattern(word) && commands?.[0]?.words.length === 2;
    }),
  );
  t.pass();
});

test('any text is commands, not finished, or an error of its own', t => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...`ab ;&|<>'"\\#*~\n`.split('')), {maxLength: 30}), letters => {
      try {
        const {commands} = readCommands(letters.join(''));
        return commands === undefined || commands.every(({words}) => words.length > 0);
      } catch (error) {
        return isDbosError(error, 'SHELL_SYNTAX');
      }
    }),
    {numRuns: 2000},
  );
  t.pass();
});
