/** The shell fed by a pipe or a file, in the built program. */
import {spawn, spawnSync} from 'node:child_process';
import {existsSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {cleanEnvironment, type Outcome, PROGRAM} from '../cli/program.js';
import {coverageOf, UNCOVERED} from '../support/coverage.js';
import {mustRun, outcome} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

/** Returns what the shell does with a script from a pipe. */
function shell(directory: string, script: string, ...args: string[]): Outcome {
  const {status, stdout, stderr} = spawnSync(process.execPath, [PROGRAM, '-C', directory, 'shell', ...args], {
    input: script,
    encoding: 'utf8',
    env: cleanEnvironment({...coverageOf(script.split(/\s/)), DBOS_EDITOR: "sed -i -e 's/old/new/'"}),
  });
  return {status, stdout, stderr};
}

/** A transcript: lines after `> ` are entered, the others must come; `…` stands for anything. */
const TRANSCRIPT = `
> touch newfile.txt
> echo "Hello DBOS" > newfile.txt
> ls
newfile.txt
> begin
Transaction T… started
> rm newfile.txt
> ls
> commit
…
> history newfile.txt
… D rm newfile.txt
… M echo "Hello DBOS" > newfile.txt
… A touch newfile.txt
> branch experimental
…
> switch experimental
…
> mkdir -p docs/deep
> cd docs
> echo one > deep/a.txt; echo two >> deep/a.txt
> cat deep/a.txt
one
two
> cp -r deep copy && mv copy/a.txt copy/b.txt
> find . -name '*.txt'
./copy/b.txt
./deep/a.txt
> tree
.
├── copy
│   └── b.txt
└── deep
    └── a.txt
2 directories, 2 files
> grep -rn tw
copy/b.txt:2:two
deep/a.txt:2:two
> chmod u+x,go= deep/a.txt
> stat deep/a.txt
path:    /docs/deep/a.txt
type:    file
mode:    0700
…
> pwd
/docs
> rm -r copy deep
> ls
> state-at HEAD~1
> ls
copy/
deep/
> now
> ls
> SELECT count(*) AS n
>   FROM files;
{"n":1}
`;

/** Returns the entered lines, and what must come of all of them. */
function readTranscript(transcript: string): {script: string; wanted: RegExp} {
  const lines = transcript.trim().split('\n');
  const script = lines.flatMap(line => (line.startsWith('> ') ? [line.slice(2)] : [])).join('\n');
  const rest = lines.filter(line => !line.startsWith('> '));
  const source = rest.map(line => {
    const escaped = line.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    return line === '…' ? '(?:.*\n)*?' : `${escaped.replaceAll('…', '.*')}\n`;
  });
  return {script: `${script}\n`, wanted: new RegExp(`^${source.join('')}$`)};
}

for (const bare of [false, true]) {
  test(`a session, ${bare ? 'on a bare store' : 'in a work tree'}`, t => {
    const directory = makeTmpDir(t);
    mustRun(directory, 'init', ...(bare ? ['--bare'] : []));
    const {script, wanted} = readTranscript(TRANSCRIPT);
    const {status, stdout, stderr} = shell(directory, script);
    t.is(status, 0, stderr);
    t.regex(stdout, wanted);
    // the work tree has followed
    if (!bare) t.true(existsSync(join(directory, 'docs')) && !existsSync(join(directory, 'docs/deep')));
    t.regex(mustRun(directory, 'op', 'log', '-n', '40'), /dbos shell: rm -r copy deep/);
  });
}

test('an error ends a script with its line, unless it shall go on', t => {
  const directory = makeTmpDir(t);
  mustRun(directory, 'init');
  const script = 'touch a\n\nrm missing\ntouch b\n';
  const stopped = shell(directory, script);
  t.is(stopped.status, 4);
  t.regex(stopped.stderr, /PATH_UNKNOWN[\s\S]*line 3/);
  t.is(mustRun(directory, 'ls'), 'a\n');
  const file = join(directory, 'script');
  writeFileSync(file, script);
  t.is(shell(directory, '', file, '--keep-going').status, 4);
  t.is(mustRun(directory, 'ls'), 'a\nb\n');
});

for (const [line, code] of [
  ["echo 'open", 'SHELL_SYNTAX'],
  ['SELECT 1', 'SHELL_SYNTAX'],
  ['ls | wc', 'SHELL_SYNTAX'],
  ['frobnicate', 'USAGE'],
  ['mkdir', 'USAGE'],
  ['mkdir --wrong x', 'USAGE'],
  ['rm ..', 'PATH_INVALID'],
  ['touch .dbos/x', 'NAME_UNSAFE'],
  ['mkdir a/b', 'PATH_UNKNOWN'],
  ['abort', 'TRANSACTION_UNKNOWN'],
  ['state-at nowhere-at-all', 'REVISION_UNKNOWN'],
  ['.mode rainbow', 'USAGE'],
  ['import missing there', 'FILE_UNREADABLE'],
  ['chmod 999 x', 'PATH_UNKNOWN'],
  ['SELEC 1;', 'USAGE'],
] as const) {
  test(`${line} is ${code}`, t => {
    const directory = makeTmpDir(t);
    mustRun(directory, 'init');
    const {status, stderr} = shell(directory, `${line}\n`);
    t.not(status, 0);
    t.regex(stderr, new RegExp(`\\(${code}\\)`));
  });
}

test('a script that is not there is told as any file that is not', t => {
  const directory = makeTmpDir(t);
  mustRun(directory, 'init');
  const missing = shell(directory, '', 'nowhere');
  t.is(missing.status, 4);
  t.regex(missing.stderr, /PATH_UNKNOWN/);
  const folder = shell(directory, '', '.');
  t.is(folder.status, 1);
  t.regex(folder.stderr, /FILE_UNREADABLE/);
});

test('what the sqlite3 shell has with a dot is there, or leads to what is', t => {
  const directory = makeTmpDir(t);
  mustRun(directory, 'init');
  mustRun(directory, 'query', 'CREATE TABLE t (x); CREATE TABLE u (y)');
  const {status, stdout, stderr} = shell(
    directory,
    '.import a.csv t\n.headers on\n.timer off\n.help ls\n.dump t\n.dump\n.quit\nls nowhere\n',
    '--keep-going',
  );
  t.is(status, 2);
  t.regex(stderr, /There is no setting \.import.*\nhint: `dbos import FILE --table NAME`/);
  t.regex(stderr, /There is no setting \.headers.*\nhint: There are \.tables/);
  t.notRegex(stderr, /nowhere/);
  t.regex(stdout, /^timing is off\n[^\n]*ls /);
  t.is(stdout.match(/CREATE TABLE t/g)?.length, 2);
  t.is(stdout.match(/CREATE TABLE u/g)?.length, 1);
});

test('the past cannot be changed, and says so', t => {
  const directory = makeTmpDir(t);
  mustRun(directory, 'init');
  const {stderr, stdout} = shell(
    directory,
    'touch a\nstate-at HEAD\nrm a\necho x > b\nCREATE TABLE t (x);\nswitch -c other\nbegin\ncommit\nlog --oneline\nnow\nls\n',
    '--keep-going',
  );
  t.is(stderr.match(/READ_ONLY/g)?.length, 5, stderr);
  t.regex(stderr, /A past state cannot be written/);
  t.regex(stdout, /touch a\na\n$/);
});

test('a transaction sees its own changes and nobody else does, savepoints come back', t => {
  const directory = makeTmpDir(t);
  mustRun(directory, 'init');
  const {status, stdout, stderr} = shell(
    directory,
    `CREATE TABLE t (x);
begin -m 'all of it'
touch a
INSERT INTO t VALUES (1);
savepoint here
rm a
INSERT INTO t VALUES (2);
rollback to here
ls
SELECT count(*) AS n FROM t;
commit
`,
  );
  t.is(status, 0, stderr);
  t.regex(stdout, /^Transaction T\w+ started\nSavepoint here [\s\S]*\na\n\{"n":1\}\n\[main/);
  t.is(mustRun(directory, 'ls'), 'a\n');
  t.regex(mustRun(directory, 'log', '--oneline', '-n', '1'), /all of it/);
  t.true(existsSync(join(directory, 'a')));
});

test('copies between this machine and the state', t => {
  const directory = makeTmpDir(t);
  const host = makeTmpDir(t);
  mustRun(directory, 'init');
  spawnSync('mkdir', ['-p', join(host, 'in/sub')]);
  writeFileSync(join(host, 'in/sub/file'), 'old text\n', {mode: 0o640});
  symlinkSync('sub/file', join(host, 'in/link'));
  const {status, stderr} = shell(
    directory,
    `import ${host}/in tree\nedit tree/sub/file\nexport tree ${host}/out\nexport tree/sub/file ${host}/one\n`,
  );
  t.is(status, 1, 'there is no terminal for an editor');
  t.regex(stderr, /EDITOR_FAILED/);
  t.is(shell(directory, `export tree ${host}/out\nexport tree/sub/file ${host}/one\n`).status, 0);
  t.is(readFileSync(join(host, 'out/link'), 'utf8'), 'old text\n');
  t.is(readFileSync(join(host, 'one'), 'utf8'), 'old text\n');
  t.regex(shell(directory, `export tree ${host}/out\n`).stderr, /FILE_UNWRITABLE/);
});

test('a script from a pipe may come slowly', async t => {
  const directory = makeTmpDir(t);
  mustRun(directory, 'init');
  const child = spawn(process.execPath, [PROGRAM, '-C', directory, 'shell'], {env: cleanEnvironment(UNCOVERED)});
  const done = outcome(child);
  child.stdin.write('pwd\n');
  child.stdout.once('data', () => setTimeout(() => child.stdin.end('pwd\n'), 100));
  const {status, stdout, stderr} = await done;
  t.is(status, 0, stderr);
  t.is(stdout, '/\n/\n');
});

test('a transaction of a script that meets a conflict is carried out again, and what it prints is printed once', async t => {
  const directory = makeTmpDir(t);
  mustRun(directory, 'init');
  mustRun(directory, 'query', 'CREATE TABLE a(id INTEGER PRIMARY KEY, x); INSERT INTO a VALUES (1, 10)');
  const run = async (...args: string[]) => {
    const child = spawn(process.execPath, [PROGRAM, '-C', directory, 'shell', ...args], {
      env: cleanEnvironment(coverageOf(['shell', ...args])),
    });
    const done = outcome(child);
    child.stdin.write('.mode csv\nmkdir -p d\nbegin\ncd d\nUPDATE a SET x = x + 1;\nSELECT x FROM a;\n');
    // it is inside, and has seen what there is
    for (let summary = ''; !summary.includes('UPDATE'); ) {
      summary = mustRun(directory, 'txn', 'ls', '--json');
    }
    mustRun(directory, 'query', 'UPDATE a SET x = x * 2');
    child.stdin.end('touch inside.txt\ncommit\npwd\n');
    return done;
  };
  const again = await run('--retry', '2');
  t.is(again.status, 0, again.stderr);
  t.is(
    again.stdout.replace(/T[a-z2-7]{12} started/, 'T… started').replace(/\[main .*\n/, '[main …\n'),
    ['Transaction T… started\n', 'x\n21\n', '[main …\n', '/d\n'].join(''),
  );
  t.true(again.stderr.includes('The transaction that begins in line 3 is carried out again.'), again.stderr);
  t.is(mustRun(directory, 'query', 'SELECT x FROM a'), '{"x":21}\n');
  const once = await run();
  t.is(once.status, 3, once.stderr);
  t.is(mustRun(directory, 'query', 'SELECT x FROM a'), '{"x":42}\n');
});
