/** `dbos serve` as a process of its own, with its access log. */
import {type ChildProcess, spawn} from 'node:child_process';
import type {ExecutionContext} from 'ava';
import {UNCOVERED} from './coverage.js';
import {environment, PROGRAM} from './dbos.js';

export interface Request {
  readonly path: string;
  readonly status: number;
  readonly token: string | null;
  readonly code?: string;
}

export interface Serving {
  readonly url: string;
  readonly child: ChildProcess;
  /** What has been answered so far. */
  readonly requests: Request[];
  /** Ends it, and waits for that. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ServingOptions {
  readonly env?: Record<string, string>;
  /** Words before the program: what runs it elsewhere. */
  readonly within?: readonly string[];
}

/** Starts a server in a directory, which stops by itself after two minutes. */
export async function startServing(
  t: Pick<ExecutionContext, 'teardown'>,
  directory: string,
  args: readonly string[],
  {env = {}, within = []}: ServingOptions = {},
): Promise<Serving> {
  const words = [...within, process.execPath, PROGRAM, 'serve', ...args, '--stop-after', '120'];
  const child = spawn(words[0] as string, words.slice(1), {
    cwd: directory,
    env: environment({...UNCOVERED, ...env}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>(resolve => child.on('close', () => resolve()));
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  t.teardown(() => stop());
  const requests: Request[] = [];
  let errors = '';
  child.stderr.on('data', part => {
    errors += part;
  });
  const url = await new Promise<string>((resolve, reject) => {
    let rest = '';
    child.stdout.on('data', part => {
      const lines = `${rest}${part}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const entry = JSON.parse(line) as Request & {listening?: string};
        if (entry.listening === undefined) requests.push(entry);
        else resolve(entry.listening);
      }
    });
    child.on('close', () => reject(new Error(`The server has ended: ${errors}`)));
  });
  return {url, child, requests, stop};
}
