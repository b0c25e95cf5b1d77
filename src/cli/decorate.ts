/** The names that point at commits: HEAD, branches, tags, branches of remotes. Layer: cli. */
import type {ObjectId} from '../objects/id.js';
import {listBranches} from '../repo/branches.js';
import {listRefs, REMOTES, shortName} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import {listTags} from '../repo/tags.js';

/** Returns the names at each commit, as `log` shows them: `HEAD -> main`, `tag: v1`, `origin/main`. */
export function namesByCommit(repo: Repository): ReadonlyMap<ObjectId, readonly string[]> {
  const names = new Map<ObjectId, string[]>();
  const add = (id: ObjectId, name: string) => {
    const list = names.get(id);
    if (list) list.push(name);
    else names.set(id, [name]);
  };
  const head = repo.head();
  if (head.branch === undefined && head.commit !== undefined) add(head.commit, 'HEAD');
  for (const {name, id, current} of listBranches(repo)) add(id, current ? `HEAD -> ${name}` : name);
  for (const {name, id} of listTags(repo)) add(id, `tag: ${name}`);
  for (const {name, id} of listRefs(repo.objects, repo.view.refs, REMOTES)) add(id, shortName(name));
  return names;
}
