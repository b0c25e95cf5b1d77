/**
 * Patches in git's extended unified format, which `patch -p1` and `git apply` take: modes, renames, symlinks (as their
 * target), created and deleted files. Directories and pipes have no place in that format and become comment lines.
 * A patch is bytes, since bodies may have any encoding. Layer: state.
 */
import {encodeText, fromBinary} from '../bytes.js';
import type {FileRow} from './files.js';
import {typeName} from './files.js';
import {quotePath} from './quote.js';
import type {BodyReader, FileDelta} from './renames.js';
import {type BodyDiff, diffBodies} from './textdiff.js';

const TYPE_BITS = {file: 0o100000, symlink: 0o120000, dir: 0o040000, fifo: 0o010000} as const;

function modeText(file: FileRow): string {
  return (TYPE_BITS[file.type] | (file.type === 'symlink' ? 0 : file.mode)).toString(8).padStart(6, '0');
}

const hasBody = (file: FileRow) => file.type === 'file' || file.type === 'symlink';

/** Returns the patch of one change. `readBody` gives the body of either row; a symlink's is its target. */
export async function formatPatch(delta: FileDelta, readBody: BodyReader): Promise<Buffer> {
  const {before, after} = delta;
  if (before && after && before.type !== after.type) {
    // the format has no change of type: the old entry goes, the new one comes
    const gone = await formatPatch({...delta, after: undefined, kind: 'deleted'}, readBody);
    return Buffer.concat([gone, await formatPatch({...delta, before: undefined, kind: 'added'}, readBody)]);
  }
  const file = (after ?? before) as FileRow;
  if (!hasBody(file)) return commentOn(delta, file);
  const diff = await diffOf(delta, readBody);
  const attributesOnly = before && after && before.path === after.path && modeText(before) === modeText(after);
  if (attributesOnly && !diff.binary && diff.hunks.length === 0) return commentOn(delta, file);
  const oldName = `a/${before?.path ?? file.path}`;
  const newName = `b/${file.path}`;
  const lines = [`diff --git ${quotePath(oldName)} ${quotePath(newName)}`];
  if (before === undefined) lines.push(`new file mode ${modeText(file)}`);
  else if (after === undefined) lines.push(`deleted file mode ${modeText(file)}`);
  else if (modeText(before) !== modeText(after))
    lines.push(`old mode ${modeText(before)}`, `new mode ${modeText(after)}`);
  if (delta.kind === 'renamed' && before) {
    lines.push(
      `similarity index ${delta.similarity}%`,
      `rename from ${quotePath(before.path)}`,
      `rename to ${quotePath(file.path)}`,
    );
  }
  if (diff.binary) lines.push(`Binary files ${nameLine(before && oldName)} and ${nameLine(after && newName)} differ`);
  else if (diff.hunks.length > 0) lines.push(`--- ${markTab(before && oldName)}`, `+++ ${markTab(after && newName)}`);
  const parts = [encodeText(`${lines.join('\n')}\n`)];
  for (const hunk of diff.hunks) {
    const range = (start: number, count: number) => (count === 1 ? `${start}` : `${start},${count}`);
    const header = `@@ -${range(hunk.oldStart, hunk.oldLines)} +${range(hunk.newStart, hunk.newLines)} @@`;
    parts.push(fromBinary(`${header}\n${hunk.lines.join('\n')}\n`));
  }
  return Buffer.concat(parts);
}

function nameLine(name: string | undefined): string {
  return name === undefined ? '/dev/null' : quotePath(name);
}

/** A tab ends a name that has a space, or `patch` would end it there. */
function markTab(name: string | undefined): string {
  const line = nameLine(name);
  return line.includes(' ') && !line.startsWith('"') ? `${line}\t` : line;
}

function commentOn(delta: FileDelta, file: FileRow): Buffer {
  const what = `${typeName(file.type)} ${quotePath(file.path)}`;
  const change =
    delta.kind === 'modified' && delta.before
      ? `${modeText(delta.before) === modeText(file) ? 'owner or attributes' : 'mode'} changed`
      : delta.kind;
  return encodeText(`# ${what}: ${change}\n`);
}

/** Returns how the bodies of a change differ; entries without a body do not. */
export async function diffOf(delta: FileDelta, readBody: BodyReader): Promise<BodyDiff> {
  const {before, after} = delta;
  const sameBody =
    before &&
    after &&
    before.type === after.type &&
    before.content?.id === after.content?.id &&
    before.target === after.target;
  if (sameBody) return {binary: false, hunks: [], added: 0, deleted: 0};
  const bodyOf = (file: FileRow | undefined) => {
    if (!file || !hasBody(file)) return new Uint8Array(0);
    return file.type === 'symlink' ? encodeText(file.target ?? '') : readBody(file);
  };
  return diffBodies(bodyOf(before), bodyOf(after));
}
