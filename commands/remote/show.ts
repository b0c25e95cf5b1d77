import {Args, StoreCommand} from '../../src/cli/command.js';
import {alignRows} from '../../src/cli/table.js';
import {formatId, shortId} from '../../src/objects/id.js';
import {quotePath} from '../../src/state/quote.js';
import {ORIGIN, readRemote, remoteRefs} from '../../src/sync/remotes.js';

export default class RemoteShow extends StoreCommand {
  static override summary = 'Show a remote and its branches, as they were when they were last looked at.';
  static override examples = ['<%= config.bin %> remote show origin'];
  static override args = {name: Args.string({description: 'The remote (origin unless given).'})};
  static override exits = [4];
  static override completes = {name: 'remote'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(RemoteShow);
    return this.withRepository(async repository => {
      const remote = readRemote(repository, args.name ?? ORIGIN);
      const branches = [...remoteRefs(repository, remote.name)];
      this.print(`${quotePath(remote.name)}  ${quotePath(remote.url)}`);
      await this.printLines(alignRows(branches.map(({branch, id}) => [`  ${quotePath(branch)}`, shortId(id)])));
      return {...remote, branches: branches.map(({branch, id}) => ({name: branch, id: formatId(id)}))};
    });
  }
}
