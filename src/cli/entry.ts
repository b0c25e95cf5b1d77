/**
 * What `dbos` starts: loads the light program with V8's code cache for it, which saves half of the time to load, and ends the
 * process as soon as all is written. Guarantee: a cache is used only for the very build and Node version that made it;
 * without one, or where none can be written, everything works the same. Layer: cli.
 */
import {readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import type {Script} from 'node:vm';
import type {FullProgram} from './light-program.js';
import {cacheFileOf, type LightBundle, lightScript, runLightScript} from './lightscript.js';

/** Set by the bundler: a hash of the light program, because V8 compares only its length. */
declare const BUILD: string;

const file = `${__dirname}/light.cjs`;
// With the code of SQL every other command would start more slowly.
const cacheFile = cacheFileOf(__dirname, BUILD, process.argv.includes('query'));

function readCache(): Buffer | undefined {
  try {
    return readFileSync(cacheFile);
  } catch {
    return undefined;
  }
}

/** Writes the cache for the next start; a folder that is not writable is left without. */
function writeCache(script: Script): void {
  const temporary = `${cacheFile}.${process.pid}`;
  try {
    writeFileSync(temporary, script.createCachedData(), {flush: true});
    renameSync(temporary, cacheFile);
  } catch {
    rmSync(temporary, {force: true});
  }
}

function load(): {light: LightBundle; finish: () => void} {
  // Coverage counts nothing in code that comes from a cache, and finds the source map through the module loader.
  if (process.env.NODE_V8_COVERAGE) return {light: require(file) as LightBundle, finish: () => undefined};
  const cachedData = readCache();
  const script = lightScript(file, cachedData);
  const finish = () => {
    if (cachedData === undefined) writeCache(script);
  };
  return {light: runLightScript(script, file), finish};
}

const {light, finish} = load();
process.on('uncaughtException', light.crash);
light
  .main(light.readArguments(process.argv.slice(2)), () => require(`${__dirname}/full.cjs`) as FullProgram)
  .then(() => {
    finish();
    process.exit();
  }, light.crash);
