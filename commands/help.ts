import {Args, StoreCommand} from '../src/cli/command.js';

export default class Help extends StoreCommand {
  static override summary = 'Show the help of a command, or of all.';
  static override examples = ['<%= config.bin %> help log', '<%= config.bin %> help op'];
  static override args = {
    command: Args.string({description: 'The command, or a topic.', multiple: true}),
  };
  static override completes = {command: 'command'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(Help);
    return this.showHelp((args.command as unknown as string[] | undefined) ?? []);
  }
}
