/** Runs the built program as a user does, and loads both of its bundles to compare them. */
import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {fileURLToPath} from 'node:url';
import {coverageOf} from '../support/coverage.js';

/** dist/bin, seen from dist/test/cli. */
export const BIN = fileURLToPath(new URL('../../bin/', import.meta.url));
export const PROGRAM = `${BIN}dbos.cjs`;

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly program?: string;
}

/** The environment of every run: nothing of the developer's own settings. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const {PATH, HOME, NODE_V8_COVERAGE} = process.env;
  return {PATH, HOME, ...(NODE_V8_COVERAGE !== undefined && {NODE_V8_COVERAGE}), ...extra};
}

/** Returns what `dbos` with these arguments does. */
export function runDbos(args: readonly string[], {cwd, env, program = PROGRAM}: RunOptions = {}): Outcome {
  const {status, stdout, stderr} = spawnSync(process.execPath, [program, ...args], {
    ...(cwd !== undefined && {cwd}),
    env: cleanEnvironment({...coverageOf(args), ...env}),
    encoding: 'utf8',
  });
  return {status, stdout, stderr};
}

/** Returns what a shell script does, in which `dbos` is the program. */
export function runShell(script: string, {cwd, env}: RunOptions = {}): Outcome {
  const prelude = `dbos() { '${process.execPath}' '${PROGRAM}' "$@"; }\n`;
  const {status, stdout, stderr} = spawnSync('bash', ['-c', prelude + script], {
    ...(cwd !== undefined && {cwd}),
    env: cleanEnvironment(env),
    encoding: 'utf8',
  });
  return {status, stdout, stderr};
}

export interface Parsed {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly args: Readonly<Record<string, unknown>>;
  readonly paths: readonly string[];
}

interface Bundle {
  parse(argv: readonly string[]): Promise<Parsed | undefined>;
}

const load = createRequire(import.meta.url);

/** The light bundle: `parse` returns undefined where it leaves the arguments to oclif. */
export const light = load(`${BIN}light.cjs`) as Bundle;
/** The full bundle: `parse` throws what oclif throws. */
export const full = load(`${BIN}full.cjs`) as Bundle;

export interface ManifestFlag {
  readonly name: string;
  readonly char?: string;
  readonly type: 'option' | 'boolean';
  readonly multiple?: boolean;
  readonly required?: boolean;
  readonly hidden?: boolean;
  readonly options?: readonly string[];
  readonly default?: unknown;
  readonly summary?: string;
  readonly description?: string;
}

export interface ManifestCommand {
  readonly id: string;
  readonly hidden?: boolean;
  readonly strict?: boolean;
  readonly summary?: string;
  readonly examples?: readonly unknown[];
  readonly takesPaths: boolean;
  readonly lenient: Readonly<Record<string, string>>;
  readonly exits: readonly number[];
  readonly flags: Readonly<Record<string, ManifestFlag>>;
  readonly args: Readonly<
    Record<
      string,
      {name: string; required?: boolean; multiple?: boolean; options?: readonly string[]; description?: string}
    >
  >;
}

/** The commands as the build wrote them down. */
export const manifest = JSON.parse(readFileSync(`${BIN}manifest.json`, 'utf8')) as {
  readonly commands: Readonly<Record<string, ManifestCommand>>;
};
