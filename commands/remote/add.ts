import {Args, StoreCommand} from '../../src/cli/command.js';
import {normalUrl} from '../../src/sync/connect.js';
import {addRemote} from '../../src/sync/remotes.js';

export default class RemoteAdd extends StoreCommand {
  static override summary = 'Name another store.';
  static override description =
    'The URL is the folder of a store on this machine, a work tree or a bare store; or a bundle. Nothing is fetched yet.';
  static override examples = ['<%= config.bin %> remote add origin ../shared'];
  static override args = {
    name: Args.string({description: 'The name.', required: true}),
    url: Args.string({description: 'The folder of the store, or a bundle.', required: true}),
  };
  static override completes = {name: 'none', url: 'file'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(RemoteAdd);
    return this.withRepository(async repository => {
      const remote = addRemote(repository, args.name, normalUrl(args.url, this.workingDirectory()));
      this.note(`Added remote ${remote.name}. \`dbos fetch ${remote.name}\` brings what it has.`);
      return remote;
    });
  }
}
