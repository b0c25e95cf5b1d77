/** What `dbos` starts: loads the light program, and ends the process as soon as all is written. Layer: cli. */
import type {FullProgram} from './light-program.js';
import {type LightBundle, LightScripts} from './lightscript.js';

/** Set by the bundler: a hash of the light program. */
declare const BUILD: string;

const scripts = new LightScripts(__dirname, BUILD);
// Coverage counts nothing in code that comes from a cache, and finds the source map through the module loader.
const light = process.env.NODE_V8_COVERAGE ? (require(`${__dirname}/light.cjs`) as LightBundle) : scripts.load();
process.on('uncaughtException', light.crash);
light
  .main(light.readArguments(process.argv.slice(2)), () => require(`${__dirname}/full.cjs`) as FullProgram)
  .then(() => {
    scripts.writeCaches();
    process.exit();
  }, light.crash);
