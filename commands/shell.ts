import {relative, resolve} from 'node:path';
import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {isTerminal} from '../src/cli/output.js';
import {historyFile, isCapableTerminal, ProgramHost} from '../src/cli/shell-host.js';
import {Config} from '../src/repo/config.js';
import {findStore} from '../src/repo/location.js';

export default class ShellCommand extends StoreCommand {
  static override summary = 'Start the interactive shell, or run a script in it.';
  static override description =
    'Files, transactions, time travel and SQL in one place, on a work tree or a bare store; `dbos` alone starts it on a terminal. Each line opens the store and lets go of it, so other commands go on working. A script stops at its first error and says in which line. `help` lists the commands; docs/shell.md explains them.';
  static override examples = [
    '<%= config.bin %> shell',
    {description: 'A script:', command: '<%= config.bin %> shell setup.txt'},
    {description: 'From a pipe:', command: 'echo "ls; SELECT count(*) FROM files;" | <%= config.bin %> shell'},
  ];
  static override args = {
    file: Args.string({description: 'A script; without one lines are read from the terminal or the pipe.'}),
  };
  static override flags = {
    'keep-going': Flags.boolean({description: 'Go on after an error; the exit status tells of the last one.'}),
    retry: Flags.integer({
      description: 'Carry out a transaction of a script again, up to so many times, when it meets a conflict.',
      helpValue: 'N',
      min: 0,
    }),
    ...txnFlag,
  };
  static override looksInside = false;
  static override exits = [3, 4, 5, 6];
  static override completes = {file: 'file'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(ShellCommand);
    const directory = this.workingDirectory();
    const location = findStore(directory);
    // the shell is loaded for this command only
    const [{Shell}, {Session}, {History}, {scriptLines, TerminalLines}, {completerOf}] = await Promise.all([
      import('../src/shell/shell.js'),
      import('../src/shell/session.js'),
      import('../src/shell/history.js'),
      import('../src/shell/lines.js'),
      import('../src/shell/completion.js'),
    ]);
    const context = await this.context();
    const host = new ProgramHost({
      location,
      directory,
      style: this.style,
      context: line => ({...context, command: line === '' ? context.command : `dbos shell: ${line}`}),
      run: words => this.runProgram(words),
      editor: Config.of(location.store, context.userConfig).get('core.editor'),
    });
    const session = new Session();
    if (this.txn !== undefined) session.transaction = await this.withTransaction(async (_, {name}) => name);
    if (location.workTree !== undefined) session.directory = relative(location.workTree, directory);
    // looking at `process.stdin` would make reads of a pipe fail that has nothing yet
    const interactive = args.file === undefined && isTerminal(0) && isTerminal(1);
    const retries = flags.retry ?? 0;
    if (interactive && retries > 0) throw this.usage('--retry is for scripts.');
    const history = new History(interactive ? historyFile() : undefined);
    const lines = interactive
      ? new TerminalLines(process.stdin, process.stdout, {
          history: () => history.lines,
          complete: completerOf(host, session),
          capable: isCapableTerminal(),
        })
      : scriptLines(args.file === undefined || args.file === '-' ? {fd: 0} : {path: resolve(directory, args.file)});
    try {
      this.exitStatus = await new Shell({
        host,
        session,
        history,
        lines,
        keepGoing: flags['keep-going'] === true,
        retries,
      }).run();
    } finally {
      lines.close();
    }
    return undefined;
  }
}
