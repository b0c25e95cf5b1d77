import {Args, StoreCommand} from '../../src/cli/command.js';
import {removeRemote} from '../../src/sync/remotes.js';

export default class RemoteRm extends StoreCommand {
  static override summary = 'Forget a remote, and what is known of its branches.';
  static override description = 'Nothing changes in the other store, and no branch of this one.';
  static override examples = ['<%= config.bin %> remote rm origin'];
  static override args = {name: Args.string({description: 'The remote.', required: true})};
  static override exits = [4];
  static override completes = {name: 'remote'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(RemoteRm);
    return this.withRepository(async repository => {
      const remote = await removeRemote(repository, args.name);
      this.note(`Removed remote ${remote.name}.`);
      return {...remote, deleted: true};
    });
  }
}
