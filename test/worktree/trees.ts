/** Trees of files for tests: written from plain descriptions, and random ones for laws. */
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import type {ExecutionContext} from 'ava';
import fc from 'fast-check';
import {decodeText, encodeText} from '../../src/bytes.js';
import type {Repository} from '../../src/repo/repository.js';
import {type FileRow, scanFiles} from '../../src/state/files.js';
import {makeRepo} from '../support/repo.js';

export type Entry =
  | {readonly kind: 'file'; readonly content: string | Uint8Array; readonly mode?: number}
  | {readonly kind: 'dir'; readonly mode?: number}
  | {readonly kind: 'symlink'; readonly target: string}
  | {readonly kind: 'fifo'; readonly mode?: number}
  | {readonly kind: 'link'; readonly to: string};

/** Paths, as texts that may stand for any bytes, to entries; a plain text is a file. Directories are made as needed. */
export type Tree = Readonly<Record<string, Entry | string>>;

/** Returns the path of an entry for file system calls. */
export function at(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(root), Buffer.from('/'), encodeText(path)]);
}

function makeParents(root: string, path: string): void {
  const names = path.split('/').slice(0, -1);
  for (let i = 1; i <= names.length; i++) {
    const directory = at(root, names.slice(0, i).join('/'));
    if (!fs.existsSync(directory)) fs.mkdirSync(directory);
  }
}

/** Writes a tree into a directory. */
export function writeTree(root: string, tree: Tree): void {
  const modes: [Buffer, number][] = [];
  for (const [path, value] of Object.entries(tree)) {
    const entry: Entry = typeof value === 'string' ? {kind: 'file', content: value} : value;
    const full = at(root, path);
    makeParents(root, path);
    if (entry.kind === 'file') fs.writeFileSync(full, entry.content);
    else if (entry.kind === 'dir') fs.mkdirSync(full, {recursive: true});
    else if (entry.kind === 'symlink') fs.symlinkSync(encodeText(entry.target), full);
    else if (entry.kind === 'link') fs.linkSync(at(root, entry.to), full);
    else {
      const done = spawnSync('xargs', ['-0', 'mkfifo'], {input: full});
      if (done.status !== 0) throw new Error(`mkfifo: ${done.stderr}`);
    }
    if ('mode' in entry && entry.mode !== undefined) modes.push([full, entry.mode]);
  }
  for (const [path, mode] of modes.reverse()) fs.chmodSync(path, mode);
}

/** Removes everything but the store. */
export function clearTree(root: string): void {
  for (const name of fs.readdirSync(root, {encoding: 'buffer'})) {
    if (name.toString() !== '.dbos') fs.rmSync(at(root, decodeText(name)), {recursive: true, force: true});
  }
}

/** Returns a repository whose work tree has these files. */
export async function repoWith(t: ExecutionContext, tree: Tree): Promise<{repo: Repository; directory: string}> {
  const {repo, directory} = await makeRepo(t);
  writeTree(directory, tree);
  return {repo, directory};
}

/** Returns the rows of HEAD by path. */
export function headRows(repo: Repository): Map<string, FileRow> {
  const rows = scanFiles(repo.objects, repo.filesRoot(repo.head().commit));
  return new Map([...rows].map(row => [row.path, row]));
}

/** Returns the text of a file of the work tree. */
export function textOf(root: string, path: string): string {
  return fs.readFileSync(at(root, path), 'utf8');
}

/** Waits until changes get another time than those so far, and count as settled. */
export function settle(milliseconds = 60): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}

const NAMES = ['a', 'b', 'ab', 'a.b', 'A', 'a-b', 'é', '名', 'x\ny', ' ', '\udcff', 'a\udc80', '~', '-r', '😀'];

/** Random trees over few names, so that two of them collide often and in every way. */
export const trees: fc.Arbitrary<Tree> = fc
  .array(
    fc.tuple(
      fc.array(fc.constantFrom(...NAMES), {minLength: 1, maxLength: 3}).map(names => names.join('/')),
      fc.oneof(
        {
          weight: 5,
          arbitrary: fc.constantFrom('', 'one', 'two', 'three').map(content => ({kind: 'file', content}) as Entry),
        },
        fc
          .record({content: fc.uint8Array({maxLength: 40}), mode: fc.constantFrom(0o644, 0o755, 0o600, 0o444)})
          .map(({content, mode}) => ({kind: 'file', content, mode}) as Entry),
        fc.constantFrom(0o755, 0o700, 0o2775, 0o1777).map(mode => ({kind: 'dir', mode}) as Entry),
        fc.constantFrom('a', '../..', '/nowhere', 'x\udcfe').map(target => ({kind: 'symlink', target}) as Entry),
      ),
    ),
    {maxLength: 12},
  )
  .map(pairs => {
    const tree: Record<string, Entry> = {};
    for (const [path, entry] of pairs) {
      const names = path.split('/');
      const above = names.slice(0, -1).map((_, i) => names.slice(0, i + 1).join('/'));
      // what is a file or a link has nothing below, and what has something below is a directory
      if (path in tree || above.some(parent => parent in tree && tree[parent]?.kind !== 'dir')) continue;
      if (entry.kind !== 'dir' && Object.keys(tree).some(other => other.startsWith(`${path}/`))) continue;
      tree[path] = entry;
    }
    return tree;
  });
