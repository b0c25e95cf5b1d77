/** The commands, flags and arguments of the program, as the build wrote them down beside the bundle. Layer: cli. */
import {readFileSync} from 'node:fs';
import type {Surface} from './complete.js';

/** Returns the surface. The bundler sets `import.meta.url` to the bundle's own. */
export function readSurface(): Surface {
  return JSON.parse(readFileSync(new URL('./manifest.json', import.meta.url), 'utf8')) as Surface;
}
