import {broughtBackJson, broughtBackLines} from '../src/cli/bring-back.js';
import {Flags, StoreCommand} from '../src/cli/command.js';
import {moveWarnings, savedNote} from '../src/cli/move-text.js';
import {planUndo} from '../src/repo/undo.js';
import {bringBack} from '../src/worktree/bringback.js';

export default class Undo extends StoreCommand {
  static override summary = 'Undo the last operation, and bring the work tree along.';
  static override description =
    'Takes back what the last command did to branches, tags and HEAD. Repeated, it goes further back; `dbos redo` goes forward again. Nothing is lost: an undo is an operation itself. Stops before anything is touched if files that no commit holds would be lost; with --force they are saved in an automatic commit first.';
  static override examples = [
    '<%= config.bin %> undo',
    {description: 'See what there is to undo:', command: '<%= config.bin %> op log --oneline'},
  ];
  static override flags = {
    force: Flags.boolean({char: 'f', description: 'Save what would be lost in an automatic commit, and go on.'}),
  };
  static override exits = [6];

  async run(): Promise<unknown> {
    const {flags} = await this.parse(Undo);
    return this.withRepository(async (repository, signal) => {
      const plan = planUndo(repository);
      const move = await bringBack(repository, plan, {
        force: flags.force === true,
        signal,
        progress: this.showProgress,
      });
      this.progress.finish();
      for (const line of broughtBackLines('Undid', repository, plan, this.style)) this.report(line);
      for (const line of savedNote(move, false)) this.note(line);
      for (const line of moveWarnings(move)) this.warning(line);
      return broughtBackJson('undone', repository, plan, move);
    });
  }
}
