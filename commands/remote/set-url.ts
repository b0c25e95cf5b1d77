import {Args, StoreCommand} from '../../src/cli/command.js';
import {normalUrl} from '../../src/sync/connect.js';
import {setRemoteUrl} from '../../src/sync/remotes.js';

export default class RemoteSetUrl extends StoreCommand {
  static override summary = 'Change where a remote is.';
  static override examples = ['<%= config.bin %> remote set-url origin /mnt/shared'];
  static override args = {
    name: Args.string({description: 'The remote.', required: true}),
    url: Args.string({description: 'A folder, a bundle, or a URL.', required: true}),
  };
  static override exits = [4];
  static override completes = {name: 'remote', url: 'file'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(RemoteSetUrl);
    return this.withRepository(async repository => {
      return setRemoteUrl(repository, args.name, normalUrl(args.url, this.workingDirectory()));
    });
  }
}
