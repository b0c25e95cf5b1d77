/**
 * Finds out which commits two stores have in common. Layer: sync.
 */
import type {ObjectId} from '../objects/id.js';
import {decodeCommitHeader} from '../repo/commit.js';
import {Heap} from '../repo/heap.js';
import {BRANCHES, listRefs, REMOTES, TAGS} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {asHeld} from '../repo/shallow.js';
import {peel} from '../repo/tag.js';
import type {Peer} from './peer.js';

/** Commits of the first question; each later one has twice as many, up to the last number. */
const FIRST = 32;
const MOST = 1024;

/** Asked so many in vain, histories count as unrelated: what is sent twice for it is sound all the same. */
const IN_VAIN = 32 * 1024;

/** Returns the commits that refs of a store hold. */
export function tipsOf(repo: Repository): Set<ObjectId> {
  const tips = new Set<ObjectId>();
  const {commit} = repo.head();
  if (commit !== undefined) tips.add(commit);
  for (const folder of [BRANCHES, TAGS, REMOTES]) {
    for (const {id} of listRefs(repo.objects, repo.view.refs, folder)) tips.add(peel(repo.objects, id).id);
  }
  return tips;
}

/** Returns the newest commits of this store that the peer has: all others that both have are their ancestors. */
export async function commonCommits(repo: Repository, peer: Peer): Promise<ObjectId[]> {
  const common: ObjectId[] = [];
  const seen = new Set<ObjectId>();
  const queue = new Heap<{readonly id: ObjectId; readonly parents: readonly ObjectId[]; readonly generation: number}>(
    (a, b) => a.generation > b.generation,
  );
  const add = (id: ObjectId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    queue.push({id, ...asHeld(repo, id, decodeCommitHeader(repo.objects.read(id)))});
  };
  for (const id of tipsOf(repo)) add(id);
  let vain = 0;
  for (let size = FIRST; queue.size > 0 && vain < IN_VAIN; size = Math.min(2 * size, MOST)) {
    const asked = [];
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      asked.push(entry);
      if (asked.length === size) break;
    }
    const known = await peer.has(asked.map(({id}) => id));
    vain += size;
    for (const [i, {id, parents}] of asked.entries()) {
      if (known[i]) {
        common.push(id);
        vain = 0;
      } else for (const parent of parents) add(parent);
    }
  }
  return common;
}
