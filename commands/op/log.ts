import {Flags, StoreCommand} from '../../src/cli/command.js';
import {limited, mapped} from '../../src/cli/items.js';
import {operationJson, operationLine, operationParagraph} from '../../src/cli/operation-text.js';
import {listOperations} from '../../src/repo/operations.js';
import type {Repository} from '../../src/repo/repository.js';

export default class OpLog extends StoreCommand {
  static override summary = 'Show every operation: who changed the store, when, with which command.';
  static override description =
    'The newest operation comes first. Each says which branches and tags it moved, from where to where, and what HEAD came to mean.';
  static override examples = [
    '<%= config.bin %> op log -n 10',
    {description: 'An operation a line:', command: '<%= config.bin %> op log --oneline'},
  ];
  static override flags = {
    'max-count': Flags.integer({char: 'n', description: 'Show at most so many operations.', helpValue: 'N', min: 0}),
    oneline: Flags.boolean({description: 'Show an operation a line.'}),
  };
  static override pages = true;
  static override completes = {'max-count': 'none'} as const;

  async run(): Promise<unknown> {
    const {flags} = await this.parse(OpLog);
    return this.withRepository(async repository => {
      const count = flags['max-count'];
      if (this.json)
        return this.streamJson(mapped(limited(listOperations(repository), count), each => operationJson(each)));
      await this.printLines(this.lines(repository, count, flags.oneline === true));
      return undefined;
    });
  }

  private *lines(repository: Repository, count: number | undefined, oneline: boolean): Generator<string> {
    let first = true;
    for (const operation of limited(listOperations(repository), count)) {
      if (oneline) {
        yield operationLine(operation, this.style);
        continue;
      }
      if (!first) yield '';
      first = false;
      yield* operationParagraph(operation, this.style);
    }
  }
}
