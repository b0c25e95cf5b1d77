import {Args, StoreCommand} from '../../src/cli/command.js';
import {renameRemote} from '../../src/sync/remotes.js';

export default class RemoteRename extends StoreCommand {
  static override summary = 'Give a remote another name.';
  static override description =
    'What is known of its branches is under the new name then, and branches that follow it go on to. `dbos undo` takes it back.';
  static override examples = ['<%= config.bin %> remote rename origin upstream'];
  static override args = {
    old: Args.string({description: 'The remote.', required: true}),
    new: Args.string({description: 'Its new name.', required: true}),
  };
  static override exits = [4];
  static override completes = {old: 'remote', new: 'none'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(RemoteRename);
    return this.withRepository(async repository => {
      const remote = await renameRemote(repository, args.old, args.new);
      this.note(`Renamed remote ${args.old} to ${remote.name}.`);
      return {from: args.old, ...remote};
    });
  }
}
