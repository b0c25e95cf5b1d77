import {broughtBackJson, broughtBackLines} from '../../src/cli/bring-back.js';
import {Args, Flags, StoreCommand} from '../../src/cli/command.js';
import {moveWarnings, savedNote} from '../../src/cli/move-text.js';
import {resolveOperation} from '../../src/repo/operations.js';
import {planRestore} from '../../src/repo/undo.js';
import {bringBack} from '../../src/worktree/bringback.js';

export default class OpRestore extends StoreCommand {
  static override summary = 'Bring back what the store was after an operation.';
  static override description =
    'Branches, tags, HEAD and the work tree become what they were then. Nothing is lost: `dbos undo` takes it back. Stops before anything is touched if files that no commit holds would be lost; with --force they are saved in an automatic commit first.';
  static override examples = [
    {description: 'As it was three operations ago:', command: '<%= config.bin %> op restore @~3'},
  ];
  static override args = {
    operation: Args.string({
      description: 'An id or the start of one, @ for the newest, @~N for N before it.',
      required: true,
    }),
  };
  static override flags = {
    force: Flags.boolean({char: 'f', description: 'Save what would be lost in an automatic commit, and go on.'}),
  };
  static override exits = [4, 6];
  static override completes = {operation: 'operation'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(OpRestore);
    return this.withRepository(async (repository, signal) => {
      const plan = planRestore(repository, await resolveOperation(repository, args.operation));
      const move = await bringBack(repository, plan, {
        force: flags.force === true,
        signal,
        progress: this.showProgress,
      });
      this.progress.finish();
      for (const line of broughtBackLines('Back to the state after', repository, plan, this.style)) this.report(line);
      for (const line of savedNote(move, true)) this.note(line);
      for (const line of moveWarnings(move)) this.warning(line);
      return broughtBackJson('restored', repository, plan, move);
    });
  }
}
