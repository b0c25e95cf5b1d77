import {resolve} from 'node:path';
import {decodeText} from '../src/bytes.js';
import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {outlivesSignals} from '../src/cli/interrupt.js';
import {moveWarnings, savedNote} from '../src/cli/move-text.js';
import {formatCount} from '../src/cli/progress.js';
import {InterruptGuard} from '../src/cli/query-interrupt.js';
import {parseParameters} from '../src/cli/query-parameters.js';
import {QueryResult, type StatementTiming} from '../src/cli/query-result.js';
import {readSql} from '../src/cli/query-source.js';
import {writeResultFile} from '../src/cli/result-file.js';
import {FORMATS, type FormatName, formatOfFile} from '../src/cli/result-format.js';
import {createStyle} from '../src/cli/style.js';
import {type DbosError, EXIT} from '../src/errors.js';
import {shortId} from '../src/objects/id.js';
import type {StoredOperation} from '../src/repo/operation.js';
import type {Repository} from '../src/repo/repository.js';
import type {Publication, Publish} from '../src/repo/transaction.js';
import {databaseOf} from '../src/sql/repository-query.js';
import {ScriptWrites, writes} from '../src/sql/write/script-writes.js';
import type {FollowOptions} from '../src/worktree/follow.js';
import type {StatusChange} from '../src/worktree/status.js';

interface Chosen {
  readonly format?: FormatName | undefined;
  readonly output?: string | undefined;
}

function countOf(rows: number): string {
  return rows === 1 ? '1 row' : `${formatCount(rows)} rows`;
}

function milliseconds(time: number): string {
  return time < 1000 ? `${time.toFixed(1)} ms` : `${(time / 1000).toFixed(2)} s`;
}

export default class Query extends StoreCommand {
  static override summary = 'Ask a state of the files and tables in SQL, and change them.';
  static override description =
    'Takes SQL as SQLite has it, from the command line, from --file or from stdin; of a script each result is printed in turn. Tables are files, commits, branches, tags, operations, status and more; `SELECT * FROM tables` lists them. `t AS OF REV` reads a table as it was. Statements that write are commits, of a script all or none (but see --continue); the work tree follows, and a file in it that is changed on disk makes them fail. docs/sql.md has the language, the tables and a cookbook.';
  static override examples = [
    '<%= config.bin %> query "SELECT path, size FROM files ORDER BY size DESC LIMIT 10"',
    {
      description: 'What is new in etc since yesterday, for another program:',
      command:
        "<%= config.bin %> query \"SELECT path FROM files WHERE path LIKE 'etc/%' EXCEPT SELECT path FROM files AS OF 'yesterday'\" --format csv",
    },
    {
      description: 'With a parameter, as of a tag:',
      command:
        '<%= config.bin %> query "SELECT * FROM files WHERE dir = :dir" --param dir:text=etc/ssh --at v1.0 --json',
    },
    {description: 'A script, into a file:', command: '<%= config.bin %> query --file report.sql --output report.md'},
  ];
  static override args = {
    sql: Args.string({description: 'Statements; several words are one text, `-` is stdin.', multiple: true}),
  };
  static override flags = {
    format: Flags.string({
      description: 'How rows are printed: table on a terminal, ndjson elsewhere, unless given.',
      options: Object.keys(FORMATS),
      helpValue: 'FORMAT',
    }),
    'no-header': Flags.boolean({description: 'Print no names of columns.'}),
    null: Flags.string({description: 'What stands for NULL; not in JSON.', helpValue: 'TEXT'}),
    param: Flags.string({
      description: 'The value of a parameter; NAME:TYPE=VALUE gives it a type: text, integer, real, blob or null.',
      helpValue: 'NAME=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    file: Flags.string({description: 'Read the SQL from a file; `-` is stdin.', helpValue: 'FILE'}),
    output: Flags.string({
      description: 'Write the rows into a file, whose name tells the format unless --format does.',
      helpValue: 'FILE',
    }),
    message: Flags.string({
      char: 'm',
      description: 'The message of the commits that statements make; the statement itself unless given.',
      helpValue: 'MESSAGE',
    }),
    force: Flags.boolean({
      char: 'f',
      description: 'Save what writing files would overwrite in the work tree in an automatic commit, and go on.',
    }),
    continue: Flags.boolean({
      description: 'When a statement of a script fails, tell it and go on; the exit status is 1 then.',
    }),
    parents: Flags.boolean({description: 'Make the directories that are missing above files that are written.'}),
    at: Flags.string({description: 'Ask the state of a revision or time (HEAD unless given).', helpValue: 'REV'}),
    timeout: Flags.string({description: 'Give up after so many seconds.', helpValue: 'SECONDS'}),
    timing: Flags.boolean({description: 'Tell on stderr how many rows there were and how long they took.'}),
    ...txnFlag,
  };
  static override pages = true;
  static override exits = [4, 5, 6];
  static override completes = {at: 'revision', file: 'file', output: 'file'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Query);
    const format = this.formatOf(flags as Chosen);
    // `--format json` is --json, unless the rows go elsewhere
    if (format === 'json' && flags.output === undefined) this.json = true;
    const directory = this.workingDirectory();
    const words = (args.sql as unknown as string[] | undefined) ?? [];
    const sql = readSql({words, file: flags.file, directory});
    const parameters = parseParameters(flags.param ?? []);
    const timeout = this.timeoutOf(flags.timeout);
    const repository = await this.openRepository();
    // where there is nothing to clean up, Ctrl-C ends the process at once
    let changed: ScriptWrites | undefined;
    const cleansUp = flags.output !== undefined || (this.onTerminal && !this.json) || outlivesSignals();
    const guard = cleansUp ? new InterruptGuard() : undefined;
    try {
      const status =
        repository.location.workTree === undefined ? {} : {status: () => this.uncommitted(repository, guard?.signal)};
      const {transaction} = this;
      // nobody can tell of the rest of a long script
      const mayWrite = sql.next === undefined ? writes(sql.text) : flags.at === undefined;
      if (mayWrite || transaction?.transaction.isolation === 'serializable') {
        if (flags.at !== undefined) throw this.usage('A past state cannot be written: leave out --at.');
        const publish: Publish = (transaction, publication) =>
          this.published(repository, publication, {transaction, force: flags.force === true});
        const makeParents = flags.parents === true;
        changed = new ScriptWrites(repository, {
          ...status,
          message: flags.message,
          sql: sql.text,
          makeParents,
          publish,
          transaction,
        });
      }
      const database =
        changed?.database ?? databaseOf(repository, {...status, ...(flags.at !== undefined && {at: flags.at})});
      const result = new QueryResult(database, {
        sql,
        parameters,
        format,
        header: !flags['no-header'],
        nullText: flags.null,
        style: flags.output === undefined ? this.style : createStyle(false),
        timeout,
        failed: flags.continue === true ? error => this.failedStatement(error) : undefined,
        timed: flags.timing === true,
        each: parts => guard?.each(parts) ?? parts,
      });
      const parts = this.recorded(repository, result, changed);
      const printed = await this.send(result, parts, flags.output, () => repository.close());
      for (const timing of result.timings) this.printTiming(timing);
      return printed;
    } finally {
      guard?.release();
      changed?.discard();
      await repository.close();
    }
  }

  /** Yields the result, and then makes what it changed visible. */
  private async *recorded(
    repository: Repository,
    result: QueryResult,
    changed: ScriptWrites | undefined,
  ): AsyncGenerator<Uint8Array> {
    let whole = false;
    try {
      yield* result.parts();
      whole = true;
    } catch (error) {
      await this.rethrow(repository, error);
    } finally {
      if (!whole) await changed?.abandon();
    }
    if (changed === undefined) return;
    const {commits, changes, units, unfinished} = await changed.publish();
    if (unfinished) this.warning('BEGIN has no COMMIT: nothing of what comes after it has happened.');
    const [first] = commits;
    // definitions of tables, indexes and the like change no rows
    const what = changes === 0 ? 'Done' : `Changed ${countOf(changes)}`;
    if (units > 0 && this.transaction) this.note(`${what} in transaction ${this.transaction.name}.`);
    if (first === undefined) return;
    const where = commits.length === 1 ? `commit ${shortId(first)}` : `${commits.length} commits`;
    this.note(`${what} in ${where}.`);
  }

  /** Tells that a statement failed, of a script that goes on. */
  private failedStatement(error: DbosError): void {
    this.exitStatus = EXIT.failed;
    this.failure(error);
  }

  /** Publishes what a script has made, and the work tree follows. */
  private async published(
    repository: Repository,
    publication: Publication,
    options: FollowOptions,
  ): Promise<StoredOperation> {
    // most queries write nothing
    const {publishAndFollow} = await import('../src/worktree/follow.js');
    const move = await publishAndFollow(repository, publication, {...options, progress: this.showProgress});
    this.progress.finish();
    for (const line of savedNote(move, true)) this.note(line);
    for (const line of moveWarnings(move)) this.warning(line);
    return move.operation;
  }

  private async uncommitted(repository: Repository, signal?: AbortSignal): Promise<readonly StatusChange[]> {
    const {readStatus} = await import('../src/worktree/status.js');
    const {changes} = await readStatus(repository, {progress: this.showProgress, ...(signal && {signal})});
    this.progress.finish();
    return changes;
  }

  private formatOf({format, output}: Chosen): FormatName {
    if (format !== undefined) {
      if (this.json && format !== 'json' && output === undefined) {
        throw this.usage(`Give --json or --format ${format}, not both.`);
      }
      return format;
    }
    const named = output === undefined ? undefined : formatOfFile(output);
    return named ?? (this.json ? 'json' : output === undefined && this.onTerminal ? 'table' : 'ndjson');
  }

  private timeoutOf(seconds: string | undefined): number | undefined {
    if (seconds === undefined) return undefined;
    const value = /^(\d+\.?\d*|\.\d+)$/.test(seconds) ? Number(seconds) : 0;
    if (!(value > 0)) throw this.usage(`--timeout takes a number of seconds, not '${seconds}'.`);
    return value * 1000;
  }

  /** Sends the result where it shall go; `release` lets go of the store as soon as all of it is made. */
  private async send(
    result: QueryResult,
    parts: AsyncIterable<Uint8Array>,
    output: string | undefined,
    release: () => Promise<void>,
  ): Promise<unknown> {
    if (output !== undefined) {
      await writeResultFile(resolve(this.workingDirectory(), output), output, parts);
      const {rows} = result;
      this.report(`Wrote ${countOf(rows)} to ${output}.`);
      return {output, rows};
    }
    if (this.json || !this.onTerminal) return this.streamParts(parts, release);
    await this.printLines(this.linesOf(parts));
    await release();
    await this.finishPager();
    return undefined;
  }

  /** Yields the parts as the pager takes them, and shows each before the next is made. */
  private async *linesOf(parts: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
    for await (const part of parts) {
      if (part.length === 0) continue;
      yield decodeText(part).replace(/\n$/, '');
      await this.turn();
    }
  }

  private printTiming({rows, prepare, run}: StatementTiming): void {
    this.note(`${countOf(rows)}, prepared in ${milliseconds(prepare)}, run in ${milliseconds(run)}`);
  }
}
