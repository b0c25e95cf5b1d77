import {Flags, StoreCommand} from '../src/cli/command.js';
import {limited, mapped} from '../src/cli/items.js';
import {operationJson, operationParagraph} from '../src/cli/operation-text.js';
import {statePath} from '../src/cli/paths.js';
import {type AuditFilter, auditOperations} from '../src/repo/audit.js';
import type {Repository} from '../src/repo/repository.js';
import {parseTime} from '../src/repo/time.js';
import {affectedBy} from '../src/sql/catalog/affected.js';
import {States} from '../src/sql/catalog/states.js';

interface Chosen {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly user?: string | undefined;
  readonly path?: string | undefined;
  readonly table?: string | undefined;
}

export default class Audit extends StoreCommand {
  static override summary = 'Show who changed what, when, by which command.';
  static override description =
    'Lists operations, the newest first: who, when, the command line (and SQL), which refs moved from where to where, and how many rows of which tables were added, modified and deleted. With --path or --table only those that changed that. Secrets on command lines are masked before they are recorded. docs/audit.md says what is recorded and what it proves.';
  static override examples = [
    {
      description: 'Who changed etc/hosts since last week:',
      command: '<%= config.bin %> audit --path etc/hosts --since "last week"',
    },
    {description: 'What root did to the table users:', command: '<%= config.bin %> audit --table users --user root'},
  ];
  static override flags = {
    'max-count': Flags.integer({char: 'n', description: 'Show at most so many operations.', helpValue: 'N', min: 0}),
    since: Flags.string({description: 'Only operations at or after a time.', helpValue: 'TIME'}),
    until: Flags.string({description: 'Only operations at or before a time.', helpValue: 'TIME'}),
    user: Flags.string({description: 'Only operations of an account.', helpValue: 'USER[@HOST]'}),
    path: Flags.string({description: 'Only what changed a file, or a directory with all below it.', helpValue: 'PATH'}),
    table: Flags.string({description: 'Only what changed a table.', helpValue: 'TABLE'}),
  };
  static override pages = true;
  static override completes = {'max-count': 'none', path: 'tracked'} as const;

  async run(): Promise<unknown> {
    const {flags} = await this.parse(Audit);
    return this.withRepository(async repository => {
      const found = limited(
        auditOperations(repository, await this.filterOf(repository, flags as Chosen)),
        flags['max-count'],
      );
      const states = new States(repository.objects);
      if (this.json) return this.streamJson(mapped(found, each => operationJson(each, affectedBy(states, each))));
      await this.printLines(this.lines(states, found));
      return undefined;
    });
  }

  private async filterOf(repository: Repository, {since, until, user, path, table}: Chosen): Promise<AuditFilter> {
    const {now, zone} = repository.context;
    const timeOf = (text: string | undefined) => (text === undefined ? undefined : parseTime(text, now(), zone));
    return {
      since: await timeOf(since),
      until: await timeOf(until),
      user,
      path: path === undefined ? undefined : statePath(repository.location, this.workingDirectory(), path),
      table,
    };
  }

  private *lines(states: States, found: Iterable<Parameters<typeof operationParagraph>[0]>): Generator<string> {
    let first = true;
    for (const operation of found) {
      if (!first) yield '';
      first = false;
      yield* operationParagraph(operation, this.style, affectedBy(states, operation));
    }
    if (first) this.note('No operation fits.');
  }
}
