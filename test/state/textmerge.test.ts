/** Texts merged line by line: against git, and what any such merge must keep. */
import {spawnSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {textMerge} from '../../src/state/textmerge.js';
import {makeTmpDir} from '../support/tmp.js';

const mergeText = await textMerge();

/** An edit of a line: kept, deleted, replaced, or with new lines before it. */
type Edit = 'keep' | 'delete' | 'replace' | 'insert' | 'same';

const EDITS: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.oneof(
    {weight: 6, arbitrary: fc.constant<Edit>('keep')},
    {weight: 1, arbitrary: fc.constantFrom<Edit>('delete', 'replace', 'insert', 'same')},
  ),
  {maxLength: 30},
);

/** Returns a text after edits; `side` makes its lines differ from those of the other side, but for edits that are the `same`. */
function edited(lines: readonly string[], edits: readonly Edit[], side: string, newline: boolean): string {
  const out = lines.flatMap((line, i) => {
    switch (edits[i]) {
      case 'delete':
        return [];
      case 'replace':
        return [`${line} of ${side}`];
      case 'insert':
        return [`new ${i} of ${side}`, line];
      case 'same':
        return [`${line} of both`];
      default:
        return [line];
    }
  });
  return out.length === 0 ? '' : out.join('\n') + (newline ? '\n' : '');
}

const CASES = fc.record({count: fc.nat(30), a: EDITS, b: EDITS, ends: fc.boolean()}).map(({count, a, b, ends}) => {
  // no two lines are alike, so that there is one shortest way from one text to another
  const lines = Array.from({length: count}, (_, i) => `line ${i}`);
  return {
    base: edited(lines, [], '', true),
    ours: edited(lines, a, 'ours', true),
    theirs: edited(lines, b, 'theirs', ends),
  };
});

function merged(texts: {base: string; ours: string; theirs: string}, side?: 'ours' | 'theirs'): string | undefined {
  const {base, ours, theirs} = texts;
  const bodies = {base: Buffer.from(base), ours: Buffer.from(ours), theirs: Buffer.from(theirs)};
  return mergeText(bodies, side)?.toString();
}

test('a merge is what git makes of it, with and without a preferred side', t => {
  const directory = makeTmpDir(t);
  const git = ({base, ours, theirs}: {base: string; ours: string; theirs: string}, ...flags: string[]) => {
    for (const [name, text] of Object.entries({base, ours, theirs})) writeFileSync(join(directory, name), text);
    const done = spawnSync('git', ['merge-file', '-p', ...flags, 'ours', 'base', 'theirs'], {
      cwd: directory,
      encoding: 'utf8',
    });
    return done.status === 0 ? done.stdout : undefined;
  };
  fc.assert(
    fc.property(CASES, texts => {
      t.is(merged(texts), git(texts));
      t.is(merged(texts, 'ours'), git(texts, '--ours'));
      t.is(merged(texts, 'theirs'), git(texts, '--theirs'));
    }),
    {numRuns: 150},
  );
});

test('laws: what one side alone changed is taken, and both sides make the same of it', t => {
  fc.assert(
    fc.property(CASES, ({base, ours, theirs}) => {
      t.is(merged({base, ours, theirs: base}), ours);
      t.is(merged({base, ours: base, theirs}), theirs);
      t.is(merged({base, ours, theirs: ours}), ours);
      t.is(merged({base, ours, theirs}), merged({base, ours: theirs, theirs: ours}));
      t.not(merged({base, ours, theirs}, 'ours'), undefined);
    }),
    {numRuns: 300},
  );
});

test('any bytes but NUL are text, and binary bodies are not merged', t => {
  const line = (byte: number) => Buffer.from([byte, 0xff, 0x0a]);
  const texts = (...bytes: number[]) => Buffer.concat(bytes.map(line));
  t.deepEqual(
    mergeText({base: texts(1, 2, 3), ours: texts(9, 2, 3), theirs: texts(1, 2, 8)}),
    Buffer.from(texts(9, 2, 8)),
  );
  t.is(mergeText({base: texts(1, 0, 3), ours: texts(9, 0, 3), theirs: texts(1, 0, 8)}, 'ours'), undefined);
});

test('sides that have nothing in common with the old text any more are in conflict, soon', t => {
  const lines = (word: string) => Array.from({length: 20_000}, (_, i) => `${word} ${i}`).join('\n');
  t.is(merged({base: lines('a'), ours: lines('b'), theirs: lines('c')}), undefined);
  t.is(merged({base: lines('a'), ours: lines('b'), theirs: lines('c')}, 'theirs'), lines('c'));
});
