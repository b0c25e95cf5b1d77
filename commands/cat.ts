import {isUtf8} from 'node:buffer';
import {encodeText} from '../src/bytes.js';
import {Args, Flags, StoreCommand, txnFlag} from '../src/cli/command.js';
import {findStoredEntry} from '../src/cli/stored-entry.js';
import {DbosError} from '../src/errors.js';
import type {ObjectReader} from '../src/objects/store.js';
import {type FileRow, typeName} from '../src/state/files.js';
import {readContent} from '../src/tree/content.js';

/** A JSON value holds a body of at most this many bytes. */
const JSON_LIMIT = 128 * 1024 * 1024;

export default class Cat extends StoreCommand {
  static override summary = 'Print files of a commit.';
  static override description =
    'Prints files as they are in a commit, HEAD unless another is named; what is on disk does not matter. REV:PATH names a path from the root in another commit. Of a symbolic link its target is printed.';
  static override examples = [
    '<%= config.bin %> cat notes.txt',
    {description: 'As it was:', command: '<%= config.bin %> cat notes.txt --at "2 hours ago"'},
    '<%= config.bin %> cat main~3:src/notes.txt',
  ];
  static override args = {
    paths: Args.string({description: 'The files.', required: true, multiple: true}),
  };
  static override flags = {
    at: Flags.string({description: 'The revision or time (HEAD unless given).', helpValue: 'REV'}),
    ...txnFlag,
  };
  static override exits = [4];
  static override completes = {paths: 'tracked', at: 'revision'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Cat);
    return this.withRepository(async (repository, signal) => {
      const files: FileRow[] = [];
      for (const typed of args.paths as unknown as string[]) {
        const {row, path} = await findStoredEntry(repository, this.workingDirectory(), typed, flags.at, this.reads);
        if (row === undefined || (row.type !== 'file' && row.type !== 'symlink')) throw noFile(path, row);
        files.push(row);
      }
      if (this.json) return files.map(file => bodyJson(repository.objects, file));
      for (const file of files) await this.printChunks(bodyOf(repository.objects, file), signal);
      return undefined;
    });
  }
}

function noFile(path: string, row: FileRow | undefined): DbosError {
  const name = path === '' ? 'The root' : `'${path}'`;
  return new DbosError('PATH_NOT_FILE', `${name} is a ${typeName(row?.type ?? 'dir')}, not a file.`, {
    hint: row === undefined || row.type === 'dir' ? 'List it with `dbos ls`.' : 'It has no content.',
    data: {path},
  });
}

function* bodyOf(reader: ObjectReader, {content, target}: FileRow): Generator<Uint8Array> {
  if (content !== null) yield* readContent(reader, content);
  else yield encodeText(target as string);
}

/** Returns a body for scripts: as text if it is UTF-8, else in base64. */
function bodyJson(reader: ObjectReader, file: FileRow): Readonly<Record<string, unknown>> {
  const {path, content} = file;
  if (content !== null && content.size > JSON_LIMIT) {
    throw new DbosError('VALUE_TOO_LARGE', `'${path}' is too large for a JSON value: ${content.size} bytes.`, {
      hint: 'Print it without --json.',
      data: {path, size: content.size},
    });
  }
  const body = Buffer.concat([...bodyOf(reader, file)]);
  const encoding = isUtf8(body) ? 'utf8' : 'base64';
  return {path, size: body.length, encoding, content: body.toString(encoding)};
}
