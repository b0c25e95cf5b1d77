/**
 * Reaches a store over the system's ssh, which runs `dbos serve --stdio PATH` on the other machine. Layer: sync.
 */
import {spawn} from 'node:child_process';
import {DbosError} from '../errors.js';
import type {Channel} from './channel.js';
import {StreamChannel} from './stdio.js';

/** Where a store is on another machine. */
export interface SshPlace {
  /** `host` or `user@host`. */
  readonly host: string;
  readonly port?: string | undefined;
  readonly path: string;
}

export interface SshCommands {
  /** The command that is run as ssh, as a shell has it. */
  readonly ssh: string;
  /** The command that is run as dbos on the other machine, as a shell has it. */
  readonly dbos: string;
}

/** Returns where a URL leads over ssh: `ssh://user@host:port/path` or `user@host:path`; undefined for others. Throws REMOTE_URL_INVALID. */
export function sshPlace(url: string): SshPlace | undefined {
  const long = /^ssh:\/\/(?<host>[^/:]+)(?::(?<port>\d+))?(?<path>\/.*)?$/.exec(url)?.groups;
  // as git and scp have it: a colon before any slash; one letter is a drive
  const short = long || url.includes('://') ? undefined : /^(?<host>[^/:]{2,}):(?<path>.*)$/.exec(url)?.groups;
  const found = long ?? short;
  if (found === undefined) {
    if (url.startsWith('ssh://')) throw invalid(url);
    return undefined;
  }
  const {host = '', port, path = ''} = found;
  // ssh would take it for an option
  if (!/^([\w.+-]+@)?[\w[][\w.:\]-]*$/.test(host) || host.startsWith('-') || path === '') throw invalid(url);
  return {host, port, path: long && path.startsWith('/~') ? path.slice(1) : path};
}

function invalid(url: string): DbosError {
  return new DbosError('REMOTE_URL_INVALID', `'${url}' is no place that ssh could reach.`, {
    hint: 'Write ssh://USER@HOST[:PORT]/PATH or USER@HOST:PATH.',
    data: {url},
  });
}

/** Quotes a path for the shell of the other machine; `~/` stays what it means there. */
function quoted(path: string): string {
  const home = /^~\w*\//.exec(path)?.[0] ?? '';
  return `${home}'${path.slice(home.length).replaceAll("'", "'\\''")}'`;
}

/** Starts ssh. Its questions and complaints go to the terminal. */
export function sshChannel({host, port, path}: SshPlace, {ssh, dbos}: SshCommands): Channel {
  const remote = `${dbos} serve --stdio ${quoted(path)}`;
  const words = [...(port === undefined ? [] : ['-p', port]), host, remote];
  const child = spawn('/bin/sh', ['-c', `exec ${ssh} "$@"`, 'ssh', ...words], {stdio: ['pipe', 'pipe', 'inherit']});
  const ended = new Promise<string>(resolve => {
    child.on('error', error => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with status ${code}`));
  });
  const failure = async (cause: unknown): Promise<DbosError> =>
    new DbosError('CONNECTION_BROKEN', `The connection to ${host} broke off: ssh ${await ended}.`, {
      hint: `Check that \`ssh ${host} ${dbos} --version\` works; run the command again to go on.`,
      data: {host},
      cause,
    });
  return new StreamChannel(child.stdout, child.stdin, failure, async () => {
    await ended;
  });
}
