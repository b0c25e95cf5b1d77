import {changeFlags, formOf} from '../src/cli/change-output.js';
import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {LogView} from '../src/cli/log-view.js';
import {statePath} from '../src/cli/paths.js';
import {splitWords} from '../src/cli/revision-words.js';

export default class Log extends StoreCommand {
  static override summary = 'Show the commits of a branch, newest first.';
  static override description =
    'Without a revision the log starts at HEAD. Of several it shows what any of them has. A range A..B shows what B has and A has not; A...B what only one of them has.';
  static override examples = [
    '<%= config.bin %> log --oneline -n 10',
    {description: 'What changed below etc since yesterday:', command: '<%= config.bin %> log --since yesterday etc'},
    {description: 'How two branches stand to each other:', command: '<%= config.bin %> log --graph main origin/main'},
    {description: 'What the branch fix adds to main:', command: '<%= config.bin %> log main..fix --stat'},
  ];
  static override args = {
    revisions: Args.string({description: 'Revisions, or ranges A..B or A...B; then paths.', multiple: true}),
  };
  static override flags = {
    'max-count': Flags.integer({char: 'n', description: 'Show at most so many commits.', min: 0, helpValue: 'N'}),
    oneline: Flags.boolean({description: 'One line for each commit.'}),
    all: Flags.boolean({description: 'Start from all branches, those of remotes too, and tags.'}),
    graph: Flags.boolean({description: 'Draw the lines of descent.'}),
    ...changeFlags,
    since: Flags.string({description: 'Only commits at or after a time.', helpValue: 'TIME'}),
    until: Flags.string({description: 'Only commits at or before a time.', helpValue: 'TIME'}),
    author: Flags.string({
      helpValue: 'TEXT',
      description: 'Only commits whose author matches (part of name or address, any case).',
    }),
    grep: Flags.string({description: 'Only commits whose message matches a regular expression.', helpValue: 'REGEX'}),
    ...txnFlag,
  };
  static override takesPaths = true;
  static override pages = true;
  static override exits = [4];
  static override completes = {revisions: 'revision', paths: 'tracked'} as const;

  async run(): Promise<unknown> {
    const {args, flags, paths: behind} = await this.parse(Log);
    const words = (args.revisions as unknown as string[] | undefined) ?? [];
    return this.withRepository(async repo => {
      const here = this.workingDirectory();
      const {revisions, paths} = await splitWords(repo, here, words, this.separated ? behind : undefined);
      if (flags.all && revisions.length > 0) throw this.usage('Give a revision or --all, not both.');
      const view = await LogView.open(repo, {
        ranges: revisions,
        all: flags.all,
        paths: paths.map(path => statePath(repo.location, here, path)),
        limit: flags['max-count'],
        since: flags.since,
        until: flags.until,
        author: flags.author,
        grep: flags.grep,
        form: formOf(flags, 'none'),
        oneline: flags.oneline,
        graph: flags.graph,
        style: this.style,
        columns: this.columns,
      });
      if (this.json) return this.streamJson(view.json());
      await this.printLines(view.lines());
      return undefined;
    });
  }
}
