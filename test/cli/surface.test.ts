/**
 * The surface that scripts rely on: `surface.txt` lists every command with its arguments and flags. A change to it is a
 * decision: run the test with DBOS_UPDATE_FIXTURES=1 and commit the new list.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {type ManifestCommand, manifest, runDbos} from './program.js';

const PINNED = fileURLToPath(new URL('../../../test/cli/surface.txt', import.meta.url));
const GLOBAL = new Set(['directory', 'json', 'no-color', 'quiet']);

function describe(command: ManifestCommand): string {
  const lines = [`dbos ${command.id.replaceAll(':', ' ')}${command.hidden ? ' (hidden)' : ''}`];
  for (const arg of Object.values(command.args)) {
    const name = `${arg.name.toUpperCase()}${arg.multiple ? '...' : ''}`;
    lines.push(`  ${arg.required ? name : `[${name}]`}${arg.options ? ` ${arg.options.join('|')}` : ''}`);
  }
  if (command.takesPaths) lines.push('  [-- PATH...]');
  const flags = Object.values(command.flags).filter(flag => !GLOBAL.has(flag.name));
  for (const flag of flags.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const given = `=${flag.options?.join('|') ?? 'VALUE'}${flag.multiple ? '...' : ''}`;
    const value = flag.type === 'boolean' ? '' : Object.hasOwn(command.lenient, flag.name) ? `[${given}]` : given;
    lines.push(`  ${flag.char ? `-${flag.char}, ` : ''}--${flag.name}${value}${flag.required ? ' (required)' : ''}`);
  }
  return lines.join('\n');
}

const commands = Object.values(manifest.commands).sort((a, b) => (a.id < b.id ? -1 : 1));

test('commands, arguments and flags are those that are pinned', t => {
  const surface = `${commands.map(describe).join('\n\n')}\n`;
  if (process.env.DBOS_UPDATE_FIXTURES) writeFileSync(PINNED, surface);
  t.is(surface, readFileSync(PINNED, 'utf8'));
});

test('every command has a summary, every flag and argument a description', t => {
  for (const command of commands) {
    t.truthy(command.summary, command.id);
    for (const part of [...Object.values(command.flags), ...Object.values(command.args)]) {
      t.truthy(part.description, `${command.id} ${part.name}`);
    }
  }
});

/** `dbos help` finds a command by its words and goes on as `--help` does, whichever it is. */
const PLAIN_AND_IN_TOPIC = ['commit', 'op:log'];

test('every command shows its help with examples and exit statuses', t => {
  for (const command of commands.filter(({hidden}) => !hidden)) {
    const words = command.id.split(':');
    const {status, stdout} = runDbos([...words, '--help']);
    t.is(status, 0);
    t.true(stdout.includes(`$ dbos ${words.join(' ')}`), command.id);
    t.regex(stdout, /\nEXAMPLES\n/, command.id);
    t.regex(stdout, /\nEXIT STATUS\n {2}0 {2,}done\n {2}1 {2,}failed\n {2}2 {2,}wrong usage\n/, command.id);
    if (PLAIN_AND_IN_TOPIC.includes(command.id)) {
      t.is(runDbos(['help', ...words]).stdout, stdout);
      t.deepEqual(JSON.parse(runDbos(['help', ...words, '--json']).stdout), {help: stdout});
    }
  }
});
