import {StoreCommand} from '../src/cli/command.js';
import {complete, directoryOf, type NameSource} from '../src/cli/complete.js';
import {readSurface} from '../src/cli/surface.js';

/** Answers the scripts of `dbos completion`: `__complete SHELL WORD…`, a candidate a line with a tab and what it is. */
export default class Complete extends StoreCommand {
  static override summary = 'Print what can stand at the end of a command line.';
  static override hidden = true;
  static override strict = false;

  async run(): Promise<void> {
    // Not parsed: the words are those of another command, unfinished.
    const [, ...words] = this.argv;
    this.directory = directoryOf(words) ?? '';
    const names: NameSource = async (kind, prefix) => {
      const {storeNames} = await import('../src/cli/names.js');
      return storeNames(this.workingDirectory(), await this.context())(kind, prefix);
    };
    const {candidates, files} = await complete(words, readSurface(), names);
    for (const {value, description} of candidates) {
      this.print(description === undefined ? value : `${value}\t${description}`);
    }
    if (files !== undefined) this.print(`:${files}`);
  }
}
