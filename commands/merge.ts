import {Args, StoreCommand} from '../src/cli/command.js';
import {mergeFlags, mergePreferences, settledJson, settledNotes} from '../src/cli/merge-flags.js';
import {moveJson, moveWarnings} from '../src/cli/move-text.js';
import {formatId, shortId} from '../src/objects/id.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {bringInCommit} from '../src/sync/pull.js';

export default class Merge extends StoreCommand {
  static override summary = 'Bring another branch, or any commit, into the current branch.';
  static override description =
    'The branch moves forward, or is merged where both sides have gone on: tables by row and cell, text files by lines. The work tree follows. If both changed the same and no side is preferred, or files that no commit holds are in the way, nothing moves.';
  static override examples = [
    '<%= config.bin %> merge experiment',
    {
      description: 'Where both changed the same, take what is there, but keep the directory etc and the table jobs:',
      command: '<%= config.bin %> merge experiment --prefer theirs --ours etc --ours jobs',
    },
    {description: 'Only if there is nothing to merge:', command: '<%= config.bin %> merge --ff-only origin/main'},
  ];
  static override args = {revision: Args.string({description: 'The branch or commit.', required: true})};
  static override flags = mergeFlags;
  static override exits = [3, 4, 5, 6];
  static override completes = {revision: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Merge);
    const {revision: name} = args;
    return this.withRepository(async (repository, signal) => {
      const {commit: theirs} = await resolveRevision(repository, name);
      const options = {
        ...mergePreferences(flags, repository.location, this.workingDirectory()),
        ffOnly: flags['ff-only'] === true,
        verb: 'merge',
        signal,
        progress: this.showProgress,
      } as const;
      const {kind, branch, before, commit, move, settled} = await bringInCommit(repository, theirs, name, options);
      this.progress.finish();
      if (kind === 'up-to-date') this.note(`${branch} has everything that ${name} has.`);
      else {
        const done = kind === 'merge' ? `Merged ${name} into ${branch}` : `Moved ${branch} forward to ${name}`;
        this.note(`${done}: ${shortId(commit)}.`);
        for (const line of settledNotes(settled)) this.note(line);
      }
      if (move) for (const line of moveWarnings(move)) this.warning(line);
      const id = before === undefined ? null : formatId(before);
      return {kind, branch, before: id, id: formatId(commit), ...settledJson(settled), ...moveJson(move)};
    });
  }
}
