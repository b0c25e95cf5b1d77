import test from 'ava';
import {connect, Graph} from '../../src/cli/graph.js';
import type {ObjectId} from '../../src/objects/id.js';
import type {HistoryEntry} from '../../src/repo/history.js';

/** Draws commits given as `id parent…`, newest first; `hidden` ones are walked but not shown. */
function draw(commits: readonly string[], hidden: readonly string[] = []): string[] {
  const all = commits.map(line => {
    const [id, ...parents] = line.split(' ');
    return {id, commit: {parents}} as unknown as HistoryEntry;
  });
  const shown = new Set(all.map(entry => entry.id).filter(id => !hidden.includes(id)));
  const graph = new Graph();
  return connect(all, shown as ReadonlySet<ObjectId>).flatMap(node => {
    const row = graph.row(node);
    return [row.head + node.id, ...row.links];
  });
}

test('a line of commits is one column', t => {
  t.deepEqual(draw(['c b', 'b a', 'a']), ['* c', '* b', '* a']);
});

test('a merge opens a column, and the common ancestor closes it', t => {
  t.deepEqual(draw(['m a2 b1', 'b1 a1', 'a2 a1', 'a1']), ['* m', '|\\', '| * b1', '* | a2', '|/', '* a1']);
});

test('several heads and roots', t => {
  t.deepEqual(draw(['x r', 'y r', 'z y', 'r']), ['* x', '| * y', '|/', '| * z', '* r']);
  t.deepEqual(draw(['b', 'a']), ['* b', '* a']);
});

test('a merge of three', t => {
  t.deepEqual(draw(['m a b c', 'c r', 'b r', 'a r', 'r']), [
    '* m',
    '|\\',
    '| |\\',
    '| | * c',
    '| * | b',
    '| |/',
    '* | a',
    '|/',
    '* r',
  ]);
});

test('commits that are not shown are skipped over', t => {
  t.deepEqual(draw(['c b', 'b a', 'a'], ['b']), ['* c', '* a']);
  t.deepEqual(draw(['m a2 b1', 'b1 a1', 'a2 a1', 'a1'], ['b1', 'a2']), ['* m', '* a1']);
});
