import {changeFlags, fileLines, formOf} from '../src/cli/change-output.js';
import {changeJson, nameStatusLine, storedBodies} from '../src/cli/change-text.js';
import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {commitHead, commitJson, subjectOf} from '../src/cli/commit-text.js';
import {limited, mapped} from '../src/cli/items.js';
import {statePath} from '../src/cli/paths.js';
import {DbosError} from '../src/errors.js';
import {type PathHistoryEntry, pathHistory} from '../src/repo/pathhistory.js';
import type {Repository} from '../src/repo/repository.js';
import {type RevisionRange, resolveRange} from '../src/repo/revisions.js';
import {type FileRow, findFile, unknownPath} from '../src/state/files.js';
import {type BodyReader, bestSource, type FileDelta, findRenames} from '../src/state/renames.js';

export default class History extends StoreCommand {
  static override summary = 'Show every commit that changed a path, a table or a row, and how.';
  static override description =
    'For a directory the commits that changed anything in it. Merges count only if they changed it themselves. With --table the argument is the revision; --key tells the row, and of a key of several columns as many as are given.';
  static override examples = [
    '<%= config.bin %> history etc/hosts',
    {
      description: 'With the changed lines, across renames:',
      command: '<%= config.bin %> history notes.txt --follow --patch',
    },
    {description: 'What became of a row:', command: '<%= config.bin %> history --table city --key 42'},
  ];
  static override args = {
    path: Args.string({description: 'A file or directory, now or in the past.'}),
    revision: Args.string({description: 'Where to start, or a range A..B; HEAD unless given.'}),
  };
  static override flags = {
    'max-count': Flags.integer({char: 'n', description: 'Show at most so many commits.', min: 0, helpValue: 'N'}),
    follow: Flags.boolean({description: 'Go on with the old name where the file was renamed.'}),
    table: Flags.string({description: 'Show the commits that changed this table or view.', helpValue: 'TABLE'}),
    key: Flags.string({
      description: 'Show only the changes of the row with this key; once for each column of the key.',
      helpValue: 'VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ...changeFlags,
    ...txnFlag,
  };
  static override pages = true;
  static override exits = [4];
  static override completes = {path: 'tracked', revision: 'revision', table: 'table', key: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(History);
    const {table, key, 'max-count': limit} = flags;
    if (table === undefined) {
      if (key !== undefined) throw this.usage('--key is for the rows of a --table.');
      if (args.path === undefined) throw this.usage('Give a path, or a table with --table.');
      return this.pathHistory(args.path, args.revision ?? 'HEAD', flags);
    }
    if (args.revision !== undefined) throw this.usage('Give a path or --table, not both.');
    if (flags.follow) throw this.usage('--follow is for files.');
    const form = formOf(flags, 'none');
    if (key !== undefined && form !== 'none') throw this.usage('--key shows rows and nothing else.');
    const {TableHistory} = await import('../src/cli/table-history.js');
    return this.withRepository(async repo => {
      const history = await TableHistory.open(repo, {table, key, revision: args.path ?? 'HEAD', limit, form});
      if (this.json) return this.streamJson(history.json());
      await this.printLines(history.lines(this.style));
      return undefined;
    });
  }

  private async pathHistory(
    typed: string,
    revision: string,
    flags: {
      readonly follow?: boolean;
      readonly 'max-count'?: number | undefined;
    } & Parameters<typeof formOf>[0],
  ): Promise<unknown> {
    return this.withRepository(async repo => {
      const path = statePath(repo.location, this.workingDirectory(), typed);
      const range = await resolveRange(repo, revision);
      const readBody = storedBodies(repo.objects);
      const findSource = (added: FileRow, deleted: readonly FileRow[]) => bestSource(added, deleted, readBody);
      const options = flags.follow ? {followRenames: true, findSource} : {};
      const entries = limited(pathHistory(repo, range, [path], options), flags['max-count']);
      const first = entries.next();
      if (first.done && flags['max-count'] !== 0) throw await unknownIn(repo, range, typed, revision);
      const found = first.done ? [] : resumed(first.value, entries);
      const json = (entry: PathHistoryEntry) => ({
        ...commitJson(entry.id, entry.commit),
        changes: deltasOf(entry, repo, readBody).map(changeJson),
      });
      if (this.json) return this.streamJson(mapped(found, json));
      await this.printLines(this.entryLines(repo, found, formOf(flags, 'name-status'), path));
      return undefined;
    });
  }

  private async *entryLines(
    repo: Repository,
    entries: Iterable<PathHistoryEntry>,
    form: ReturnType<typeof formOf>,
    path: string,
  ): AsyncGenerator<string> {
    const {style, columns} = this;
    const readBody = storedBodies(repo.objects);
    for (const entry of entries) {
      const deltas = deltasOf(entry, repo, readBody);
      const [only] = deltas;
      // one file that keeps its name fits on the line of its commit
      const short = form === 'name-status' && deltas.length === 1 && only?.path === path && only.kind !== 'renamed';
      const mark = short && only ? `${nameStatusLine(only, style).split('\t')[0]} ` : '';
      yield `${commitHead(entry, style)}  ${mark}${subjectOf(entry.commit.message)}`;
      if (!short) yield* indented(fileLines(deltas, form, readBody, {style, columns}));
    }
  }
}

/** Returns the error for a path that no commit has; a table of that name may be meant. */
async function unknownIn(repo: Repository, range: RevisionRange, typed: string, revision: string): Promise<DbosError> {
  const error = unknownPath(typed, `the history of ${revision}`);
  const {hasTable} = await import('../src/cli/table-history.js');
  if (!hasTable(repo, range, typed)) return error;
  return new DbosError(error.code, error.message, {
    hint: `There is a table of that name: \`dbos history --table ${typed}\`.`,
    data: error.data,
  });
}

/** Returns the changes of an entry; where a rename was followed, it is said as one. */
function deltasOf(entry: PathHistoryEntry, repo: Repository, readBody: BodyReader): FileDelta[] {
  const changes = [...entry.changes];
  const parent = repo.filesRoot(entry.commit.parents[0]);
  for (const {from} of entry.renames) {
    const before = findFile(repo.objects, parent, from);
    if (before && !changes.some(change => change.path === from)) changes.push({path: from, before, after: undefined});
  }
  return findRenames(changes, readBody);
}

function* resumed<T>(first: T, rest: Iterable<T>): Generator<T> {
  yield first;
  yield* rest;
}

async function* indented(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `    ${line}`;
}
