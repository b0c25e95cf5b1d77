import {resolve} from 'node:path';
import {bundleJson, bundleSize, STREAM} from '../../src/cli/bundle-text.js';
import {Args, Flags, StoreCommand} from '../../src/cli/command.js';
import type {ObjectId} from '../../src/objects/id.js';
import {resolveRevision} from '../../src/repo/revisions.js';
import {allRefs, createBundle, refsNamed, streamBundle} from '../../src/sync/bundle-create.js';

export default class BundleCreate extends StoreCommand {
  static override summary = 'Write branches and tags with their history into one file.';
  static override description =
    'The file is a CAR archive, to be carried to where no network leads: clone it, or fetch and pull from it as from a store. With --since it holds only what is new, for whoever has the rest. An earlier bundle of that name is replaced; any other file stays.';
  static override examples = [
    '<%= config.bin %> bundle create backup.car --all',
    {
      description: 'What came since yesterday, for a store that has the rest:',
      command: '<%= config.bin %> bundle create news.car main --since yesterday',
    },
    '<%= config.bin %> bundle create - main | gzip > main.car.gz',
  ];
  static override args = {
    file: Args.string({description: 'The file to write; - is stdout.', required: true}),
    revisions: Args.string({description: 'Branches and tags; HEAD is the current branch.', multiple: true}),
  };
  static override flags = {
    all: Flags.boolean({char: 'a', description: 'Put in every branch and tag.'}),
    since: Flags.string({
      description: 'Leave out what this revision reaches. May be given again.',
      helpValue: 'REV',
      multiple: true,
      multipleNonGreedy: true,
    }),
  };
  static override exits = [4, 5];
  static override completes = {file: 'file', revisions: 'revision', since: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(BundleCreate);
    const revisions = (args.revisions as unknown as string[] | undefined) ?? [];
    if (flags.all ? revisions.length > 0 : revisions.length === 0)
      throw this.usage('Name branches and tags, or say --all.');
    if (args.file === STREAM && this.json) throw this.usage('Of --json and the bundle only one can go to stdout.');
    if (args.file === STREAM && this.onTerminal)
      throw this.usage('A bundle is no text: send stdout to a file or a program.');
    return this.withRepository(async (repository, signal) => {
      const refs = flags.all ? allRefs(repository) : await refsNamed(repository, revisions);
      const since: ObjectId[] = [];
      for (const text of flags.since ?? []) since.push((await resolveRevision(repository, text)).commit);
      if (args.file === STREAM) {
        const {parts} = await streamBundle(repository, {refs, since}, {signal, progress: this.showProgress});
        return this.streamParts(parts, async () => this.progress.finish());
      }
      const target = {path: resolve(this.workingDirectory(), args.file), name: args.file};
      const options = {signal, progress: this.showProgress};
      const {manifest, size} = await createBundle(repository, target, {refs, since}, options);
      this.progress.finish();
      this.report(`Wrote ${args.file}: ${bundleSize(manifest, size)}.`);
      return {file: args.file, ...bundleJson(manifest, size)};
    });
  }
}
