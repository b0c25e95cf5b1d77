import {Args, Flags, messageFlag, StoreCommand} from '../src/cli/command.js';
import {subjectOf} from '../src/cli/commit-text.js';
import {moveJson, moveWarnings, restoredText, savedNote} from '../src/cli/move-text.js';
import {statePath} from '../src/cli/paths.js';
import {formatId, type ObjectId, shortId} from '../src/objects/id.js';
import {readCommit} from '../src/repo/commit.js';
import type {Repository} from '../src/repo/repository.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {restorePaths} from '../src/worktree/restore.js';
import {restoreTables} from '../src/worktree/restore-tables.js';

export default class Restore extends StoreCommand {
  static override summary = 'Make files of the work tree, or tables, what they are in a commit.';
  static override description =
    'Takes back deletions, and brings files from another commit; HEAD does not move, and what is untracked stays. Changes that no commit holds are not thrown away: with --force they are saved in an automatic commit first. Tables, also dropped ones, come back with their rows, indexes and triggers, as a commit; one that would break a rule of another table is refused.';
  static override examples = [
    {description: 'A file that was deleted:', command: '<%= config.bin %> restore notes.txt'},
    {description: 'A directory as it was yesterday:', command: '<%= config.bin %> restore --source yesterday src'},
    {description: 'Take back every change, saving them first:', command: '<%= config.bin %> restore --force .'},
    {
      description: 'Two tables as they were three commits ago:',
      command: '<%= config.bin %> restore --source HEAD~3 --table city --table country',
    },
  ];
  static override args = {
    paths: Args.string({description: 'Files and directories.', multiple: true}),
  };
  static override flags = {
    source: Flags.string({char: 's', description: 'The revision or time (HEAD unless given).', helpValue: 'REV'}),
    table: Flags.string({
      char: 't',
      description: 'A table or view, in place of files; can be given several times.',
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
      dependsOn: ['source'],
    }),
    ...messageFlag,
    force: Flags.boolean({
      char: 'f',
      description: 'Save what would be lost in an automatic commit, and go on.',
      exclusive: ['table'],
    }),
    'restore-times': Flags.boolean({
      description: 'Give files the times that they had when they were committed.',
      exclusive: ['table'],
    }),
  };
  static override exits = [3, 4, 6];
  static override completes = {paths: 'tracked', source: 'revision', table: 'table', message: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Restore);
    const paths = (args.paths ?? []) as unknown as readonly string[];
    const {table: tables = [], message} = flags;
    if (paths.length > 0 === tables.length > 0)
      throw this.usage('Name either files and directories, or tables with --table.');
    if (message !== undefined && tables.length === 0) {
      throw this.usage('A message is for the commit that --table makes; files are restored without one.');
    }
    return this.withRepository(async (repository, signal) => {
      const {commit} = await resolveRevision(repository, flags.source ?? 'HEAD');
      const source = formatId(commit);
      const options = {signal, progress: this.showProgress};
      if (tables.length > 0) {
        const restored = await restoreTables(repository, tables, commit, {...options, message: message?.join('\n\n')});
        if (!restored) this.note('There is nothing to change: no commit was made.');
        else this.note(`Restored: ${shortId(restored.commit)} ${subjectAt(repository, restored.commit)}`);
        return {source, id: restored ? formatId(restored.commit) : null};
      }
      const move = await restorePaths(repository, {
        ...options,
        paths: paths.map(path => statePath(repository.location, this.workingDirectory(), path)),
        source: flags.source === undefined ? undefined : commit,
        force: flags.force === true,
        restoreTimes: flags['restore-times'] === true,
      });
      this.progress.finish();
      for (const line of [...savedNote(move, true), restoredText(move, commit)]) this.note(line);
      for (const line of moveWarnings(move)) this.warning(line);
      return {source, ...moveJson(move)};
    });
  }
}

function subjectAt(repository: Repository, commit: ObjectId): string {
  return subjectOf(readCommit(repository.objects, commit).message);
}
