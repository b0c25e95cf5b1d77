/**
 * The scripts of the light program, loaded with V8's code cache, which saves half of the time to load them. Guarantee: a cache
 * is used only for the very build and Node version that made it; without one, or where none can be written, everything works
 * the same. Layer: cli.
 */
import {readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {Script} from 'node:vm';
import type {FullProgram} from './light-program.js';

/** What the light program exports. */
export interface LightBundle {
  main(argv: readonly string[], full: () => FullProgram): Promise<void>;
  crash(error: unknown): never;
  readArguments(argv: readonly string[]): string[];
  /** The names of the parts that ran. */
  readonly made: ReadonlyMap<string, unknown>;
}

/** How the first script names the others, which it reads when it needs more than usual commands do. */
const PART = /^\.\/\w+\.cjs$/;

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

export class LightScripts {
  private readonly compiled = new Map<string, {script: Script; hadCache: boolean}>();

  /** `folder` has the scripts; `build` tells builds apart, because V8 compares only the length of a script. */
  constructor(
    private readonly folder: string,
    private readonly build: string,
  ) {}

  /** Loads the program as the module loader would. */
  load(): LightBundle {
    return this.run('./light.cjs') as LightBundle;
  }

  /** Writes the caches that were missing, of what has been compiled so far; a folder that is not writable is left without. */
  writeCaches(): void {
    for (const [name, {script, hadCache}] of this.compiled) {
      if (hadCache) continue;
      const file = this.cacheFile(name);
      const temporary = `${file}.${process.pid}`;
      try {
        writeFileSync(temporary, script.createCachedData(), {flush: true});
        renameSync(temporary, file);
      } catch {
        rmSync(temporary, {force: true});
      }
    }
  }

  private cacheFile(name: string): string {
    return `${this.folder}/${name.slice(2, -4)}.${this.build}.${process.version}-${process.arch}.cache`;
  }

  private run(name: string): unknown {
    const file = `${this.folder}/${name.slice(2)}`;
    const cachedData = readIfThere(this.cacheFile(name));
    // The bundle is ASCII, and one-byte strings are read fastest.
    const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'latin1')}\n})`;
    // V8 ignores a cache that does not fit.
    const script = new Script(source, {filename: file, ...(cachedData && {cachedData})});
    this.compiled.set(name, {script, hadCache: cachedData !== undefined});
    const module = {exports: {}};
    const fromNode = createRequire(file);
    const require = (id: string) => (PART.test(id) ? this.run(id) : fromNode(id));
    script.runInThisContext()(module.exports, require, module, file, this.folder);
    return module.exports;
  }
}
