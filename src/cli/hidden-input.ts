/** Asks somebody at a terminal for a secret, which is not shown while it is typed. Layer: cli. */
import {constants} from 'node:os';
import {createInterface} from 'node:readline';
import {Writable} from 'node:stream';
import {Interrupted} from './failure.js';

/** Returns the line that is typed; an empty one at the end of the input. Throws `Interrupted` for Ctrl-C. */
export async function askHidden(
  prompt: string,
  input: NodeJS.ReadableStream,
  show: (text: string) => void,
): Promise<string> {
  const nowhere = new Writable({write: (_chunk, _encoding, done) => done()});
  // with an output of its own readline echoes there, and the terminal itself does not
  const reader = createInterface({input, output: nowhere, terminal: true, historySize: 0});
  show(prompt);
  try {
    return await new Promise((resolve, reject) => {
      reader.once('line', resolve);
      reader.once('SIGINT', () => reject(new Interrupted('SIGINT', constants.signals.SIGINT)));
      reader.once('close', () => resolve(''));
    });
  } finally {
    reader.close();
    show('\n');
  }
}
