import {bundleJson, bundleLines, bundleSource} from '../../src/cli/bundle-text.js';
import {Args, StoreCommand} from '../../src/cli/command.js';
import {BundleFile} from '../../src/sync/bundle-file.js';

export default class BundleLs extends StoreCommand {
  static override summary = 'List what a bundle holds.';
  static override description =
    'Its branches and tags, and the commits that it goes on from. Only the beginning of the file is read: `bundle verify` reads all of it.';
  static override examples = ['<%= config.bin %> bundle ls backup.car'];
  static override args = {file: Args.string({description: 'The file; - is stdin.', required: true})};
  static override exits = [4];
  static override completes = {file: 'file'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(BundleLs);
    const bundle = BundleFile.open(bundleSource(this.workingDirectory(), args.file));
    try {
      await this.printLines(bundleLines(bundle.manifest));
      return bundleJson(bundle.manifest, bundle.size);
    } finally {
      bundle.close();
    }
  }
}
