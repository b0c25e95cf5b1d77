import {Flags, StoreCommand} from '../src/cli/command.js';
import {quotePath} from '../src/state/quote.js';
import {takesPushes} from '../src/sync/connect.js';
import {listRemotes} from '../src/sync/remotes.js';

export default class RemoteCommand extends StoreCommand {
  static override summary = 'List the remotes, or name other stores.';
  static override description =
    'Lists their names; `dbos remote ls` has the URLs in columns. The commands below add, change and remove remotes.';
  static override examples = ['<%= config.bin %> remote -v'];
  static override flags = {
    verbose: Flags.boolean({
      char: 'v',
      description: 'Also print the URL, once for fetches and once for pushes; a bundle takes no pushes.',
    }),
  };

  async run(): Promise<unknown> {
    const {flags} = await this.parse(RemoteCommand);
    return this.withRepository(async repository => {
      const remotes = listRemotes(repository);
      await this.printLines(
        remotes.flatMap(({name, url}) => {
          const shown = quotePath(name);
          if (!flags.verbose) return [shown];
          const uses = takesPushes(url) ? ['fetch', 'push'] : ['fetch'];
          return uses.map(use => `${shown}\t${quotePath(url)} (${use})`);
        }),
      );
      return remotes;
    });
  }
}
