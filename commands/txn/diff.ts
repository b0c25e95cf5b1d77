import {changeFlags, changeLines, formOf} from '../../src/cli/change-output.js';
import {changeJson, storedBodies} from '../../src/cli/change-text.js';
import {Args, StoreCommand} from '../../src/cli/command.js';
import {changesBetween} from '../../src/cli/commit-changes.js';
import {statePath} from '../../src/cli/paths.js';
import {selectionOf, stateOf, tableChanges, tableFlags} from '../../src/cli/table-changes.js';
import {filesRootOf} from '../../src/repo/filesroot.js';
import {findTransaction} from '../../src/repo/transactionlog.js';
import {findRenames} from '../../src/state/renames.js';

export default class TxnDiff extends StoreCommand {
  static override summary = 'Show what a transaction has changed.';
  static override description =
    'From the commit that it began from to what it is at, or was at when it ended. `dbos diff --txn` compares other revisions with it.';
  static override examples = ['<%= config.bin %> txn diff T4k2m7q2xw5ab', '<%= config.bin %> txn diff --stat'];
  static override args = {
    id: Args.string({description: 'The transaction, or the start of its id (the one in DBOS_TXN unless given).'}),
  };
  static override flags = {...changeFlags, ...tableFlags};
  static override takesPaths = true;
  static override pages = true;
  static override exits = [4];
  static override completes = {id: 'transaction', paths: 'tracked', table: 'table'} as const;

  async run(): Promise<unknown> {
    const {args, flags, paths} = await this.parse(TxnDiff);
    const id = this.transactionNamed(args.id);
    if (id === undefined) throw this.usage('Name the transaction, or set DBOS_TXN.');
    return this.withRepository(async repo => {
      const selected = paths.map(path => statePath(repo.location, this.workingDirectory(), path));
      const {base, state} = findTransaction(repo, id).transaction;
      const [before, after] = [stateOf(repo, base ?? undefined), state ?? undefined];
      const [from, to] = [before, after].map(each => (each === undefined ? null : filesRootOf(repo.objects, each)));
      const selection = selectionOf(flags, paths);
      const readBody = storedBodies(repo.objects);
      const files = selection.files ? [...changesBetween(repo, from ?? null, to ?? null, selected)] : [];
      const deltas = findRenames(files, readBody);
      const tables = await tableChanges(repo, before, after, selection);
      const look = {style: this.style, columns: this.columns, rows: flags.rows, alone: !selection.files};
      await this.printLines(changeLines(deltas, tables, formOf(flags, 'changes'), readBody, look));
      return this.json ? {files: deltas.map(changeJson), tables: tables?.json() ?? []} : undefined;
    });
  }
}
