import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {subjectOf} from '../src/cli/commit-text.js';
import {
  asksForList,
  REF_LIST_HELP,
  type RefListFlags,
  refListCompletes,
  refListFlags,
  refListLenient,
  selectRefs,
  sortRefs,
} from '../src/cli/ref-list.js';
import {alignRows} from '../src/cli/table.js';
import {DbosError} from '../src/errors.js';
import {formatId, shortId} from '../src/objects/id.js';
import {readCommit} from '../src/repo/commit.js';
import type {Repository} from '../src/repo/repository.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {createTag, deleteTags, listTags} from '../src/repo/tags.js';

export default class Tag extends StoreCommand {
  static override summary = 'List, create or delete tags.';
  static override description =
    `A tag names a commit for good. With a message it also says who made it and when. The list shows the message of each tag, or that of the commit. ${REF_LIST_HELP}`;
  static override examples = [
    '<%= config.bin %> tag',
    {description: 'Name the current commit:', command: "<%= config.bin %> tag v1.0 -m 'First release'"},
    {description: 'Name an earlier one:', command: '<%= config.bin %> tag before-move "yesterday 18:00"'},
    {description: 'See which releases have a commit:', command: "<%= config.bin %> tag -l 'v*' --contains main~3"},
  ];
  static override args = {
    names: Args.string({
      description:
        'The tag to create, then the commit to name (HEAD unless given); the tags to delete; the patterns of a list.',
      multiple: true,
    }),
  };
  static override flags = {
    delete: Flags.boolean({char: 'd', description: 'Delete the tags.', exclusive: ['message', 'force']}),
    force: Flags.boolean({char: 'f', description: 'Move the tag if it exists.'}),
    message: Flags.string({char: 'm', description: 'Say something about the tag.', helpValue: 'MSG'}),
    ...refListFlags,
  };
  static override lenient = refListLenient;
  static override pages = true;
  static override exits = [4];
  static override completes = {names: ['tag', 'revision'], message: 'none', ...refListCompletes} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Tag);
    const names = (args.names as unknown as string[] | undefined) ?? [];
    const [name, revision, extra] = names;
    const {delete: deletes, message, force} = flags;
    const changes = deletes || force || message !== undefined;
    const selects = asksForList(flags);
    if (selects && changes) throw this.usage('Either list tags, or create, move or delete one.');
    if (name === undefined || selects) {
      if (changes) throw this.usage('Missing argument NAME.');
      return this.withRepository(repository => this.list(repository, flags, names));
    }
    if (!deletes && extra !== undefined) throw this.usage(`Unexpected argument: ${extra}.`);
    if (message?.trim() === '') {
      throw new DbosError('MESSAGE_MISSING', 'The message is empty.', {
        hint: 'Leave out -m for a tag without a message.',
      });
    }
    return this.withRepository(async repository => {
      if (deletes) {
        await deleteTags(repository, names);
        const [what, them] = names.length === 1 ? ['tag', 'it'] : ['tags', 'them'];
        this.note(`Deleted ${what} ${names.join(', ')}. \`dbos undo\` brings ${them} back.`);
        return {name, names, deleted: true};
      }
      const {commit} = await resolveRevision(repository, revision ?? 'HEAD');
      await createTag(repository, name, commit, {force: force === true, ...(message !== undefined && {message})});
      this.note(`Tagged ${shortId(commit)} as ${name}.`);
      return {name, id: formatId(commit), ...(message !== undefined && {message})};
    });
  }

  private async list(repository: Repository, flags: RefListFlags, patterns: readonly string[]): Promise<unknown> {
    const selected = await selectRefs(repository, [...listTags(repository)], flags, patterns);
    const tags = sortRefs(
      selected,
      flags,
      ({id, tag}) => (tag?.tagger ?? readCommit(repository.objects, id).committer).time,
    );
    if (!this.json) {
      const {dim, green, yellow} = this.style;
      const rows = tags.map(({name, id, tag}) => [
        green(name),
        yellow(shortId(id)),
        tag === undefined ? dim(subjectOf(readCommit(repository.objects, id).message)) : subjectOf(tag.message),
      ]);
      await this.printLines(alignRows(rows));
    }
    return tags.map(({name, id, tag}) => ({name, id: formatId(id), ...(tag !== undefined && {message: tag.message})}));
  }
}
