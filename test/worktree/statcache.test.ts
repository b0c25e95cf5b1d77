import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {idOf} from '../../src/objects/id.js';
import {CLEAN, COVERED, type Listing, signatureOf, UNKNOWN} from '../../src/worktree/listing.js';
import {relist} from '../../src/worktree/relist.js';
import {Scan} from '../../src/worktree/scan.js';
import {isSettled, loadStatCache, saveStatCache} from '../../src/worktree/statcache.js';
import {makeTmpDir} from '../support/tmp.js';
import {at, clearTree, type Tree, trees, writeTree} from './trees.js';

const LATER = Number.MAX_SAFE_INTEGER;
const ROOT = idOf(Buffer.from('root'));

async function scanned(root: string, cached?: Listing): Promise<Scan> {
  const store = path.join(root, '.dbos');
  fs.mkdirSync(store, {recursive: true});
  const scan = new Scan({root, store, cached, tracked: () => new Set()});
  await scan.run();
  return scan;
}

/** Everything that a listing says, as plain data. */
function contents(listing: Listing, states = true): unknown {
  const directories = [];
  for (let dir = 0; dir < listing.dirCount; dir++) {
    const entries = [];
    for (let i = listing.dirFirst[dir] as number; i < (listing.dirFirst[dir + 1] as number); i++) {
      const signature = [listing.mode[i], listing.size[i], listing.mtime[i], listing.ctime[i], listing.ino[i]];
      entries.push([listing.names[i], ...signature, ...(states ? [listing.state[i], listing.links.get(i)] : [])]);
    }
    const own = [listing.dirFlags[dir], listing.dirRules[dir], listing.dirCtime[dir], listing.dirIno[dir]];
    directories.push([listing.dirPaths[dir], listing.dirEnd[dir], ...(states ? own : []), entries]);
  }
  return directories;
}

test('law: what is loaded is what was saved', async t => {
  await fc.assert(
    fc.asyncProperty(trees, async tree => {
      const root = makeTmpDir(t);
      writeTree(root, tree);
      const {listing} = await scanned(root);
      for (let i = 0; i < listing.count; i++) listing.state[i] = i % 2 === 0 ? CLEAN : UNKNOWN;
      if (listing.count > 0) listing.links.set(0, 'a\udcff');
      listing.dirFlags.fill(COVERED, 0, listing.dirCount);
      const before = contents(listing);
      saveStatCache(path.join(root, '.dbos'), ROOT, listing, LATER);
      const loaded = loadStatCache(path.join(root, '.dbos'));
      t.is(loaded?.root, ROOT);
      t.deepEqual(contents(loaded?.listing as Listing), before);
    }),
    {numRuns: 30},
  );
});

test('a cache that is cut, flipped, extended or missing is none', async t => {
  const root = makeTmpDir(t);
  writeTree(root, {'a/b': 'x', c: 'y'});
  const {listing} = await scanned(root);
  const store = path.join(root, '.dbos');
  t.is(loadStatCache(store), undefined);
  saveStatCache(store, null, listing, LATER);
  const file = path.join(store, 'statcache');
  const whole = fs.readFileSync(file);
  t.is(loadStatCache(store)?.root, null);
  for (let i = 0; i < whole.length; i++) {
    const damaged = Buffer.from(whole);
    damaged[i] = (damaged[i] as number) ^ 0x10;
    fs.writeFileSync(file, damaged);
    t.is(loadStatCache(store), undefined, `byte ${i}`);
    if (i % 7 !== 0) continue;
    fs.writeFileSync(file, whole.subarray(0, i));
    t.is(loadStatCache(store), undefined, `cut at ${i}`);
  }
  fs.writeFileSync(file, Buffer.concat([whole, Buffer.from([0])]));
  t.is(loadStatCache(store), undefined);
  t.deepEqual(fs.readdirSync(store), ['statcache']);
});

test('what changed within a tick of the reading is not trusted', async t => {
  const root = makeTmpDir(t);
  writeTree(root, {a: 'x'});
  const {listing} = await scanned(root);
  const ctime = listing.ctime[0] as number;
  t.false(isSettled(ctime, ctime + 20));
  t.true(isSettled(1234.5, 1234.5 + 31));
  t.false(isSettled(5000, 5000 + 1900), 'a file system with whole seconds has a longer tick');
  t.true(isSettled(5000, 5000 + 2200));
  listing.state.fill(CLEAN, 0, 1);
  saveStatCache(path.join(root, '.dbos'), null, listing, ctime);
  const loaded = loadStatCache(path.join(root, '.dbos'))?.listing;
  t.is(loaded?.state[0], UNKNOWN);
  t.is(loaded?.dirCtime[0], 0);
});

test('law: a scan with a cache sees what a scan without one sees', async t => {
  await fc.assert(
    fc.asyncProperty(trees, trees, async (before, after) => {
      const root = makeTmpDir(t);
      writeTree(root, before);
      const first = await scanned(root);
      // what was seen in this tick would not be trusted
      clearTree(root);
      writeTree(root, after);
      const second = await scanned(root, first.listing);
      t.deepEqual(contents(second.listing, false), contents((await scanned(root)).listing, false));
    }),
    {numRuns: 40},
  );
});

test('law: a listing with updates is the listing of a scan', async t => {
  await fc.assert(
    fc.asyncProperty(trees, trees, async (before, after) => {
      const root = makeTmpDir(t);
      writeTree(root, before);
      const {listing} = await scanned(root);
      const old = listPaths(listing);
      clearTree(root);
      writeTree(root, after);
      const now = await scanned(root);
      const updates = listPaths(now.listing).map(path => {
        return {path, signature: signatureOf(fs.lstatSync(at(root, path))), state: CLEAN, link: null};
      });
      const gone = old.filter(path => now.listing.findEntry(path) < 0);
      const removed = gone.map(path => ({path, signature: null, state: CLEAN, link: null}));
      const merged = relist(listing, [...removed, ...updates], true);
      t.deepEqual(contents(merged, false), contents(now.listing, false));
      const fresh = relist(undefined, updates, true);
      t.deepEqual(contents(fresh, false), contents(now.listing, false));
    }),
    {numRuns: 40},
  );
});

function listPaths(listing: Listing): string[] {
  return Array.from({length: listing.count}, (_, i) => listing.pathOf(i));
}

test('entries are found by path, and paths by entry', async t => {
  const root = makeTmpDir(t);
  const tree: Tree = {'a/b/c': '', 'a/b.c': '', 'a-b/c': '', é: '', 'a/void': {kind: 'dir'}, '\udcff': ''};
  writeTree(root, tree);
  const {listing} = await scanned(root);
  t.deepEqual(listPaths(listing), ['a', 'a-b', 'é', '\udcff', 'a/b', 'a/b.c', 'a/void', 'a/b/c', 'a-b/c']);
  for (let i = 0; i < listing.count; i++) t.is(listing.findEntry(listing.pathOf(i)), i);
  t.is(listing.findEntry('a/x'), -1);
  t.is(listing.findEntry('x/y'), -1);
});
