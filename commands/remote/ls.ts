import {StoreCommand} from '../../src/cli/command.js';
import {alignRows} from '../../src/cli/table.js';
import {quotePath} from '../../src/state/quote.js';
import {listRemotes} from '../../src/sync/remotes.js';

export default class RemoteLs extends StoreCommand {
  static override summary = 'List the remotes.';
  static override examples = ['<%= config.bin %> remote ls'];

  async run(): Promise<unknown> {
    await this.parse(RemoteLs);
    return this.withRepository(async repository => {
      const remotes = listRemotes(repository);
      await this.printLines(alignRows(remotes.map(({name, url}) => [quotePath(name), quotePath(url)])));
      return remotes;
    });
  }
}
