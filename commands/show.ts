import {changeFlags, changeLines, formOf} from '../src/cli/change-output.js';
import {changeJson, storedBodies} from '../src/cli/change-text.js';
import {Args, StoreCommand, txnFlag} from '../src/cli/command.js';
import {changesOf} from '../src/cli/commit-changes.js';
import {commitJson, commitParagraph} from '../src/cli/commit-text.js';
import {namesByCommit} from '../src/cli/decorate.js';
import {statePath} from '../src/cli/paths.js';
import {splitWords} from '../src/cli/revision-words.js';
import {selectionOf, stateOf, tableChanges, tableFlags} from '../src/cli/table-changes.js';
import {isoTime} from '../src/cli/time.js';
import {findRef} from '../src/repo/refs.js';
import type {Repository} from '../src/repo/repository.js';
import {type Resolved, resolveRevision} from '../src/repo/revisions.js';
import {readHeldCommit} from '../src/repo/shallow.js';
import {peel, type Tag} from '../src/repo/tag.js';
import {formatTime} from '../src/repo/time.js';
import {plainText} from '../src/state/quote.js';

export default class Show extends StoreCommand {
  static override summary = 'Show a commit and what it changed.';
  static override description =
    'The changes are those against the first parent, of files and then of tables. An annotated tag is shown with its message.';
  static override examples = [
    '<%= config.bin %> show',
    '<%= config.bin %> show main~2 --stat',
    {description: 'What a commit did to one file:', command: '<%= config.bin %> show v1 etc/hosts'},
  ];
  static override args = {
    revisions: Args.string({description: 'The revision (HEAD unless given), then paths.', multiple: true}),
  };
  static override flags = {...changeFlags, ...tableFlags, ...txnFlag};
  static override takesPaths = true;
  static override pages = true;
  static override exits = [4];
  static override completes = {revisions: 'revision', paths: 'tracked', table: 'table'} as const;

  async run(): Promise<unknown> {
    const {args, flags, paths: behind} = await this.parse(Show);
    const words = (args.revisions as unknown as string[] | undefined) ?? [];
    return this.withRepository(async repo => {
      const here = this.workingDirectory();
      const {revisions, paths} = await splitWords(repo, here, words, this.separated ? behind : undefined);
      const [revision = 'HEAD', extra] = revisions;
      const resolved = await resolveRevision(repo, revision);
      if (extra !== undefined) throw this.usage(`Unexpected argument: ${extra}.`);
      const tag = this.tagOf(repo, resolved);
      const id = resolved.commit;
      const commit = readHeldCommit(repo, id);
      const selected = paths.map(path => statePath(repo.location, here, path));
      const selection = selectionOf(flags, paths);
      const deltas = selection.files ? changesOf(repo, commit, selected) : [];
      const tables = await tableChanges(repo, stateOf(repo, commit.parents[0]), commit.state, selection);
      const {style, columns} = this;
      const form = formOf(flags, 'changes');
      const names = namesByCommit(repo).get(id) ?? [];
      await this.printLines(
        (async function* () {
          if (tag) yield* tagLines(tag);
          yield* commitParagraph(id, commit, names, style);
          yield '';
          yield* changeLines(deltas, tables, form, storedBodies(repo.objects), {style, columns, rows: flags.rows});
        })(),
      );
      if (!this.json) return undefined;
      return {
        ...commitJson(id, commit),
        ...(tag && {tag: tagJson(tag)}),
        changes: deltas.map(changeJson),
        tables: tables?.json() ?? [],
      };
    });
  }

  private tagOf(repo: Repository, {ref}: Resolved): Tag | undefined {
    const id = ref && findRef(repo.objects, repo.view.refs, ref);
    return id && peel(repo.objects, id).tag;
  }
}

function tagLines({name, tagger, message}: Tag): string[] {
  return [
    `tag ${plainText(name)}`,
    `Tagger: ${plainText(`${tagger.name} <${tagger.email}>`)}`,
    `Date:   ${formatTime(tagger.time, tagger.zone)}`,
    '',
    ...plainText(message).split('\n'),
    '',
  ];
}

function tagJson({name, tagger, message}: Tag) {
  return {name, tagger: {name: tagger.name, email: tagger.email, time: isoTime(tagger.time, tagger.zone)}, message};
}
