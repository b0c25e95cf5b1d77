import test from 'ava';
import fc from 'fast-check';
import type {ObjectId} from '../../src/objects/id.js';
import {type AuditFilter, auditOperations} from '../../src/repo/audit.js';
import {createBranch, deleteBranch} from '../../src/repo/branches.js';
import {readCommit} from '../../src/repo/commit.js';
import {filesRootOf} from '../../src/repo/filesroot.js';
import {movesOf} from '../../src/repo/moves.js';
import type {StoredOperation} from '../../src/repo/operation.js';
import {listOperations} from '../../src/repo/operations.js';
import {Repository} from '../../src/repo/repository.js';
import {planRedo, planUndo} from '../../src/repo/undo.js';
import {diffFiles} from '../../src/state/files.js';
import {isWithin} from '../../src/state/path.js';
import {commitFiles, type Files, HOUR, makeRepo, moveHead, START, testContext} from '../support/repo.js';
import {commitTables} from '../support/tables.js';

const seqs = (repo: Repository, filter: AuditFilter) => [...auditOperations(repo, filter)].map(({seq}) => seq);

test('operations by time, account, path and table', async t => {
  const {repo, clock} = await makeRepo(t);
  await commitFiles(repo, {'etc/hosts': '1', a: '1'});
  clock.advance(HOUR);
  await commitTables(repo, {'etc/hosts': '1', a: '1'}, [['CREATE TABLE Notes(x)', [['n']]]]);
  await createBranch(repo, 'side', repo.head().commit as ObjectId);
  await repo.close();
  const bob = await Repository.open(repo.location, testContext(clock, {user: 'bob', host: 'elsewhere'}));
  t.teardown(() => bob.close());
  clock.advance(HOUR);
  await commitFiles(bob, {'etc/hosts': '2', a: '1'});
  await moveHead(bob, 'side');
  await deleteBranch(bob, 'main', true);
  t.deepEqual(seqs(bob, {}), [6, 5, 4, 3, 2, 1, 0]);
  t.deepEqual(seqs(bob, {since: START + HOUR, until: START + HOUR}), [3, 2]);
  t.deepEqual(seqs(bob, {until: START - 1}), []);
  t.deepEqual(seqs(bob, {user: 'ada'}), [3, 2, 1, 0]);
  t.deepEqual(seqs(bob, {user: 'bob@elsewhere', since: START}), [6, 5, 4]);
  t.deepEqual(seqs(bob, {user: 'bob@engine'}), []);
  t.deepEqual(seqs(bob, {path: 'etc/hosts'}), [4, 1]);
  t.deepEqual(seqs(bob, {path: 'etc'}), [4, 1]);
  t.deepEqual(seqs(bob, {path: 'a'}), [1]);
  t.deepEqual(seqs(bob, {path: ''}), [4, 1]);
  t.deepEqual(seqs(bob, {table: 'notes'}), [4, 2]);
  t.deepEqual(seqs(bob, {table: 'FILES'}), [4, 1]);
  t.deepEqual(seqs(bob, {table: 'none'}), []);
});

test('law: an operation changed a path if comparing all files says so', async t => {
  const paths = ['a', 'd', 'd/a', 'd/e', 'd/e/a'];
  const files = fc.dictionary(fc.constantFrom('a', 'd', 'd/a', 'd/e', 'd/e/a', 'b'), fc.constantFrom('1', '2'));
  const action = fc.oneof(
    {weight: 5, arbitrary: files},
    fc.constantFrom('undo', 'redo', 'switch main', 'switch side', 'branch'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, {minLength: 4, maxLength: 12}), async actions => {
      const {repo} = await makeRepo(t);
      await commitFiles(repo, {a: '0'});
      for (const each of actions) {
        if (typeof each !== 'string') await commitFiles(repo, withoutConflicts(each));
        else if (each === 'branch') await createBranch(repo, `b${repo.operation.seq}`, repo.head().commit as ObjectId);
        else if (each.startsWith('switch') && repo.head().commit !== undefined) {
          if (repo.operation.seq === 1) await createBranch(repo, 'side', repo.head().commit as ObjectId);
          await moveHead(repo, each.slice(7));
        } else if (each === 'undo' || each === 'redo') {
          try {
            await repo.begin().publish((each === 'undo' ? planUndo : planRedo)(repo).publication);
          } catch (error) {
            t.regex((error as {code: string}).code, /^NOTHING_TO_/);
          }
        }
      }
      for (const path of paths) {
        const expected = [...listOperations(repo)].filter(each => changed(repo, each).some(at => isWithin(at, path)));
        t.deepEqual(
          seqs(repo, {path}),
          expected.map(({seq}) => seq),
          path,
        );
      }
      await repo.close();
    }),
    {numRuns: 12, seed: 7},
  );
});

/** A file that others stand below is left out. */
function withoutConflicts(files: Files): Files {
  const names = Object.keys(files);
  return Object.fromEntries(
    Object.entries(files).filter(([name]) => !names.some(other => other.startsWith(`${name}/`))),
  );
}

function changed(repo: Repository, operation: StoredOperation): string[] {
  const root = (id: ObjectId | null) =>
    id === null ? null : filesRootOf(repo.objects, readCommit(repo.objects, id).state);
  return movesOf(operation).flatMap(({before, after}) =>
    [...diffFiles(repo.objects, root(before), root(after))].map(({path}) => path),
  );
}
