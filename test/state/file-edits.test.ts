import test, {type ExecutionContext} from 'ava';
import type {DbosError, ErrorCode} from '../../src/errors.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {FileEdits} from '../../src/state/file-edits.js';
import {type FileRow, findFile, scanFiles} from '../../src/state/files.js';
import {ContentRef} from '../../src/tree/cell.js';
import {readWhole} from '../../src/tree/content.js';

const OWNER = {uid: 7, gid: 8, user: 'ada', group: 'engines'};

function newEdits() {
  const objects = new MemoryObjects();
  let time = 0n;
  const edits = new FileEdits(objects, null, {owner: OWNER, now: () => ++time});
  const text = (path: string) => {
    const file = findFile(objects, edits.root(), path) as FileRow;
    return file.content && Buffer.from(readWhole(objects, file.content)).toString();
  };
  const paths = () => [...scanFiles(objects, edits.root())].map(({path, type}) => (type === 'dir' ? `${path}/` : path));
  return {objects, edits, text, paths};
}

/** Holds that an edit is refused with a code and leaves everything as it was. */
function refused(t: ExecutionContext, edits: FileEdits, code: ErrorCode, work: () => void) {
  const before = edits.root();
  const error = t.throws<DbosError>(work, {code});
  t.truthy(error.hint);
  t.is(edits.root(), before);
}

test('what is made has its owner, mode and time, and what is written keeps them', t => {
  const {edits, text} = newEdits();
  edits.write('a/b/c', Buffer.from('one'), {parents: true, mode: 0o600});
  t.like(edits.read('a/b'), {type: 'dir', mode: 0o755, ...OWNER});
  t.like(edits.read('a/b/c'), {type: 'file', mode: 0o600, ...OWNER, link: null});
  const {mtime} = edits.read('a/b/c');
  edits.change('a/b/c', {uid: 1, user: 'bob', xattrs: Buffer.from('x')});
  edits.write('a/b/c', Buffer.from('two'), {mode: 0o777});
  t.like(edits.read('a/b/c'), {mode: 0o600, uid: 1, user: 'bob', xattrs: Buffer.from('x')});
  t.true(edits.read('a/b/c').mtime > mtime);
  t.is(text('a/b/c'), 'two');
  edits.change('a/b/c', {mtime: 5n});
  t.is(edits.read('a/b/c').mtime, 5n);
  edits.makeFifo('pipe');
  edits.makeSymlink('link', '../anywhere');
  t.like(edits.read('link'), {type: 'symlink', mode: 0o777, target: '../anywhere', content: null});
  t.deepEqual(
    [...edits.list('')].map(({path}) => path),
    ['a', 'link', 'pipe'],
  );
});

test('names and targets that no state may have are refused', t => {
  const {edits} = newEdits();
  edits.write('f', Buffer.from(''));
  edits.makeDirectory('d');
  const hostile = [
    '',
    '.',
    '..',
    'd/..',
    '../x',
    '/x',
    'd//x',
    'd/',
    'a\0b',
    '.dbos',
    'd/.DBOS',
    '.dbos./x',
    'n'.repeat(256),
  ];
  for (const path of hostile) {
    refused(t, edits, 'NAME_UNSAFE', () => edits.write(path, Buffer.from('x'), {parents: true}));
    refused(t, edits, 'NAME_UNSAFE', () => edits.makeDirectory(path, {parents: true}));
    refused(t, edits, 'NAME_UNSAFE', () => edits.makeSymlink(path, 'f', {parents: true}));
    refused(t, edits, 'NAME_UNSAFE', () => edits.makeLink('f', path, {parents: true}));
    refused(t, edits, 'NAME_UNSAFE', () => edits.move('f', path, {parents: true}));
    refused(t, edits, 'NAME_UNSAFE', () => edits.copy('f', path, {parents: true}));
    refused(t, edits, 'PATH_UNKNOWN', () => edits.remove(path, {recursive: true}));
  }
  for (const target of ['', 'a\0b', 'x'.repeat(4096)]) {
    refused(t, edits, 'NAME_UNSAFE', () => edits.makeSymlink('link', target));
  }
  for (const mode of [-1, 0o10000, 0.5]) refused(t, edits, 'ROW_INVALID', () => edits.change('f', {mode}));
});

test('what stands in the way is told by its code', t => {
  const {edits, paths} = newEdits();
  edits.write('f', Buffer.from('1'));
  edits.write('d/e/x', Buffer.from('2'), {parents: true});
  edits.makeSymlink('s', 'd');
  const before = paths();
  refused(t, edits, 'PATH_UNKNOWN', () => edits.write('no/x', Buffer.from('')));
  refused(t, edits, 'PATH_NOT_DIRECTORY', () => edits.write('f/x', Buffer.from(''), {parents: true}));
  refused(t, edits, 'PATH_NOT_DIRECTORY', () => edits.write('s/x', Buffer.from(''), {parents: true}));
  refused(t, edits, 'PATH_NOT_FILE', () => edits.write('d', Buffer.from('')));
  refused(t, edits, 'PATH_NOT_FILE', () => edits.write('s', Buffer.from('')));
  refused(t, edits, 'PATH_EXISTS', () => edits.makeDirectory('d'));
  refused(t, edits, 'PATH_EXISTS', () => edits.makeDirectory('f', {parents: true}));
  refused(t, edits, 'PATH_EXISTS', () => edits.makeSymlink('d', 'x'));
  refused(t, edits, 'DIRECTORY_NOT_EMPTY', () => edits.remove('d'));
  refused(t, edits, 'PATH_UNKNOWN', () => edits.move('no', 'x'));
  refused(t, edits, 'PATH_EXISTS', () => edits.move('f', 's'));
  refused(t, edits, 'PATH_INVALID', () => edits.move('d', 'd/e/d', {replace: true}));
  refused(t, edits, 'PATH_NOT_FILE', () => edits.move('f', 'd', {replace: true}));
  refused(t, edits, 'PATH_NOT_DIRECTORY', () => edits.move('d', 'f', {replace: true}));
  edits.makeDirectory('g');
  refused(t, edits, 'DIRECTORY_NOT_EMPTY', () => edits.move('g', 'd', {replace: true}));
  refused(t, edits, 'PATH_NOT_FILE', () => edits.copy('d', 'x'));
  refused(t, edits, 'PATH_INVALID', () => edits.copy('d', 'd/x', {recursive: true}));
  refused(t, edits, 'PATH_EXISTS', () => edits.copy('d', 'g', {recursive: true}));
  refused(t, edits, 'PATH_NOT_DIRECTORY', () => edits.copy('d', 'f', {recursive: true, replace: true}));
  refused(t, edits, 'PATH_NOT_FILE', () => edits.makeLink('d', 'x'));
  t.throws(() => [...edits.list('f')], {code: 'PATH_NOT_DIRECTORY'});
  edits.remove('g');
  t.deepEqual(paths(), before);
  edits.makeDirectory('d/e', {parents: true});
  t.deepEqual(paths(), before);
});

test('a subtree is moved, copied and removed with all that is in it', t => {
  const {edits, paths, text} = newEdits();
  edits.write('d/e/x', Buffer.from('1'), {parents: true, mode: 0o4755});
  edits.write('d-e', Buffer.from('2'));
  edits.move('d', 'new/place', {parents: true});
  t.deepEqual(paths(), ['d-e', 'new/', 'new/place/', 'new/place/e/', 'new/place/e/x']);
  edits.change('new/place/e/x', {uid: 0, mtime: 3n, xattrs: Buffer.from('x')});
  edits.copy('new', 'copy', {recursive: true});
  t.like(edits.read('copy/place/e/x'), {mode: 0o755, ...OWNER, xattrs: null});
  edits.copy('new', 'kept', {recursive: true, preserve: true});
  t.like(edits.read('kept/place/e/x'), {mode: 0o4755, uid: 0, mtime: 3n, xattrs: Buffer.from('x')});
  edits.write('copy/place/e/x', Buffer.from('3'));
  edits.write('copy/more', Buffer.from('4'));
  edits.copy('copy', 'kept', {recursive: true, replace: true});
  t.is(text('kept/place/e/x'), '3');
  t.is(text('kept/more'), '4');
  t.like(edits.read('kept/place/e/x'), {mode: 0o4755, uid: 0});
  edits.remove('kept', {recursive: true});
  edits.remove('copy', {recursive: true});
  t.deepEqual(paths(), ['d-e', 'new/', 'new/place/', 'new/place/e/', 'new/place/e/x']);
});

test('hard links stay alike, and name the first of them', t => {
  const {edits, text} = newEdits();
  const links = () => [...edits.list('')].map(({path, link}) => [path, link]);
  edits.write('m', Buffer.from('1'));
  edits.makeLink('m', 'x');
  edits.makeLink('x', 'c');
  t.deepEqual(links(), [
    ['c', 'c'],
    ['m', 'c'],
    ['x', 'c'],
  ]);
  edits.write('x', Buffer.from('2'));
  edits.change('m', {mode: 0o600});
  t.is(text('c'), '2');
  t.deepEqual(
    [...edits.list('')].map(({mode}) => mode),
    [0o600, 0o600, 0o600],
  );
  edits.move('c', 'z');
  t.deepEqual(links(), [
    ['m', 'm'],
    ['x', 'm'],
    ['z', 'm'],
  ]);
  edits.copy('x', 'copy');
  t.is(edits.read('copy').link, null);
  edits.remove('m');
  edits.write('other', Buffer.from('3'));
  edits.move('other', 'x', {replace: true});
  t.deepEqual(links(), [
    ['copy', null],
    ['x', null],
    ['z', null],
  ]);
  t.is(text('z'), '2');
});

test('a body may be there already', t => {
  const {objects, edits, text} = newEdits();
  const bytes = Buffer.from('body');
  edits.write('f', new ContentRef(objects.put(bytes), bytes.length, false, false));
  t.is(text('f'), 'body');
});
