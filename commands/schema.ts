import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {schemaEntries, tableFacts} from '../src/sql/catalog/table-facts.js';
import {databaseOf} from '../src/sql/repository-query.js';
import {plainText} from '../src/state/quote.js';

export default class Schema extends StoreCommand {
  static override summary = 'Print the CREATE statements of a state.';
  static override description =
    'Those of tables, indexes, views and triggers: of all, or of one table or view and what belongs to it.';
  static override examples = ['<%= config.bin %> schema', '<%= config.bin %> schema city --at v1.0'];
  static override args = {table: Args.string({description: 'The table or view; all unless given.'})};
  static override flags = {
    at: Flags.string({description: 'The state of a revision or time (HEAD unless given).', helpValue: 'REV'}),
    ...txnFlag,
  };
  static override pages = true;
  static override exits = [4];
  static override completes = {table: 'table', at: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Schema);
    return this.withRepository(async repo => {
      if (flags.at === undefined) this.reads?.noteSchema();
      const database = databaseOf(repo, flags.at === undefined ? {} : {at: flags.at});
      const entries = await schemaEntries(database, args.table);
      // an unknown name is an error, not an empty answer
      if (args.table !== undefined && entries.length === 0) await tableFacts(database, repo.objects, args.table);
      await this.printLines(entries.map(({sql}) => `${plainText(sql)};`));
      return entries;
    });
  }
}
