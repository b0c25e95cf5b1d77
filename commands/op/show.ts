import {Args, StoreCommand} from '../../src/cli/command.js';
import {operationJson, operationParagraph} from '../../src/cli/operation-text.js';
import {resolveOperation} from '../../src/repo/operations.js';

export default class OpShow extends StoreCommand {
  static override summary = 'Show one operation.';
  static override examples = [
    {description: 'The newest one:', command: '<%= config.bin %> op show'},
    {description: 'Two before it:', command: '<%= config.bin %> op show @~2'},
  ];
  static override args = {
    operation: Args.string({
      description: 'An id or the start of one, @ for the newest, @~N for N before it.',
      default: '@',
    }),
  };
  static override exits = [4];
  static override completes = {operation: 'operation'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(OpShow);
    return this.withRepository(async repository => {
      const operation = await resolveOperation(repository, args.operation);
      for (const line of operationParagraph(operation, this.style)) this.print(line);
      return operationJson(operation);
    });
  }
}
