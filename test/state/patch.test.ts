import {spawnSync} from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {encodeText} from '../../src/bytes.js';
import {idOf} from '../../src/objects/id.js';
import type {FileChange, FileRow} from '../../src/state/files.js';
import {formatPatch} from '../../src/state/patch.js';
import {quotePath} from '../../src/state/quote.js';
import {findRenames} from '../../src/state/renames.js';
import {diffBodies} from '../../src/state/textdiff.js';
import {ContentRef} from '../../src/tree/cell.js';

/** An entry of a small tree: the body of a file, or the target of a symlink after `->`. */
type Tree = ReadonlyMap<string, {readonly body: Buffer; readonly mode: number; readonly symlink: boolean}>;

function rowOf(path: string, entry: {body: Buffer; mode: number; symlink: boolean}): FileRow {
  return {
    path,
    type: entry.symlink ? 'symlink' : 'file',
    mode: entry.mode,
    uid: 0,
    gid: 0,
    user: null,
    group: null,
    mtime: 0n,
    content: entry.symlink ? null : new ContentRef(idOf(entry.body), entry.body.length, false, false),
    target: entry.symlink ? entry.body.toString() : null,
    link: null,
    xattrs: null,
  };
}

function changesOf(before: Tree, after: Tree): FileChange[] {
  const changes: FileChange[] = [];
  for (const path of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [old, now] = [before.get(path), after.get(path)];
    if (old && now && old.body.equals(now.body) && old.mode === now.mode && old.symlink === now.symlink) continue;
    changes.push({path, before: old && rowOf(path, old), after: now && rowOf(path, now)});
  }
  return changes;
}

async function patchOf(before: Tree, after: Tree): Promise<Buffer> {
  const bodies = new Map<string, Buffer>();
  for (const {body} of [...before.values(), ...after.values()]) bodies.set(idOf(body), body);
  const read = (file: FileRow) => bodies.get(file.content?.id ?? '') as Buffer;
  const parts: Buffer[] = [];
  for (const delta of findRenames(changesOf(before, after), read)) parts.push(await formatPatch(delta, read));
  return Buffer.concat(parts);
}

function writeOut(root: string, tree: Tree): void {
  for (const [path, entry] of tree) {
    mkdirSync(join(root, dirname(path)), {recursive: true});
    if (entry.symlink) symlinkSync(entry.body, join(root, path));
    else writeFileSync(join(root, path), entry.body);
    if (!entry.symlink) chmodSync(join(root, path), entry.mode);
  }
}

function readBack(root: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(root, {recursive: true}).map(String)) {
    const stat = lstatSync(join(root, name));
    if (stat.isSymbolicLink()) found.set(name, `-> ${readlinkSync(join(root, name))}`);
    else if (stat.isFile()) found.set(name, `${stat.mode & 0o777} ${readFileSync(join(root, name), 'latin1')}`);
  }
  return found;
}

const body = fc.oneof(
  fc
    .array(fc.constantFrom('a\n', 'b\n', 'c\r\n', '\n', '-x\n', '+y\n', '\xff\xfe\n', '\\ z\n', 'end'), {maxLength: 30})
    .map(lines => Buffer.from(lines.join(''), 'latin1')),
  fc
    .array(fc.constantFrom('one\n', 'two\n', 'three\n'), {minLength: 20, maxLength: 60})
    .map(lines => Buffer.from(lines.join(''))),
);
const fileEntry = fc.record({body, mode: fc.constantFrom(0o644, 0o755), symlink: fc.constant(false)});
const linkEntry = fc.record({
  body: fc.constantFrom('t', '../x y', 'é').map(text => Buffer.from(text)),
  mode: fc.constant(0o777),
  symlink: fc.constant(true),
});
const tree: fc.Arbitrary<Tree> = fc
  .dictionary(
    fc.constantFrom('a', 'b', 'dir/c', 'dir/sub/d', 'with space', 'q"uote', 'é', 'back\\slash'),
    fc.oneof({weight: 5, arbitrary: fileEntry}, {weight: 1, arbitrary: linkEntry}),
  )
  .map(entries => new Map(Object.entries(entries)));

test('git apply turns one tree into the other', async t => {
  const base = mkdtempSync(join(tmpdir(), 'dbos-patch-'));
  t.teardown(() => rmSync(base, {recursive: true, force: true}));
  let round = 0;
  await fc.assert(
    fc.asyncProperty(tree, tree, async (before, after) => {
      const root = join(base, `${round++}`);
      const wanted = join(base, `${round++}`);
      mkdirSync(root);
      mkdirSync(wanted);
      writeOut(root, before);
      writeOut(wanted, after);
      const patch = await patchOf(before, after);
      if (patch.length > 0) {
        const done = spawnSync('git', ['apply', '--unsafe-paths', '-p1', '-'], {
          cwd: root,
          input: patch,
          encoding: 'utf8',
        });
        t.is(done.status, 0, `${done.stderr}\n${patch.toString('latin1')}`);
      }
      t.deepEqual(readBack(root), readBack(wanted));
    }),
    {numRuns: 60},
  );
});

test('patch -p1 takes changed, added and deleted files, without fuzz or offset', async t => {
  if (spawnSync('patch', ['--version']).status !== 0) {
    t.log('patch is not installed');
    t.pass();
    return;
  }
  const file = (text: string) => ({body: Buffer.from(text), mode: 0o644, symlink: false});
  const base = mkdtempSync(join(tmpdir(), 'dbos-patch-'));
  t.teardown(() => rmSync(base, {recursive: true, force: true}));
  const long = Array.from({length: 200}, (_, i) => `line ${i}\n`);
  const before: Tree = new Map([
    ['long', file(long.join(''))],
    ['gone', file('x\ny\n')],
    ['dir/with space', file('no newline')],
  ]);
  const edited = long.filter((_, i) => i !== 50).map((line, i) => (i % 60 === 3 ? `new ${line}` : line));
  const after: Tree = new Map([
    ['long', file(`${edited.join('')}tail`)],
    ['dir/with space', file('no newline still')],
    ['new/é', file('fresh\n')],
  ]);
  writeOut(base, before);
  const done = spawnSync('patch', ['-p1', '--fuzz=0'], {
    cwd: base,
    input: await patchOf(before, after),
    encoding: 'utf8',
  });
  t.is(done.status, 0, done.stdout + done.stderr);
  t.false(/offset|fuzz/.test(done.stdout));
  const found = readBack(base);
  t.deepEqual([...found.keys()].sort(), ['dir/with space', 'long', 'new/é']);
  for (const [path, entry] of after) t.is(found.get(path), `${0o644} ${entry.body.toString('latin1')}`);
});

test('binary bodies are said as such, and a difference too large to search is still right', async t => {
  t.true((await diffBodies(Buffer.from('a\0b'), Buffer.from('c'))).binary);
  const old = Array.from({length: 9000}, (_, i) => `${i}\n`).join('');
  const now = Array.from({length: 9000}, (_, i) => `${i * 7919}\n`).join('');
  const diff = await diffBodies(Buffer.from(old), Buffer.from(now));
  t.is(diff.added, 8999);
  t.is(diff.deleted, 8999);
});

test('a moved file is a rename, identical or edited, and takes the name that fits best', t => {
  const text = Array.from({length: 30}, (_, i) => `some line of text ${i}\n`).join('');
  const row = (path: string, content: string) => rowOf(path, {body: Buffer.from(content), mode: 0o644, symlink: false});
  const bodies = new Map(
    [text, `${text}more\n`, 'other\n'].map(content => [idOf(Buffer.from(content)) as string, Buffer.from(content)]),
  );
  const read = (file: FileRow) => bodies.get(file.content?.id ?? '') as Buffer;
  const gone = (path: string, content: string) => ({path, before: row(path, content), after: undefined});
  const come = (path: string, content: string) => ({path, before: undefined, after: row(path, content)});
  const summary = (changes: FileChange[], reader?: typeof read) =>
    findRenames(changes, reader).map(delta => `${delta.kind} ${delta.before?.path ?? ''}>${delta.after?.path ?? ''}`);
  t.deepEqual(summary([gone('a', text), come('b/x', text), gone('x', text)]), ['deleted a>', 'renamed x>b/x']);
  const edited = [gone('a', text), come('b', `${text}more\n`), come('c', 'other\n')];
  t.deepEqual(summary(edited, read), ['renamed a>b', 'added >c']);
  t.deepEqual(summary(edited), ['deleted a>', 'added >b', 'added >c']);
  t.deepEqual(summary([gone('a', ''), come('b', '')]), ['deleted a>', 'added >b']);
});

test('a path that would break a line or is no text is quoted', t => {
  t.is(quotePath('plain é 日本/x'), 'plain é 日本/x');
  t.is(quotePath('a\nb'), '"a\\nb"');
  t.is(quotePath('\udcff"'), '"\\377\\""');
  t.is(quotePath('\x9b1m'), '"\\302\\2331m"');
  t.is(encodeText('\udcff')[0], 0xff);
});
