/** What the shell offers at the end of a command line. */
import test from 'ava';
import {type CompletionKind, complete, type Surface} from '../../src/cli/complete.js';
import {manifest, runDbos, runShell} from './program.js';
import {makeStore, short} from './store.js';

const surface: Surface = {
  commands: {
    log: {
      id: 'log',
      summary: 'Show commits.\nMore.',
      flags: {
        since: {name: 'since', type: 'option'},
        format: {name: 'format', char: 'f', type: 'option', options: ['short', 'long']},
        graph: {name: 'graph', type: 'boolean', description: 'Draw the graph.'},
        secret: {name: 'secret', type: 'boolean', hidden: true},
      },
      args: {revision: {name: 'revision'}},
      takesPaths: true,
      completes: {revision: 'revision', paths: 'tracked'},
    },
    restore: {id: 'restore', flags: {}, args: {paths: {name: 'paths', multiple: true}}, completes: {paths: 'tracked'}},
    'op:log': {id: 'op:log', summary: 'Show operations.', flags: {}, args: {}},
    'op:show': {id: 'op:show', flags: {}, args: {}},
    hidden: {id: 'hidden', hidden: true, flags: {}, args: {}},
  },
};

const names = async (kind: CompletionKind, prefix: string) =>
  [`${kind}-1`, `${kind}-2`].filter(name => name.startsWith(prefix)).map(value => ({value}));

async function offered(...words: string[]): Promise<string[]> {
  const {candidates, files} = await complete(words, surface, names);
  return [...candidates.map(({value}) => value), ...(files === undefined ? [] : [`:${files}`])];
}

test('commands and topics', async t => {
  t.deepEqual(await offered(''), ['log', 'restore', 'op']);
  t.deepEqual(await offered('l'), ['log']);
  t.deepEqual(await offered('op', ''), ['log', 'show']);
  t.deepEqual(await offered('op', 's'), ['show']);
  t.deepEqual(await offered('--json', 'l'), ['log']);
  const {candidates} = await complete(['lo'], surface, names);
  t.is(candidates[0]?.description, 'Show commits.');
});

test('flags and their values', async t => {
  t.deepEqual(await offered('log', '--'), ['--since', '--format', '--graph', '--help']);
  t.deepEqual(await offered('log', '--format', ''), ['short', 'long']);
  t.deepEqual(await offered('log', '-f', 'l'), ['long']);
  t.deepEqual(await offered('log', '--format=s'), ['short']);
  t.deepEqual(await offered('log', '--format', '=', 's'), ['short']);
  t.deepEqual(await offered('log', '--since', ''), []);
  t.deepEqual(await offered('-C', ''), [':directories']);
});

test('names in the store', async t => {
  t.deepEqual(await offered('log', ''), ['revision-1', 'revision-2']);
  t.deepEqual(await offered('log', '--format', 'long', 'revision-2'), ['revision-2']);
  t.deepEqual(await offered('log', 'main', ''), []);
  t.deepEqual(await offered('log', 'main', '--', ''), ['tracked-1', 'tracked-2']);
  t.deepEqual(await offered('restore', 'a', 'b', 'tracked-1'), ['tracked-1']);
});

test('the program answers for its own commands', t => {
  const {status, stdout} = runDbos(['__complete', 'bash', '']);
  t.is(status, 0);
  const visible = Object.values(manifest.commands).filter(({hidden}) => !hidden);
  const first = new Set(visible.map(({id}) => id.split(':')[0]));
  t.deepEqual(
    new Set(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => line.split('\t')[0]),
    ),
    first,
  );
  t.is(runDbos(['__complete', 'bash', 'completion', 'z']).stdout, 'zsh\n');
  t.is(runDbos(['__complete', 'bash', '--help']).status, 0);
});

test('the program completes what is in the store', t => {
  const store = makeStore(t);
  const first = store.commit({'src/one': '', 'src/other': '', 'src/tw\to': ''});
  store.run('branch', 'feature');
  store.run('tag', 'first');
  const offers = (...words: string[]) =>
    store.lines('__complete', 'bash', ...words).map(line => line.split('\t')[0] as string);
  t.deepEqual(offers('switch', ''), ['feature', 'main']);
  t.deepEqual(offers('tag', '-d', 'f'), ['first']);
  t.deepEqual(offers('tag', 'v1', 'f'), ['feature', 'first']);
  t.deepEqual(offers('branch', '--merged', 'f'), ['feature', 'first']);
  t.deepEqual(offers('checkout', 'f'), ['feature', 'first']);
  t.deepEqual(offers('log', 'main..f'), ['main..feature', 'main..first']);
  t.deepEqual(offers('cat', ''), ['src/']);
  t.deepEqual(offers('cat', 'src/o'), ['src/one', 'src/other']);
  t.deepEqual(offers('config', 'core.e'), ['core.editor']);
  t.deepEqual(offers('op', 'show', '@~'), ['@~1', '@~2', '@~3']);
  store.run('remote', 'add', 'hub', '/nowhere');
  t.deepEqual(offers('fetch', ''), ['hub']);
  t.deepEqual(offers('remote', 'show', 'h'), ['hub']);
  const {id} = store.json<{id: string}>('op', 'show');
  t.deepEqual(offers('op', 'restore', short(id).slice(0, 6)), [short(id)]);
  t.not(id, first);
  store.run('query', 'CREATE TABLE city(a)');
  t.deepEqual(offers('export', 'c'), ['city']);
  t.deepEqual(offers('table', 'show', ''), ['city']);
  const {id: transaction} = store.json<{id: string}>('begin');
  t.deepEqual(offers('query', '--txn', 'T'), [transaction]);
  t.deepEqual(offers('txn', 'show', ''), [transaction]);
  const elsewhere = runDbos(['__complete', 'bash', '-C', store.directory, 'switch', 'm'], {cwd: '/'});
  t.is(elsewhere.stdout, 'main\n');
  t.like(runDbos(['__complete', 'bash', '-C', '/', 'switch', ''], {cwd: '/'}), {status: 0, stdout: ''});
});

test('the script for bash works in bash', t => {
  const {stdout, stderr} = runShell(`
    eval "$(dbos completion bash)"
    COMP_WORDS=(dbos completion f) COMP_CWORD=2
    _dbos_complete && printf '%s\\n' "\${COMPREPLY[@]}"
    COMP_WORDS=(dbos comp) COMP_CWORD=1
    _dbos_complete && printf '%s\\n' "\${COMPREPLY[@]}"`);
  t.is(stderr, '');
  t.is(stdout, 'fish\ncompletion\n');
});
