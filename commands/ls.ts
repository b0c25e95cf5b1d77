import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {entryJson, entryName, LongColumns} from '../src/cli/entry-text.js';
import {findStoredEntry, type StoredEntry} from '../src/cli/stored-entry.js';
import type {Repository} from '../src/repo/repository.js';
import {formatTime} from '../src/repo/time.js';
import type {FileRow} from '../src/state/files.js';

export default class Ls extends StoreCommand {
  static override summary = 'List the files of a commit.';
  static override description =
    'Lists a directory as it is in a commit, HEAD unless another is named; what is on disk does not matter. REV:PATH names a path from the root in another commit.';
  static override examples = [
    '<%= config.bin %> ls src',
    {description: 'With modes, owners, sizes and times:', command: '<%= config.bin %> ls -l'},
    {description: 'Everything that there was yesterday:', command: '<%= config.bin %> ls -R --at yesterday'},
    '<%= config.bin %> ls v1.0:src',
  ];
  static override args = {
    path: Args.string({description: 'The directory or file (the current directory unless given).'}),
  };
  static override flags = {
    at: Flags.string({description: 'The revision or time (HEAD unless given).', helpValue: 'REV'}),
    long: Flags.boolean({char: 'l', description: 'Print mode, owner, size and time of each entry.'}),
    recursive: Flags.boolean({char: 'R', description: 'Go into directories.'}),
    ...txnFlag,
  };
  static override pages = true;
  static override exits = [4];
  static override completes = {path: 'tracked', at: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Ls);
    return this.withRepository(async repository => {
      const directory = this.workingDirectory();
      const entry = await findStoredEntry(
        repository,
        directory,
        args.path ?? defaultPath(repository),
        flags.at,
        this.reads,
      );
      const rows = () => entriesOf(entry, flags.recursive === true);
      if (this.json) return this.streamJson(jsonOf(rows()));
      await this.printLines(flags.long ? this.longLines(repository, entry, rows) : this.shortLines(entry, rows()));
      return undefined;
    });
  }

  private *shortLines(entry: StoredEntry, rows: Iterable<FileRow>): Generator<string> {
    for (const row of rows) yield entryName(row, nameIn(entry, row), this.style);
  }

  /** Reads the entries twice, because there may be more than fit into memory. */
  private *longLines(repository: Repository, entry: StoredEntry, rows: () => Iterable<FileRow>): Generator<string> {
    const columns = new LongColumns();
    for (const row of rows()) columns.fit(row);
    const {zone} = repository.context;
    for (const row of rows()) {
      const time = Number(row.mtime / 1_000_000n);
      yield columns.line(row, nameIn(entry, row), formatTime(time, zone(time)).slice(0, 16), this.style);
    }
  }
}

/** A bare store has no current directory. */
function defaultPath(repository: Repository): string {
  return repository.location.workTree === undefined ? '/' : '.';
}

function entriesOf({files, path, row}: StoredEntry, recursive: boolean): Iterable<FileRow> {
  if (row !== undefined && row.type !== 'dir') return [row];
  return recursive ? files.below(path) : files.list(path);
}

function nameIn({path, row}: StoredEntry, {path: full}: FileRow): string {
  if (row !== undefined && row.type !== 'dir') return full;
  return path === '' ? full : full.slice(path.length + 1);
}

function* jsonOf(rows: Iterable<FileRow>): Generator<unknown> {
  for (const row of rows) yield entryJson(row);
}
