/** A look that begins before the store is open counts only for the stat cache that it began with. */
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {EarlyLook} from '../../src/worktree/earlylook.js';
import {CLEAN} from '../../src/worktree/listing.js';
import {Scan} from '../../src/worktree/scan.js';
import {saveStatCache} from '../../src/worktree/statcache.js';
import {makeTmpDir} from '../support/tmp.js';
import {writeTree} from './trees.js';

const LATER = Number.MAX_SAFE_INTEGER;

async function prepared(root: string): Promise<{store: string; save: () => void}> {
  const store = path.join(root, '.dbos');
  fs.mkdirSync(store);
  writeTree(root, {a: 'x', 'b/c': 'y'});
  const scan = new Scan({root, store, cached: undefined, tracked: () => new Set()});
  await scan.run();
  scan.listing.state.fill(CLEAN, 0, scan.listing.count);
  return {store, save: () => saveStatCache(store, null, scan.listing, LATER)};
}

test('it gives the stat cache and its thread, once', async t => {
  const root = makeTmpDir(t);
  const {store, save} = await prepared(root);
  save();
  const early = EarlyLook.start({store, workTree: root}, 0);
  const {cached, ahead} = early?.take() ?? {};
  t.deepEqual(cached?.listing.names, ['a', 'b', 'c']);
  // how soon it was asked decides whether there is a thread
  (await ahead)?.stop();
  t.is(early?.take().ahead, undefined);
  early?.stop();
});

test('a stat cache that came meanwhile is the one that counts', async t => {
  const root = makeTmpDir(t);
  const {store, save} = await prepared(root);
  for (const before of [true, false]) {
    if (before) save();
    else fs.rmSync(path.join(store, 'statcache'));
    const early = EarlyLook.start({store, workTree: root}, 0);
    save();
    const {cached, ahead} = early?.take() ?? {};
    t.is(ahead, undefined);
    t.is(cached?.listing.count, 3);
  }
  const early = EarlyLook.start({store, workTree: root}, 0);
  fs.rmSync(path.join(store, 'statcache'));
  t.deepEqual(early?.take(), {cached: undefined, ahead: undefined});
});

test('a bare store has nothing to look at, and one that nobody takes ends', async t => {
  const root = makeTmpDir(t);
  const {store, save} = await prepared(root);
  save();
  t.is(EarlyLook.start({store, workTree: undefined}), undefined);
  const early = EarlyLook.start({store, workTree: root}, 0);
  early?.stop();
  early?.stop();
  t.is(early?.take().ahead, undefined);
});
