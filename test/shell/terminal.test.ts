/** The shell at a real pseudo-terminal, in the built program. */
import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {mustRun} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';
import {hasTerminals, Terminal} from './terminal.js';

const terminals = hasTerminals();
if (!terminals) test('there are no pseudo-terminals here, so nothing was tried', t => t.pass());

if (terminals) {
  test('a session: completion, SQL over lines, Ctrl-C, history, a transaction at the end', async t => {
    const directory = makeTmpDir(t);
    mustRun(directory, 'init');
    const shell = new Terminal(t, directory, '');
    const [, tty] = await shell.expect(/(\/dev\/\S+)[\s\S]*dbos \(main\)> $/);

    await shell.line('mkdir -p projects/alpha && touch projects/alpha/notes.txt');
    shell.type('ls pro\t');
    await shell.expect(/ls projects\/$/);
    shell.type('al\t');
    await shell.expect(/alpha\/$/);
    t.regex(await shell.line(''), /notes\.txt/);

    await shell.line('query CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT)');
    shell.type('INSERT INTO t (word)\r');
    await shell.expect(/\.\.\.> $/);
    t.regex(await shell.line("VALUES ('one'), ('two');"), /Changed 2 rows/);
    shell.type('SELECT wo\t');
    await shell.expect(/word$/);
    t.regex(await shell.line(' FROM t;'), /word[\s\S]*one[\s\S]*two/);

    // Ctrl-C: a line, half a statement, and a query that never ends
    shell.type('rm everything\x03');
    await shell.expect(/\^C[\s\S]*dbos \(main\)> $/);
    shell.type('SELECT 1,\r');
    await shell.expect(/\.\.\.> $/);
    shell.type('\x03');
    await shell.expect(/\^C[\s\S]*dbos \(main\)> $/);
    shell.type('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT count(*) FROM c;\r');
    await shell.expect(/FROM c;\n/);
    const again = setInterval(() => shell.type('\x03'), 500);
    await shell.expect(/Interrupted[\s\S]*dbos \(main\)> $/);
    clearInterval(again);
    t.regex(await shell.line('pwd'), /\/\n/);

    t.is(spawnSync('stty', ['-F', tty as string, 'cols', '60']).status, 0);
    t.regex(await shell.line('echo still here'), /still here\n/);

    // Ctrl-R finds a line again
    shell.type('mkd\x12');
    await shell.expect(/mkdir -p projects\/alpha && touch projects\/alpha\/notes\.txt$/);
    shell.type('\x03');
    await shell.expect(/dbos \(main\)> $/);

    t.regex(await shell.line('begin'), /Transaction T\w+ started[\s\S]*dbos \(main T\w+\)> $/);
    await shell.line('rm projects/alpha/notes.txt');
    shell.type('\x04');
    await shell.expect(/Commit it, abort it, or keep it open\?/);
    shell.type('abort\r');
    t.is(await shell.ended, 0);
    t.regex(mustRun(directory, 'ls', '-R'), /notes\.txt/);
    t.regex(readFileSync(join(directory, '.state/dbos/shell_history'), 'utf8'), /^mkdir -p[\s\S]*\nbegin\n/);
  });

  test('pasted lines run one after the other, and what follows is kept', async t => {
    const directory = makeTmpDir(t);
    mustRun(directory, 'init');
    const shell = new Terminal(t, directory, 'shell');
    await shell.expect(/dbos \(main\)> $/);
    shell.type('echo one\recho two\recho thr');
    await shell.expect(/echo one\none\n[^\n]*echo two\ntwo\n[^\n]*echo thr$/);
    shell.type('ee\r');
    await shell.expect(/\nthree\n[\s\S]*> $/);
    // both characters of a line end are one
    shell.type('echo a\r\necho b\r\n');
    await shell.expect(/a\ndbos \(main\)> echo b\nb\ndbos \(main\)> $/);
    // a terminal marks what is pasted: a Tab in it is a character
    shell.type("\x1b[200~SELECT length('a\tb') AS n,\r\t2 AS m;\r\x1b[201~echo af");
    await shell.expect(/n {2}m\n-+ {2}-+\n3 {2}2\n[^\n]*echo af$/);
    shell.type('ter\r');
    await shell.expect(/\nafter\n[\s\S]*> $/);
    shell.type('exit\r');
    t.is(await shell.ended, 0);
  });

  test('Tab completes before the keys that come with it take effect, and sees what the lines before have done', async t => {
    const directory = makeTmpDir(t);
    mustRun(directory, 'init');
    const shell = new Terminal(t, directory, '');
    await shell.expect(/dbos \(main\)> $/);
    shell.type('mkdir -p one/two\rls on\t\rls on\ttw\t\recho do\tne\r');
    await shell.expect(
      /> ls one\/\ntwo\/\ndbos \(main\)> ls one\/two\/\ndbos \(main\)> echo done\ndone\ndbos \(main\)> $/,
    );
    shell.type('ls on\t\x03');
    await shell.expect(/\^C\ndbos \(main\)> $/);
    shell.type('exit\r');
    t.is(await shell.ended, 0);
  });

  test('another process commits while the shell waits, and the shell sees it', async t => {
    const directory = makeTmpDir(t);
    mustRun(directory, 'init');
    const shell = new Terminal(t, directory, '');
    await shell.expect(/dbos \(main\)> $/);
    mustRun(directory, 'query', 'CREATE TABLE made_elsewhere (x)');
    mustRun(directory, 'switch', '-c', 'other');
    t.regex(await shell.line('.tables'), /made_elsewhere[\s\S]*dbos \(other\)> $/);
    shell.type('exit\r');
    t.is(await shell.ended, 0);
  });
}
