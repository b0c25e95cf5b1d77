/**
 * Texts, a message above all, written in the user's editor: DBOS_EDITOR, else the setting `core.editor`, else VISUAL, else EDITOR, else vi. Lines that start with `#` are
 * comments. Layer: cli.
 */
import {spawn} from 'node:child_process';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {DbosError} from '../errors.js';

/** Returns the message in an edited text: without comments, trailing blanks and blank lines at either end. */
export function messageOf(text: string): string {
  const lines = text.split(/\r?\n/).filter(line => !line.startsWith('#'));
  return lines
    .map(line => line.trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/^\n+|\n+$/g, '');
}

/** Returns the text that the editor starts with: the message so far and the comments below it. */
export function messageTemplate(message: string, comments: readonly string[]): string {
  const commented = comments.flatMap(text => text.split('\n')).map(line => (line === '' ? '#' : `# ${line}`));
  return `${message}\n\n${commented.join('\n')}\n`;
}

async function runEditor(command: string, file: string): Promise<void> {
  // Through the shell, because the setting may hold arguments (`code --wait`).
  const windows = process.platform === 'win32';
  const child = windows
    ? spawn(`${command} "${file}"`, {shell: true, stdio: 'inherit'})
    : spawn('sh', ['-c', `${command} "$1"`, 'sh', file], {stdio: 'inherit'});
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', status => (status === 0 ? resolve() : reject(new Error(`it ended with status ${status}`))));
  });
}

/** Returns what the user makes of a file in the editor. Throws EDITOR_FAILED if that did not run or ended with an error. */
export async function editFile(
  body: string | Uint8Array,
  name: string,
  env: NodeJS.ProcessEnv,
  setting?: string,
): Promise<Buffer> {
  const command = env.DBOS_EDITOR || setting || env.VISUAL || env.EDITOR || 'vi';
  const folder = await mkdtemp(join(tmpdir(), 'dbos-'));
  const file = join(folder, name);
  try {
    await writeFile(file, body);
    await runEditor(command, file);
    return await readFile(file);
  } catch (error) {
    throw new DbosError('EDITOR_FAILED', `The editor ${command} failed: ${(error as Error).message}.`, {
      hint: 'Set DBOS_EDITOR to another editor, or give the text on the command line.',
      cause: error,
    });
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

/** Returns the message that the user wrote. Throws MESSAGE_MISSING if nothing but comments is left, and as `editFile`. */
export async function editMessage(template: string, env: NodeJS.ProcessEnv, setting?: string): Promise<string> {
  const message = messageOf((await editFile(template, 'MESSAGE', env, setting)).toString('utf8'));
  if (message !== '') return message;
  throw new DbosError('MESSAGE_MISSING', 'The message is empty, so nothing was committed.', {
    hint: 'Write a message in the editor, or give one with -m.',
  });
}
