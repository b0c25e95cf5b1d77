import {Args, StoreCommand} from '../../src/cli/command.js';
import {normalUrl} from '../../src/sync/connect.js';
import {addRemote} from '../../src/sync/remotes.js';

export default class RemoteAdd extends StoreCommand {
  static override summary = 'Name another store.';
  static override description =
    'The URL is the folder of a work tree or a bare store on this machine, a bundle, https://HOST/NAME, or USER@HOST:PATH. Nothing is fetched yet.';
  static override examples = ['<%= config.bin %> remote add origin ../shared'];
  static override args = {
    name: Args.string({description: 'The name.', required: true}),
    url: Args.string({description: 'A folder, a bundle, or a URL.', required: true}),
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
