import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {counted, moveJson, moveWarnings, savedNote} from '../src/cli/move-text.js';
import {formatId, shortId} from '../src/objects/id.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {plainText} from '../src/state/quote.js';
import {resetHead} from '../src/worktree/reset.js';

export default class Reset extends StoreCommand {
  static override summary = 'Move the current branch to another commit, and bring the work tree along.';
  static override description =
    'Files and tables are those of that commit then, and what came after it is on the branch no more; `dbos undo` brings it back. Stops before anything is touched if files that no commit holds would be lost; with --force they are saved in an automatic commit first. On a detached HEAD it is HEAD that moves. `dbos branch -f NAME REVISION` moves another branch.';
  static override examples = [
    {description: 'Drop the last two commits:', command: '<%= config.bin %> reset HEAD~2'},
    {description: 'Be where the remote is:', command: '<%= config.bin %> reset origin/main'},
    {description: 'Go back to a known good state:', command: '<%= config.bin %> reset "yesterday 18:00"'},
    {
      description: 'Make one commit of the last three:',
      command: "<%= config.bin %> reset --keep-files HEAD~3 && <%= config.bin %> commit -m 'All of it'",
    },
  ];
  static override args = {
    revision: Args.string({description: 'The commit that the branch is to hold.', required: true}),
  };
  static override flags = {
    force: Flags.boolean({char: 'f', description: 'Save what would be lost in an automatic commit, and go on.'}),
    'keep-files': Flags.boolean({
      description: 'Leave the files as they are, so that they show as changed; tables go back all the same.',
      exclusive: ['force'],
    }),
  };
  static override exits = [4, 6];
  static override completes = {revision: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Reset);
    return this.withRepository(async (repository, signal) => {
      const {commit} = await resolveRevision(repository, args.revision);
      const {previous, dropped, gained, move} = await resetHead(repository, commit, {
        keepFiles: flags['keep-files'] === true,
        force: flags.force === true,
        signal,
        progress: this.showProgress,
      });
      this.progress.finish();
      const {branch} = previous;
      const name = branch === undefined ? 'HEAD' : plainText(branch);
      if (move === undefined) {
        this.note(
          `${name} is at ${shortId(commit)} already. \`dbos restore --force .\` takes back what no commit holds.`,
        );
      } else {
        for (const line of savedNote(move, true)) this.note(line);
        const from = previous.commit === undefined ? '' : ` from ${shortId(previous.commit)}`;
        const left = dropped === 0 ? '' : `: ${counted(dropped, 'commit')} fewer`;
        const more = gained === 0 ? '' : `${dropped === 0 ? ': ' : ', '}${counted(gained, 'commit')} more`;
        this.note(`Moved ${name}${from} to ${shortId(commit)}${left}${more}. \`dbos undo\` brings it back.`);
        for (const line of moveWarnings(move)) this.warning(line);
      }
      const before = previous.commit === undefined ? null : formatId(previous.commit);
      return {branch: branch ?? null, before, head: formatId(commit), dropped, gained, ...moveJson(move)};
    });
  }
}
