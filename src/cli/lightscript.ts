/** The light bundle as a script for V8, which takes and makes a code cache for it. Layer: cli. */
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname} from 'node:path';
import {Script} from 'node:vm';
import type {FullProgram} from './light-program.js';

/** What the light bundle exports. */
export interface LightBundle {
  main(argv: readonly string[], full: () => FullProgram): Promise<void>;
  crash(error: unknown): never;
  readArguments(argv: readonly string[]): string[];
}

/** Returns the script of the bundle in a file; V8 ignores a cache that does not fit. */
export function lightScript(file: string, cachedData: Buffer | undefined): Script {
  // The bundle is ASCII, and one-byte strings are read fastest.
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'latin1')}\n})`;
  return new Script(source, {filename: file, ...(cachedData && {cachedData})});
}

/** Runs the script as the module loader would and returns what it exports. */
export function runLightScript(script: Script, file: string): LightBundle {
  const module = {exports: {}};
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return module.exports as LightBundle;
}

/** Returns the file of the code cache for a build, for the Node that runs; queries have one of their own. */
export function cacheFileOf(folder: string, build: string, query: boolean): string {
  return `${folder}/${query ? 'query' : 'light'}.${build}.${process.version}-${process.arch}.cache`;
}
