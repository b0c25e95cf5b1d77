import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {counted} from '../src/cli/move-text.js';
import {previewJson, previewLines, transferText, updateLines, updatesJson} from '../src/cli/sync-text.js';
import {DbosError} from '../src/errors.js';
import type {RemotePushPreview} from '../src/sync/repository-sync.js';
import '../src/sync/repository-sync.js';

export default class Push extends StoreCommand {
  static override summary = 'Bring branches and tags of this store into another one.';
  static override description =
    'All of them move there, or none. A branch only moves forward: if the other store has commits that are not here, pull first. A branch that is checked out there takes its work tree along, or is refused if files there are in the way.';
  static override examples = [
    '<%= config.bin %> push',
    {description: 'Push a new branch and follow it:', command: '<%= config.bin %> push -u origin experiment'},
    {description: 'See what would happen:', command: '<%= config.bin %> push -n --all'},
    {description: 'Delete a branch there:', command: '<%= config.bin %> push --delete origin experiment'},
  ];
  static override args = {
    names: Args.string({
      description:
        'The remote (that of the current branch unless given, else origin), then branches and tags (the current branch unless given).',
      multiple: true,
    }),
  };
  static override flags = {
    all: Flags.boolean({description: 'Push every branch.', exclusive: ['delete']}),
    delete: Flags.boolean({char: 'd', description: 'Delete the branches and tags there.'}),
    'dry-run': Flags.boolean({
      char: 'n',
      description: 'Say what would move or be refused, with the same exit status, and change nothing anywhere.',
    }),
    'force-with-lease': Flags.boolean({
      description: 'Also move what does not move forward, if it is where this store last saw it.',
    }),
    'set-upstream': Flags.boolean({char: 'u', description: 'Let the branches here follow those there.'}),
    tags: Flags.boolean({description: 'Push every tag.', exclusive: ['delete']}),
  };
  static override exits = [3, 4, 5, 6];
  static override completes = {names: 'branch'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Push);
    const [remoteName, ...names] = (args.names as unknown as string[] | undefined) ?? [];
    if (flags.delete && names.length === 0) {
      throw this.usage(
        remoteName === undefined ? 'Name what to delete.' : 'Name the remote first, and then what to delete.',
      );
    }
    if ((flags.all || flags.tags) && names.length > 0)
      throw this.usage('Either name what to push or say --all or --tags.');
    return this.withRepository(async (repository, signal) => {
      const options = {
        names,
        all: flags.all,
        tags: flags.tags,
        delete: flags.delete,
        setUpstream: flags['set-upstream'],
        withLease: flags['force-with-lease'] === true,
        signal,
        progress: this.showProgress,
        lend: true,
      };
      if (flags['dry-run']) return this.preview(await repository.previewPush(remoteName, options));
      const pushed = await repository.push(remoteName, options);
      this.progress.finish();
      const {remote, updates, objects, bytes, following} = pushed;
      for (const line of updateLines(updates)) this.print(line);
      this.note(updates.length === 0 ? `${remote} has it already.` : `Pushed to ${remote}: ${transferText(pushed)}.`);
      for (const branch of following) this.note(`${branch} follows ${remote}/${branch}.`);
      return {remote, updates: updatesJson(updates), objects, bytes, following};
    });
  }

  /** Prints what a push would do, and returns it as scripts get it. Throws what the push would. */
  private preview({remote, updates, refusal, objects, following}: RemotePushPreview): unknown {
    this.progress.finish();
    for (const line of previewLines(updates)) this.print(line);
    if (refusal) {
      const data = {...refusal.data, dryRun: true, updates: previewJson(updates)};
      throw new DbosError(refusal.code, refusal.message, {
        ...(refusal.hint !== undefined && {hint: refusal.hint}),
        data,
        cause: refusal,
      });
    }
    this.note(
      updates.length === 0 ? `${remote} has it already.` : `Would push to ${remote}: ${counted(objects, 'object')}.`,
    );
    for (const branch of following) this.note(`${branch} would follow ${remote}/${branch}.`);
    return {remote, updates: previewJson(updates), objects, following, dryRun: true};
  }
}
