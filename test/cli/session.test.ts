/** The parts of a command that wait for somebody: pager, editor, signals; and who is at work. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmodSync, closeSync, openSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {editMessage, messageOf, messageTemplate} from '../../src/cli/editor.js';
import {parseIdentity, resolveIdentity} from '../../src/cli/identity.js';
import {Output} from '../../src/cli/output.js';
import {Pager, pagerCommand} from '../../src/cli/pager.js';
import {Progress} from '../../src/cli/progress.js';
import {makeTmpDir} from '../support/tmp.js';

test('the pager is DBOS_PAGER, PAGER or less', t => {
  t.is(pagerCommand({}), 'less');
  t.is(pagerCommand({PAGER: 'more'}), 'more');
  t.is(pagerCommand({PAGER: 'more', DBOS_PAGER: 'most -x'}), 'most -x');
  t.is(pagerCommand({DBOS_PAGER: ''}), undefined);
  t.is(pagerCommand({PAGER: 'cat'}), undefined);
  t.is(pagerCommand({TERM: 'dumb'}), undefined);
});

async function page(command: string, file: string, text: readonly string[]): Promise<Pager> {
  const fd = openSync(file, 'w');
  const output = new Output(fd);
  const pager = await Pager.start(command, output, process.env);
  for (const part of text) {
    output.write(part);
    await pager.show();
  }
  await pager.finish();
  closeSync(fd);
  return pager;
}

test('the pager gets all of the output, in order', async t => {
  const folder = makeTmpDir(t);
  const parts = Array.from({length: 50}, (_, at) => `${at} ${'x'.repeat(5000)}\n`);
  await page(`cat > '${folder}/paged'`, join(folder, 'terminal'), parts);
  t.is(readFileSync(join(folder, 'paged'), 'utf8'), parts.join(''));
  t.is(readFileSync(join(folder, 'terminal'), 'utf8'), '');
});

test('a pager that quits early ends the output without an error', async t => {
  const folder = makeTmpDir(t);
  const pager = await page('true', join(folder, 'terminal'), Array(200).fill('x'.repeat(10_000)));
  t.true(pager.closed);
  t.is(readFileSync(join(folder, 'terminal'), 'utf8'), '');
});

test('without the pager the output is on the terminal', async t => {
  const file = join(makeTmpDir(t), 'terminal');
  await page('no-such-pager-here 2>/dev/null', file, ['one\n', 'two\n']);
  t.is(readFileSync(file, 'utf8'), 'one\ntwo\n');
});

test('comments and blank edges are no part of a message', t => {
  t.is(messageOf('\n\n subject  \n# a comment\n\n\n\nbody\r\n#\n\n'), ' subject\n\nbody');
  t.is(messageOf(messageTemplate('', ['Changes:', '\ta'])), '');
  t.is(messageOf(messageTemplate('kept', ['x'])), 'kept');
});

function fakeEditor(folder: string, script: string): {DBOS_EDITOR: string} {
  const path = join(folder, 'my editor');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return {DBOS_EDITOR: `'${path}' --wait`};
}

test('the editor is run with its arguments and the file', async t => {
  const folder = makeTmpDir(t);
  const env = fakeEditor(folder, `[ "$1" = --wait ] && { echo first; cat "$2"; } > "$2.new" && mv "$2.new" "$2"`);
  t.is(await editMessage(messageTemplate('template', ['help']), env), 'first\ntemplate');
});

test('an empty message and a failing editor are errors', async t => {
  const folder = makeTmpDir(t);
  await t.throwsAsync(editMessage('\n# help\n', fakeEditor(folder, ':')), {code: 'MESSAGE_MISSING'});
  await t.throwsAsync(editMessage('x', fakeEditor(folder, 'exit 3')), {code: 'EDITOR_FAILED', message: /status 3/});
  await t.throwsAsync(editMessage('x', {EDITOR: 'no-such-editor-here 2>/dev/null'}), {code: 'EDITOR_FAILED'});
});

test('the author comes from the environment, the settings, the system', t => {
  const settings = (key: string) => ({'user.name': 'Set', 'user.email': 'set@example.org'})[key];
  t.deepEqual(resolveIdentity({DBOS_AUTHOR_NAME: 'Env'}, settings), {name: 'Env', email: 'set@example.org'});
  t.deepEqual(resolveIdentity({}, settings), {name: 'Set', email: 'set@example.org'});
  t.regex(resolveIdentity({}, () => undefined).email, /^.+@.+$/);
  t.throws(() => resolveIdentity({DBOS_AUTHOR_NAME: 'a <b'}, settings), {code: 'IDENTITY_INVALID'});
  t.throws(() => resolveIdentity({DBOS_AUTHOR_EMAIL: 'a\nb'}, settings), {code: 'IDENTITY_INVALID'});
  t.deepEqual(parseIdentity(' A B <a@b> '), {name: 'A B', email: 'a@b'});
  for (const text of ['A B', '<a@b>', 'A <>', 'A <b']) t.throws(() => parseIdentity(text), {code: 'IDENTITY_INVALID'});
});

test('progress shows only after a while, and not where it is not wanted', t => {
  const written: string[] = [];
  const output = {isTerminal: true, columns: 60, write: (text: string) => written.push(text), flush: () => undefined};
  let now = 0;
  const progress = new Progress(output as unknown as Output, true, () => now);
  progress.update({label: 'Work', done: 1, total: 10});
  now = 400;
  progress.update({label: 'Work', done: 4, total: 10});
  t.deepEqual(written, []);
  now = 600;
  progress.update({label: 'Work', done: 6, total: 10});
  now = 620;
  progress.update({label: 'Work', done: 7, total: 10});
  t.deepEqual(written, ['\r\u001b[KWork  6/10  60%  10/s  0:01 left']);
  progress.finish();
  t.is(written.at(-1), '\r\u001b[K');

  const quiet = new Progress(output as unknown as Output, false, () => now);
  now = 10_000;
  quiet.update({label: 'Work', done: 1});
  quiet.finish();
  t.is(written.length, 2);
});

const INTERRUPTED = `
  const {interruptible} = await import(process.argv[1]);
  const release = async () => { console.log('released'); };
  const work = signal => new Promise((done, fail) => {
    console.log('working');
    setInterval(() => {}, 1000);
    if (process.argv[2] === 'listens') signal.addEventListener('abort', () => fail(signal.reason));
    if (process.argv[2] === 'finishes') signal.addEventListener('abort', () => done(1));
  });
  try { await interruptible(work, release); } catch (error) { process.exit(error.exitStatus); }
  process.exit(0);
`;

for (const [manner, signal, status] of [
  ['listens', 'SIGINT', 130],
  ['finishes', 'SIGTERM', 143],
  ['ignores', 'SIGINT', 130],
] as const) {
  test(`${signal} releases the store and exits with ${status} when the work ${manner}`, async t => {
    const module = new URL('../../src/cli/interrupt.js', import.meta.url).href;
    const child = spawn(process.execPath, ['--input-type=module', '-e', INTERRUPTED, module, manner]);
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data;
      if (`${data}`.includes('working')) child.kill(signal);
    });
    const [code] = await once(child, 'close');
    t.is(code, status);
    t.is(output, 'working\nreleased\n');
  });
}
