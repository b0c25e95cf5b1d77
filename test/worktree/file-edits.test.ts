/** What edits of a state's files mean is what the same calls of the system do to files. */
import fs from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import {isDbosError, systemCode} from '../../src/errors.js';
import {writeCommit} from '../../src/repo/commit.js';
import {headEdit} from '../../src/repo/headmove.js';
import {FileEdits} from '../../src/state/file-edits.js';
import {FILES_TABLE, filesTable} from '../../src/state/files.js';
import {writeState} from '../../src/state/state.js';
import {writeTable} from '../../src/state/table.js';
import {groups, users} from '../../src/worktree/owners.js';
import {readStatus} from '../../src/worktree/status.js';
import {commitContent, makeRepo, START} from '../support/repo.js';
import {at} from './trees.js';

type Edit =
  | {readonly kind: 'write'; readonly path: string; readonly body: string; readonly mode: number}
  | {readonly kind: 'mkdir'; readonly path: string; readonly parents: boolean}
  | {readonly kind: 'remove'; readonly path: string; readonly recursive: boolean}
  | {readonly kind: 'move'; readonly path: string; readonly to: string}
  | {readonly kind: 'link'; readonly path: string; readonly to: string}
  | {readonly kind: 'copy'; readonly path: string; readonly to: string}
  | {readonly kind: 'symlink'; readonly path: string; readonly target: string}
  | {readonly kind: 'chmod'; readonly path: string; readonly mode: number};

const path = fc
  .array(fc.constantFrom('a', 'b', 'a-b', 'é', 'x\udcff'), {minLength: 1, maxLength: 3})
  .map(names => names.join('/'));
const mode = fc.constantFrom(0o644, 0o755, 0o600, 0o4755);

const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({kind: fc.constant('write' as const), path, body: fc.constantFrom('', '1', '2'), mode}),
  },
  {weight: 4, arbitrary: fc.record({kind: fc.constant('mkdir' as const), path, parents: fc.boolean()})},
  {weight: 2, arbitrary: fc.record({kind: fc.constant('remove' as const), path, recursive: fc.boolean()})},
  {weight: 2, arbitrary: fc.record({kind: fc.constant('move' as const), path, to: path})},
  fc.record({kind: fc.constant('link' as const), path, to: path}),
  fc.record({kind: fc.constant('copy' as const), path, to: path}),
  fc.record({kind: fc.constant('symlink' as const), path, target: fc.constantFrom('nowhere', '\udcfe')}),
  fc.record({kind: fc.constant('chmod' as const), path, mode}),
);

function editState(edits: FileEdits, each: Edit): void {
  if (each.kind === 'write') edits.write(each.path, Buffer.from(each.body), {mode: each.mode});
  else if (each.kind === 'mkdir') edits.makeDirectory(each.path, {parents: each.parents});
  else if (each.kind === 'remove') edits.remove(each.path, {recursive: each.recursive});
  else if (each.kind === 'move') edits.move(each.path, each.to, {replace: true});
  else if (each.kind === 'link') edits.makeLink(each.path, each.to);
  else if (each.kind === 'copy') edits.copy(each.path, each.to);
  else if (each.kind === 'symlink') edits.makeSymlink(each.path, each.target);
  else edits.change(each.path, {mode: each.mode});
}

function editDisk(root: string, each: Edit): void {
  const full = at(root, each.path);
  const stat = fs.lstatSync(full, {throwIfNoEntry: false});
  if (each.kind === 'write') {
    const {O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY} = fs.constants;
    const fd = fs.openSync(full, O_CREAT | O_NOFOLLOW | O_TRUNC | O_WRONLY);
    fs.writeSync(fd, each.body);
    fs.closeSync(fd);
    if (stat === undefined) fs.chmodSync(full, each.mode);
    // as for root, whose writes do not take setuid away
    else fs.chmodSync(full, stat.mode & 0o7777);
  } else if (each.kind === 'mkdir') fs.mkdirSync(full, {recursive: each.parents});
  else if (each.kind === 'remove') {
    if (each.recursive) fs.rmSync(full, {recursive: true});
    else if (stat?.isDirectory()) fs.rmdirSync(full);
    else fs.unlinkSync(full);
  } else if (each.kind === 'move') {
    const to = at(root, each.to);
    const there = fs.lstatSync(to, {throwIfNoEntry: false});
    // as mv does it
    if (stat && there?.ino === stat.ino && each.path !== each.to) fs.unlinkSync(full);
    else fs.renameSync(full, to);
  } else if (each.kind === 'link') fs.linkSync(full, at(root, each.to));
  else if (each.kind === 'copy') {
    fs.copyFileSync(full, at(root, each.to), fs.constants.COPYFILE_EXCL);
    fs.chmodSync(at(root, each.to), fs.lstatSync(full).mode & 0o777);
  } else if (each.kind === 'symlink') fs.symlinkSync(each.target === 'nowhere' ? 'nowhere' : Buffer.from([0xfe]), full);
  else fs.chmodSync(full, each.mode);
}

/** What follows links on disk and does not in a state is left out. */
function isComparable(edits: FileEdits, each: Edit): boolean {
  const types = new Set(['file', 'dir', undefined]);
  if (each.kind === 'chmod') return types.has(edits.find(each.path)?.type);
  return each.kind === 'link' || each.kind === 'copy' ? edits.find(each.path)?.type !== 'symlink' : true;
}

function outcome(work: () => void): 'done' | 'refused' {
  try {
    work();
    return 'done';
  } catch (error) {
    if (!isDbosError(error) && systemCode(error) === undefined) throw error;
    return 'refused';
  }
}

test('law: edits of a state and of a disk do and refuse the same, and end in the same tree', async t => {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const owner = {uid, gid, user: users.nameOf(uid), group: groups.nameOf(gid)};
  await fc.assert(
    fc.asyncProperty(fc.array(edit, {minLength: 1, maxLength: 40}), async list => {
      const {repo, directory} = await makeRepo(t);
      const transaction = repo.begin();
      const {objects} = transaction;
      let edits = new FileEdits(objects, null, {owner, now: () => 0n});
      let done = 0;
      for (const each of list) {
        if (!isComparable(edits, each)) continue;
        const before = edits.root();
        const state = outcome(() => editState(edits, each));
        t.is(
          state,
          outcome(() => editDisk(directory, each)),
          JSON.stringify(each),
        );
        if (state === 'done') done++;
        else t.is(edits.root(), before);
        // what waits and what is in the tree are read alike
        if (done % 3 === 0) edits = new FileEdits(objects, edits.root(), {owner, now: () => 0n});
      }
      const table = writeTable(objects, filesTable(objects, edits.root()));
      const commit = writeCommit(
        objects,
        commitContent(writeState(objects, new Map([[FILES_TABLE, table]])), [], 'edits', START),
      );
      await transaction.publish({kind: 'normal', ...headEdit(repo.head(), commit)});
      t.deepEqual((await readStatus(repo)).changes, []);
      await repo.close();
    }),
    {numRuns: 60, seed: 20241},
  );
});
