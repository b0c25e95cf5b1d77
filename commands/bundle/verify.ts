import {bundleJson, bundleLines, bundleSize, bundleSource} from '../../src/cli/bundle-text.js';
import {Args, StoreCommand} from '../../src/cli/command.js';
import {interruptible} from '../../src/cli/interrupt.js';
import {hasStore} from '../../src/repo/location.js';
import type {Repository} from '../../src/repo/repository.js';
import {BundleFile} from '../../src/sync/bundle-file.js';
import {verifyBundle} from '../../src/sync/bundle-verify.js';

export default class BundleVerify extends StoreCommand {
  static override summary = 'Check that a bundle is whole, sound, and fits this store.';
  static override description =
    'Reads all of it and checks what fetching would check; nothing is taken in. Outside of a store, a bundle that was made with --since is checked as far as it goes.';
  static override examples = ['<%= config.bin %> bundle verify backup.car'];
  static override args = {file: Args.string({description: 'The file; - is stdin.', required: true})};
  static override exits = [4, 5];
  static override completes = {file: 'file'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(BundleVerify);
    const here = this.workingDirectory();
    // a pipe is read to its end before the store is opened, which keeps others waiting
    const bundle = BundleFile.open(bundleSource(here, args.file));
    const verify = (signal: AbortSignal, repository?: Repository) => this.verify(bundle, signal, repository);
    if (hasStore(here)) return this.withRepository((repository, signal) => verify(signal, repository));
    return interruptible(verify, async () => undefined);
  }

  private async verify(bundle: BundleFile, signal: AbortSignal, repository?: Repository) {
    try {
      const {manifest, name, size} = bundle;
      const options = {signal, progress: this.showProgress};
      const {complete} = await verifyBundle(bundle, repository, options);
      this.progress.finish();
      await this.printLines(bundleLines(manifest));
      const rest = complete ? '' : ' What it goes on from is in no store here, so that links to it were not checked.';
      this.note(`'${name}' is sound: ${bundleSize(manifest, size)}.${rest}`);
      return {...bundleJson(manifest, size), complete};
    } finally {
      bundle.close();
    }
  }
}
