import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {CLEAN} from '../../src/worktree/listing.js';
import {LookAhead} from '../../src/worktree/lookahead.js';
import {Scan} from '../../src/worktree/scan.js';
import {loadStatCache, saveStatCache} from '../../src/worktree/statcache.js';
import {makeTmpDir} from '../support/tmp.js';
import {settle, writeTree} from './trees.js';

test('a thread that looks ahead sees what the scan would have seen', async t => {
  const root = makeTmpDir(t);
  const store = path.join(root, '.dbos');
  fs.mkdirSync(store);
  const tree: Record<string, string> = {'caf\udce9/\udcff': 'odd', 'é/名': 'wide', '😀': 'pair'};
  for (let i = 0; i < 4000; i++) tree[`d${i % 40}/e${i % 3}/f${i}`] = '';
  writeTree(root, tree);
  const tracked = () => new Set<string>();
  const first = new Scan({root, store, cached: undefined, tracked});
  await first.run();
  first.listing.state.fill(CLEAN, 0, first.listing.count);
  saveStatCache(store, null, first.listing, Number.MAX_SAFE_INTEGER);
  // what changes before the thread starts is seen by both ways
  fs.rmSync(path.join(root, 'd7/e1/f7'));
  fs.appendFileSync(path.join(root, 'd39/e0/f39'), 'longer');
  fs.chmodSync(path.join(root, 'd3'), 0o700);
  const scans: Scan[] = [];
  let used = 0;
  for (const worth of [0, Number.POSITIVE_INFINITY]) {
    const cached = loadStatCache(store);
    if (cached === undefined) throw new Error('no cache');
    const ahead = await LookAhead.start(root, cached.listing.count, cached.bytes, worth);
    if (ahead !== undefined) {
      const original = ahead.at.bind(ahead);
      ahead.at = entry => {
        const look = original(entry);
        if (look !== undefined) used++;
        return look;
      };
      // give it the time to get somewhere
      while (ahead.from === cached.listing.count) await settle(5);
    }
    const scan = new Scan({root, store, cached: cached.listing, tracked, ahead});
    await scan.run();
    ahead?.stop();
    scans.push(scan);
  }
  t.true(used > 0);
  const [one, two] = scans.map(({listing}) => ({
    names: listing.names,
    paths: listing.dirPaths,
    columns: [listing.mode, listing.size, listing.mtime, listing.ctime, listing.ino, listing.state].map(column =>
      Array.from(column.subarray(0, listing.count)),
    ),
  }));
  t.deepEqual(one, two);
  t.is(
    Array.from(scans[0]?.listing.state.subarray(0, scans[0].listing.count) ?? []).filter(state => state !== CLEAN)
      .length,
    3,
  );
});

test('a directory that is unchanged is not read again', async t => {
  const root = makeTmpDir(t);
  const store = path.join(root, '.dbos');
  fs.mkdirSync(store);
  writeTree(root, {'a/x': '', 'b/y': ''});
  await settle();
  const tracked = () => new Set<string>();
  const first = new Scan({root, store, cached: undefined, tracked});
  await first.run();
  // names that only the listing has prove that it was asked and not the disk: a name is there, so its entry is looked at
  const at = first.listing.findEntry('b/y');
  first.listing.names[at] = 'z';
  fs.writeFileSync(path.join(root, 'a/x'), 'changed');
  const second = new Scan({root, store, cached: first.listing, tracked});
  await second.run();
  t.is(second.listing.findEntry('b/y'), -1);
  t.true(second.listing.findEntry('a/x') >= 0);
  t.true(second.changed);
});
