import {StoreCommand} from '../../src/cli/command.js';
import {tokenJson, tokenLines} from '../../src/cli/token-text.js';
import {readTokens} from '../../src/sync/tokens.js';

export default class TokenLs extends StoreCommand {
  static override summary = 'List the tokens of this store.';
  static override description = 'The oldest first, those that have expired among them; never their secrets.';
  static override examples = ['<%= config.bin %> token ls'];

  async run(): Promise<unknown> {
    await this.parse(TokenLs);
    return this.withRepository(async ({location, context}) => {
      const tokens = readTokens(location.store);
      const now = context.now();
      await this.printLines(tokenLines(tokens, now, this.style));
      return tokens.map(token => tokenJson(token, now));
    });
  }
}
