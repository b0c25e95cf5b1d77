import {Args, StoreCommand} from '../../src/cli/command.js';
import {revokeToken} from '../../src/sync/tokens.js';

export default class TokenRevoke extends StoreCommand {
  static override summary = 'Remove a token, so that it gives no more access.';
  static override description = 'A server refuses it from then on, without being started anew.';
  static override examples = ['<%= config.bin %> token revoke laptop'];
  static override args = {name: Args.string({description: 'The token.', required: true})};
  static override exits = [4];
  static override completes = {name: 'none'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(TokenRevoke);
    return this.withRepository(async repository => {
      const {name, id} = revokeToken(repository, args.name);
      this.note(`Revoked token ${name}.`);
      return {name, id, revoked: true};
    });
  }
}
