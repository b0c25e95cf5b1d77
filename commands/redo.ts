import {broughtBackJson, broughtBackLines} from '../src/cli/bring-back.js';
import {Flags, StoreCommand} from '../src/cli/command.js';
import {moveWarnings, savedNote} from '../src/cli/move-text.js';
import {planRedo} from '../src/repo/undo.js';
import {bringBack} from '../src/worktree/bringback.js';

export default class Redo extends StoreCommand {
  static override summary = 'Redo what was undone last, and bring the work tree along.';
  static override description =
    'Takes back undos, one at a time, as long as nothing else was done since. Stops before anything is touched if files that no commit holds would be lost; with --force they are saved in an automatic commit first.';
  static override examples = ['<%= config.bin %> redo'];
  static override flags = {
    force: Flags.boolean({char: 'f', description: 'Save what would be lost in an automatic commit, and go on.'}),
  };
  static override exits = [6];

  async run(): Promise<unknown> {
    const {flags} = await this.parse(Redo);
    return this.withRepository(async (repository, signal) => {
      const plan = planRedo(repository);
      const move = await bringBack(repository, plan, {
        force: flags.force === true,
        signal,
        progress: this.showProgress,
      });
      this.progress.finish();
      for (const line of broughtBackLines('Redid', repository, plan, this.style)) this.report(line);
      for (const line of savedNote(move, false)) this.note(line);
      for (const line of moveWarnings(move)) this.warning(line);
      return broughtBackJson('redone', repository, plan, move);
    });
  }
}
