import {Args, StoreCommand} from '../src/cli/command.js';
import {forgetCredential} from '../src/sync/credentials.js';

export default class Logout extends StoreCommand {
  static override summary = 'Forget the token for a server.';
  static override description = 'The token stays good: `dbos token revoke` where the store is ends it.';
  static override examples = ['<%= config.bin %> logout https://example.org'];
  static override args = {url: Args.string({description: 'The URL, as it was given to login.', required: true})};
  static override exits = [4];
  static override completes = {url: 'none'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(Logout);
    const url = forgetCredential(await this.context(), args.url);
    this.note(`Forgot the token for ${url}.`);
    return {url, removed: true};
  }
}
