import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {subjectOf} from '../src/cli/commit-text.js';
import {alignRows} from '../src/cli/table.js';
import {DbosError} from '../src/errors.js';
import {formatId, shortId} from '../src/objects/id.js';
import {readCommit} from '../src/repo/commit.js';
import type {Repository} from '../src/repo/repository.js';
import {resolveRevision} from '../src/repo/revisions.js';
import {createTag, deleteTag, listTags} from '../src/repo/tags.js';

export default class Tag extends StoreCommand {
  static override summary = 'List, create or delete tags.';
  static override description =
    'A tag names a commit for good. With a message it also says who made it and when. The list shows the message of each tag, or that of the commit.';
  static override examples = [
    '<%= config.bin %> tag',
    {description: 'Name the current commit:', command: "<%= config.bin %> tag v1.0 -m 'First release'"},
    {description: 'Name an earlier one:', command: '<%= config.bin %> tag before-move "yesterday 18:00"'},
  ];
  static override args = {
    name: Args.string({description: 'The tag to create or delete.'}),
    revision: Args.string({description: 'The commit to name (HEAD unless given).'}),
  };
  static override flags = {
    delete: Flags.boolean({char: 'd', description: 'Delete the tag.', exclusive: ['message', 'force']}),
    force: Flags.boolean({char: 'f', description: 'Move the tag if it exists.'}),
    message: Flags.string({char: 'm', description: 'Say something about the tag.', helpValue: 'MSG'}),
  };
  static override pages = true;
  static override exits = [4];
  static override completes = {name: 'tag', revision: 'revision', message: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Tag);
    const {name, revision} = args;
    const {message, force} = flags;
    if (name === undefined) {
      if (flags.delete || force || message !== undefined) throw this.usage('Missing argument NAME.');
      return this.withRepository(repository => this.list(repository));
    }
    if (flags.delete && revision !== undefined) throw this.usage('With --delete only the tag is named.');
    if (message?.trim() === '') {
      throw new DbosError('MESSAGE_MISSING', 'The message is empty.', {
        hint: 'Leave out -m for a tag without a message.',
      });
    }
    return this.withRepository(async repository => {
      if (flags.delete) {
        await deleteTag(repository, name);
        this.note(`Deleted tag ${name}. \`dbos undo\` brings it back.`);
        return {name, deleted: true};
      }
      const {commit} = await resolveRevision(repository, revision ?? 'HEAD');
      await createTag(repository, name, commit, {force: force === true, ...(message !== undefined && {message})});
      this.note(`Tagged ${shortId(commit)} as ${name}.`);
      return {name, id: formatId(commit), ...(message !== undefined && {message})};
    });
  }

  private async list(repository: Repository): Promise<unknown> {
    const tags = [...listTags(repository)];
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
