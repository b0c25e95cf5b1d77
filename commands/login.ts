import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {readToken} from '../src/cli/token-source.js';
import {credentialUrl, isExposed, keepCredential} from '../src/sync/credentials.js';

export default class Login extends StoreCommand {
  static override summary = 'Keep a token for a server.';
  static override description =
    'Asks for the token without showing it, or reads it from a file or from stdin. It is kept in a file beside your settings that only you can read, and shown to that server alone: for all its stores, or for one if its whole URL is given. The variable DBOS_TOKEN wins over what is kept.';
  static override examples = [
    '<%= config.bin %> login https://example.org',
    {
      description: 'For one store, from a file:',
      command: '<%= config.bin %> login https://example.org/project --token-file token.txt',
    },
    {
      description: 'From another program:',
      command: '<%= config.bin %> token create --name me | <%= config.bin %> login https://example.org',
    },
  ];
  static override args = {url: Args.string({description: 'The server, or a store there.', required: true})};
  static override flags = {
    'token-file': Flags.string({description: 'Read the token from this file, or from stdin for -.', helpValue: 'FILE'}),
  };
  static override completes = {url: 'none', 'token-file': 'file'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Login);
    const url = credentialUrl(args.url);
    const directory = this.workingDirectory();
    const token = await readToken({url, file: flags['token-file'], directory});
    keepCredential(await this.context(), url, token);
    if (isExposed(url)) this.warning('This URL is not encrypted: others on the way can read the token. Use https.');
    this.note(`Keeping the token for ${url}. \`dbos logout ${url}\` forgets it.`);
    return {url};
  }
}
