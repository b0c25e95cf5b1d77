/**
 * Runs the built program as a user would, with an environment of its own: no settings of whoever runs the tests.
 */
import {type ChildProcess, spawn, spawnSync} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {coverageOf, UNCOVERED} from './coverage.js';

export const PROGRAM = fileURLToPath(new URL('../../bin/dbos.cjs', import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const {NODE_V8_COVERAGE, PATH} = process.env;
  return {
    PATH,
    HOME: '/nonexistent',
    XDG_CONFIG_HOME: '/nonexistent',
    TZ: 'UTC',
    LANG: 'C.UTF-8',
    DBOS_AUTHOR_NAME: 'Ada',
    DBOS_AUTHOR_EMAIL: 'ada@example.org',
    ...(NODE_V8_COVERAGE === undefined ? {} : {NODE_V8_COVERAGE}),
    ...extra,
  };
}

/** Runs `dbos` with these arguments in a directory and returns what came of it. */
export function dbos(
  cwd: string,
  args: readonly string[],
  extra: {env?: Record<string, string>; input?: string} = {},
): Outcome {
  const done = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd,
    env: environment({...coverageOf(args), ...extra.env}),
    input: extra.input ?? '',
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (done.error) throw done.error;
  return {status: done.status, stdout: done.stdout, stderr: done.stderr};
}

/** Runs `dbos` and returns its output. Throws with everything it printed unless it ends with status 0. */
export function mustRun(cwd: string, ...args: string[]): string {
  const done = dbos(cwd, args);
  if (done.status !== 0) throw new Error(`dbos ${args.join(' ')}: exit ${done.status}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

/** Runs `dbos --json` and returns the value that it prints. Throws unless it ends with status 0. */
export function json<T>(cwd: string, ...args: string[]): T {
  return JSON.parse(mustRun(cwd, ...args, '--json')) as T;
}

/** Starts `dbos` without waiting for it, and without coverage. */
export function start(cwd: string, args: readonly string[], extra: {env?: Record<string, string>} = {}): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...args], {
    cwd,
    env: environment({...UNCOVERED, ...extra.env}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Waits for a started program and returns what came of it. */
export async function outcome(child: ChildProcess): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', data => (stdout += data));
  child.stderr?.on('data', data => (stderr += data));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return {status, stdout, stderr};
}
