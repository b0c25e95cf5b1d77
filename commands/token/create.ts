import {Flags, StoreCommand} from '../../src/cli/command.js';
import {tokenJson} from '../../src/cli/token-text.js';
import {parseTime} from '../../src/repo/time.js';
import {ROLES, type Role} from '../../src/sync/rights.js';
import {createToken} from '../../src/sync/tokens.js';

export default class TokenCreate extends StoreCommand {
  static override summary = 'Make a token that gives others access to this store over the network.';
  static override description =
    'Prints the token, which cannot be shown again: the store keeps only a hash of it. Whoever has it may read; with the role write also create branches and tags and move branches forward; with admin also move and delete them. With --branch the token shows only the branches that match, and what they lead to, and can change only those: * and ? stand for characters of one part of a name, ** as the last part for any parts.';
  static override examples = [
    '<%= config.bin %> token create --name laptop --role write',
    {
      description: 'For the branches of a team, and for a month:',
      command: "<%= config.bin %> token create --name ci --role write --branch 'team/**' --expires 'in 30 days'",
    },
  ];
  static override flags = {
    branch: Flags.string({
      char: 'b',
      description: 'Give access to branches that match only; once for each pattern.',
      helpValue: 'PATTERN',
      multiple: true,
      multipleNonGreedy: true,
    }),
    expires: Flags.string({description: 'Refuse the token from this time on.', helpValue: 'TIME'}),
    name: Flags.string({description: 'What to call the token.', helpValue: 'NAME', required: true}),
    role: Flags.string({description: 'What it allows.', options: [...ROLES], default: 'read'}),
  };
  static override completes = {branch: 'branch', expires: 'none', name: 'none'} as const;

  async run(): Promise<unknown> {
    const {flags} = await this.parse(TokenCreate);
    const {name, role, branch: branches, expires} = flags;
    const {now, zone} = await this.context();
    const until = expires === undefined ? undefined : await parseTime(expires, now(), zone);
    return this.withRepository(async repository => {
      const options = {name, role: role as Role, branches, expires: until};
      const {token, text} = await createToken(repository, options);
      this.print(text);
      this.note(`Created token ${name}. Keep it now: it is not shown again.`);
      return {token: text, ...tokenJson(token, now())};
    });
  }
}
