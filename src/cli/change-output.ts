/** The forms in which commands print changes, and the flags that choose one. Layer: cli. */
import {decodeText} from '../bytes.js';
import type {BodyReader, FileDelta} from '../state/renames.js';
import {colourPatchLine, nameStatusLine, patches, statLines} from './change-text.js';
import {Flags} from './command.js';
import type {TableChanges, TableLook} from './table-changes.js';

/** `changes` is a patch for files, and for tables the changed rows as people read them; `patch` has these as SQL. */
export type ChangeForm = 'changes' | 'patch' | 'stat' | 'name-status' | 'none';

/** The flags of commands that print changes. */
export const changeFlags = {
  patch: Flags.boolean({
    char: 'p',
    description: 'Show the changes as a patch; those of tables as SQL.',
    exclusive: ['stat', 'name-status'],
  }),
  stat: Flags.boolean({
    description: 'Count the changed lines of each file and the changed rows of each table.',
    exclusive: ['name-status'],
  }),
  'name-status': Flags.boolean({description: 'Show only the names and kinds of changes.'}),
};

/** Returns the form that the flags ask for. */
export function formOf(
  flags: {readonly patch?: boolean; readonly stat?: boolean; readonly 'name-status'?: boolean},
  otherwise: ChangeForm,
): ChangeForm {
  if (flags.patch) return 'patch';
  if (flags.stat) return 'stat';
  return flags['name-status'] ? 'name-status' : otherwise;
}

/** How changes look. */
export interface ChangeLook extends TableLook {
  readonly columns: number;
}

/** Yields the lines of changes of files, and after them those of tables. */
export async function* changeLines(
  deltas: readonly FileDelta[],
  tables: TableChanges | undefined,
  form: ChangeForm,
  readBody: BodyReader,
  look: ChangeLook,
): AsyncGenerator<string> {
  yield* fileLines(deltas, form, readBody, look);
  if (tables === undefined) return;
  if (deltas.length > 0 && (form === 'changes' || form === 'patch')) yield '';
  yield* tables.lines(form, look);
}

/** Yields the lines of changes of files in a form; a patch comes back as the bytes it was, whatever the encoding of the bodies. */
export async function* fileLines(
  deltas: readonly FileDelta[],
  form: ChangeForm,
  readBody: BodyReader,
  look: ChangeLook,
): AsyncGenerator<string> {
  if (form === 'name-status') for (const delta of deltas) yield nameStatusLine(delta, look.style);
  if (form === 'stat') yield* statLines(deltas, readBody, look.style, look.columns);
  if (form !== 'patch' && form !== 'changes') return;
  for await (const patch of patches(deltas, readBody)) {
    const lines = decodeText(patch).split('\n');
    lines.pop();
    for (const line of lines) yield colourPatchLine(line, look.style);
  }
}
