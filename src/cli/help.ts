/** oclif's help with the exit statuses and the `-- PATH…` of a command added, as text. Layer: cli. */
import {type Command, CommandHelp, type Config, Help} from '@oclif/core';
import {EXIT} from '../errors.js';

const MEANINGS: Readonly<Record<number, string>> = {
  [EXIT.done]: 'done',
  [EXIT.failed]: 'failed',
  [EXIT.usage]: 'wrong usage',
  [EXIT.conflict]: 'a conflict to resolve',
  [EXIT.notFound]: 'not found: a revision, a path, a table or a row',
  [EXIT.locked]: 'the store is locked by another process',
  [EXIT.refused]: 'refused to overwrite what no commit holds',
  [EXIT.notRun]: 'the program cannot be run',
  [EXIT.noProgram]: 'there is no such program',
};

const ALWAYS = [EXIT.done, EXIT.failed, EXIT.usage];

class StoreCommandHelp extends CommandHelp {
  private own(): {exits: readonly number[]; takesPaths: boolean} {
    const {exits, takesPaths} = this.command as Command.Cached & {exits?: readonly number[]; takesPaths?: boolean};
    return {exits: exits ?? [], takesPaths: takesPaths === true};
  }

  protected override defaultUsage(): string {
    return this.own().takesPaths ? `${super.defaultUsage()} [-- PATH...]` : super.defaultUsage();
  }

  protected override description(): string | undefined {
    const {description} = this.command;
    return description === undefined ? undefined : this.wrap(this.render(description));
  }

  protected override sections(): ReturnType<CommandHelp['sections']> {
    const statuses = [...new Set([...ALWAYS, ...this.own().exits])].sort((a, b) => a - b);
    const rows = statuses.map((status): [string, string] => [`${status}`, MEANINGS[status] ?? '']);
    const exit = {header: 'EXIT STATUS', generate: () => ({header: 'EXIT STATUS', body: rows})};
    return [...super.sections(), exit];
  }
}

class StoreHelp extends Help {
  protected override CommandHelpClass = StoreCommandHelp as typeof CommandHelp;
  text = '';

  async show(words: readonly string[]): Promise<void> {
    const id = words.join(':');
    const command = this.config.findCommand(id);
    const topic = this.config.findTopic(id);
    if (command) await this.showCommandHelp(command);
    else if (topic) await this.showTopicHelp(topic);
    else await this.showRootHelp();
  }

  protected override log(...lines: string[]): void {
    this.text += `${lines.join('\n')}\n`;
  }
}

/** Returns the help of the command or topic that the words name, or of the whole program. */
export async function renderHelp(config: Config, words: readonly string[], color: boolean): Promise<string> {
  const help = new StoreHelp(config, {stripAnsi: !color});
  await help.show(words);
  return `${help.text.trimEnd()}\n`;
}
