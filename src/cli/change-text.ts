/**
 * Changes of files in the forms that `diff`, `show`, `log`, `history` and `status` print: a name and a letter, counted lines, or a patch.
 * Layer: cli.
 */
import type {ObjectReader} from '../objects/store.js';
import type {FileRow} from '../state/files.js';
import {diffOf, formatPatch} from '../state/patch.js';
import {quotePath} from '../state/quote.js';
import type {BodyReader, ChangeKind, FileDelta} from '../state/renames.js';
import {readWhole} from '../tree/content.js';
import type {Style} from './style.js';
import {displayWidth} from './table.js';

export interface ChangeJson {
  readonly path: string;
  readonly change: ChangeKind;
  /** The old path of a renamed file. */
  readonly from?: string;
  readonly similarity?: number;
}

/** Returns a change as scripts get it. */
export function changeJson(delta: FileDelta): ChangeJson {
  const {path, kind, before, similarity} = delta;
  if (kind !== 'renamed' || before === undefined) return {path, change: kind};
  return {path, change: kind, from: before.path, similarity: similarity ?? 100};
}

/** Returns a reader of bodies that are in the store. */
export function storedBodies(reader: ObjectReader): BodyReader {
  return (file: FileRow) => (file.content === null ? new Uint8Array(0) : readWhole(reader, file.content));
}

const LETTERS: Readonly<Record<ChangeKind, string>> = {
  added: 'A',
  modified: 'M',
  deleted: 'D',
  typechange: 'T',
  renamed: 'R',
};

/** Returns a change as a letter and its path. */
export function nameStatusLine(delta: FileDelta, style: Style): string {
  const {kind, path, before} = delta;
  const paint = kind === 'added' ? style.green : kind === 'deleted' ? style.red : style.yellow;
  if (kind === 'renamed' && before) {
    return `${paint(`R${`${delta.similarity ?? 100}`.padStart(3, '0')}`)}\t${quotePath(before.path)}\t${quotePath(path)}`;
  }
  return `${paint(LETTERS[kind])}\t${shownPath(delta)}`;
}

/** A directory is shown with a slash. */
function shownPath({path, before, after}: FileDelta): string {
  return quotePath((after ?? before)?.type === 'dir' ? `${path}/` : path);
}

interface CountedChange {
  readonly name: string;
  readonly added: number;
  readonly deleted: number;
  /** What stands for the bar where lines do not count. */
  readonly note: string | undefined;
}

async function countChange(delta: FileDelta, readBody: BodyReader): Promise<CountedChange> {
  const {before, after, kind} = delta;
  const name = kind === 'renamed' && before ? `${quotePath(before.path)} => ${shownPath(delta)}` : shownPath(delta);
  const diff = await diffOf(delta, readBody);
  const sizes = () => `${before?.content?.size ?? 0} -> ${after?.content?.size ?? 0} bytes`;
  const noBody = (after ?? before)?.type === 'dir' || (after ?? before)?.type === 'fifo';
  const note = diff.binary ? `binary, ${sizes()}` : noBody ? kind : undefined;
  return {name, added: diff.added, deleted: diff.deleted, note};
}

/** Yields a line for each change with its counts of lines, then one with the sums. */
export async function* statLines(
  deltas: readonly FileDelta[],
  readBody: BodyReader,
  style: Style,
  columns: number,
): AsyncGenerator<string> {
  const counted: CountedChange[] = [];
  for (const delta of deltas) counted.push(await countChange(delta, readBody));
  if (counted.length === 0) return;
  const nameWidth = Math.min(Math.max(...counted.map(one => displayWidth(one.name))), Math.max(20, columns - 30));
  const most = Math.max(1, ...counted.map(one => one.added + one.deleted));
  const numberWidth = `${most}`.length;
  const barWidth = Math.max(5, Math.min(columns - nameWidth - numberWidth - 6, 50));
  const scale = Math.min(1, barWidth / most);
  for (const {name, added, deleted, note} of counted) {
    const shown = displayWidth(name) > nameWidth ? `…${name.slice(1 - nameWidth)}` : name;
    const head = ` ${shown}${' '.repeat(Math.max(0, nameWidth - displayWidth(shown)))} | `;
    const length = (count: number) => (count === 0 ? 0 : Math.max(1, Math.round(count * scale)));
    const bar = style.green('+'.repeat(length(added))) + style.red('-'.repeat(length(deleted)));
    yield note === undefined ? `${head}${`${added + deleted}`.padStart(numberWidth)} ${bar}`.trimEnd() : head + note;
  }
  const sum = (part: 'added' | 'deleted') => counted.reduce((total, one) => total + one[part], 0);
  const lines = (count: number) => (count === 1 ? '1 line' : `${count} lines`);
  yield ` ${counted.length} changed, ${lines(sum('added'))} added, ${lines(sum('deleted'))} deleted`;
}

/** Returns a line of a patch with its colour. */
export function colourPatchLine(line: string, style: Style): string {
  if (/^(diff|---|\+\+\+|new file|deleted file|old mode|new mode|similarity|rename|Binary)/.test(line))
    return style.bold(line);
  if (line.startsWith('@@')) return style.cyan(line);
  if (line.startsWith('+')) return style.green(line);
  return line.startsWith('-') ? style.red(line) : line;
}

/** Yields the patch of each change, as bytes. */
export async function* patches(deltas: Iterable<FileDelta>, readBody: BodyReader): AsyncGenerator<Buffer> {
  for (const delta of deltas) yield await formatPatch(delta, readBody);
}
