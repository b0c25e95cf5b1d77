import {Args, StoreCommand} from '../src/cli/command.js';
import {completionScript, SHELLS, type Shell} from '../src/cli/completion.js';

export default class Completion extends StoreCommand {
  static override summary = 'Print the script that completes dbos commands in a shell.';
  static override description =
    'The script completes commands, flags, branches, tags and paths. It asks dbos itself, so it stays up to date.';
  static override examples = [
    {description: 'In ~/.bashrc:', command: 'eval "$(<%= config.bin %> completion bash)"'},
    {description: 'In ~/.zshrc:', command: 'eval "$(<%= config.bin %> completion zsh)"'},
    {description: 'In ~/.config/fish/config.fish:', command: '<%= config.bin %> completion fish | source'},
  ];
  static override args = {
    shell: Args.string({description: 'The shell.', options: [...SHELLS], required: true}),
  };

  async run(): Promise<{shell: string; script: string}> {
    const {args} = await this.parse(Completion);
    const script = completionScript(args.shell as Shell);
    this.print(script);
    return {shell: args.shell, script};
  }
}
