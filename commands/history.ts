import {changeFlags, changeLines, formOf} from '../src/cli/change-output.js';
import {changeJson, nameStatusLine, storedBodies} from '../src/cli/change-text.js';
import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {commitJson, subjectOf} from '../src/cli/commit-text.js';
import {limited, mapped} from '../src/cli/items.js';
import {statePath} from '../src/cli/paths.js';
import {shortId} from '../src/objects/id.js';
import {type PathHistoryEntry, pathHistory} from '../src/repo/pathhistory.js';
import type {Repository} from '../src/repo/repository.js';
import {resolveRange} from '../src/repo/revisions.js';
import {formatTime} from '../src/repo/time.js';
import {type FileRow, findFile, unknownPath} from '../src/state/files.js';
import {plainText} from '../src/state/quote.js';
import {type BodyReader, bestSource, type FileDelta, findRenames} from '../src/state/renames.js';

export default class History extends StoreCommand {
  static override summary = 'Show every commit that changed a path, and how.';
  static override description =
    'For a directory the commits that changed anything in it. Merges count only if they changed it themselves.';
  static override examples = [
    '<%= config.bin %> history etc/hosts',
    {
      description: 'With the changed lines, across renames:',
      command: '<%= config.bin %> history notes.txt --follow --patch',
    },
  ];
  static override args = {
    path: Args.string({description: 'A file or directory, now or in the past.', required: true}),
    revision: Args.string({description: 'Where to start, or a range A..B; HEAD unless given.', default: 'HEAD'}),
  };
  static override flags = {
    'max-count': Flags.integer({char: 'n', description: 'Show at most so many commits.', min: 0, helpValue: 'N'}),
    follow: Flags.boolean({description: 'Go on with the old name where the file was renamed.'}),
    ...changeFlags,
    ...txnFlag,
  };
  static override pages = true;
  static override exits = [4];
  static override completes = {path: 'tracked', revision: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(History);
    return this.withRepository(async repo => {
      const path = statePath(repo.location, this.workingDirectory(), args.path);
      const range = await resolveRange(repo, args.revision);
      const readBody = storedBodies(repo.objects);
      const findSource = (added: FileRow, deleted: readonly FileRow[]) => bestSource(added, deleted, readBody);
      const options = flags.follow ? {followRenames: true, findSource} : {};
      const entries = limited(pathHistory(repo, range, [path], options), flags['max-count']);
      const first = entries.next();
      if (first.done && flags['max-count'] !== 0) throw unknownPath(args.path, `the history of ${args.revision}`);
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
      const {id, commit} = entry;
      const {author} = commit;
      const deltas = deltasOf(entry, repo, readBody);
      const [only] = deltas;
      // one file that keeps its name fits on the line of its commit
      const short = form === 'name-status' && deltas.length === 1 && only?.path === path && only.kind !== 'renamed';
      const mark = short && only ? `${nameStatusLine(only, style).split('\t')[0]} ` : '';
      const when = formatTime(author.time, author.zone);
      yield `${style.yellow(shortId(id))} ${when}  ${plainText(author.name)}  ${mark}${subjectOf(commit.message)}`;
      if (!short) yield* indented(changeLines(deltas, form, readBody, {style, columns}));
    }
  }
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
