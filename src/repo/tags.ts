/**
 * Tags: refs that stay. A lightweight tag holds the commit; an annotated one a tag object with a message. Each change is
 * one operation. Layer: repo.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {didYouMean, nearestNames} from './nearest.js';
import type {StoredOperation} from './operation.js';
import {findRef, listRefs, shortName, TAGS, tagRef} from './refs.js';
import type {Repository} from './repository.js';
import {peel, type Tag, writeTag} from './tag.js';

export interface TagEntry {
  readonly name: string;
  /** The commit. */
  readonly id: ObjectId;
  /** The tag object of an annotated tag. */
  readonly tag: Tag | undefined;
}

/** Yields the tags by name. */
export function* listTags(repo: Repository): Generator<TagEntry> {
  for (const {name, id} of listRefs(repo.objects, repo.view.refs, TAGS)) {
    const peeled = peel(repo.objects, id);
    yield {name: shortName(name), id: peeled.id, tag: peeled.tag};
  }
}

export interface TagOptions {
  /** Makes an annotated tag, in the name of the context's identity. */
  readonly message?: string;
  /** Moves the tag if it exists. */
  readonly force?: boolean;
}

/** Writes a tag for a commit. Throws REF_NAME_INVALID or TAG_EXISTS. */
export async function createTag(
  repo: Repository,
  name: string,
  commit: ObjectId,
  options: TagOptions = {},
): Promise<StoredOperation> {
  const ref = tagRef(name);
  const before = findRef(repo.objects, repo.view.refs, ref);
  if (before !== undefined && !options.force) {
    throw new DbosError('TAG_EXISTS', `There is a tag '${name}' already.`, {
      hint: 'Choose another name, move the tag with --force, or delete it first with `dbos tag -d`.',
      data: {tag: name},
    });
  }
  const transaction = repo.begin();
  let next = commit;
  if (options.message !== undefined) {
    const now = repo.context.now();
    const tagger = {...repo.context.identity(), time: now, zone: repo.context.zone(now)};
    next = writeTag(transaction.objects, {target: commit, name, tagger, message: options.message});
  }
  return transaction.publish({
    kind: 'normal',
    description: `${before === undefined ? 'create' : 'move'} tag ${name}`,
    refs: [{name: ref, expected: before === undefined ? {kind: 'absent'} : {kind: 'equals', id: before}, next}],
  });
}

/** Writes that a tag is deleted. Throws TAG_UNKNOWN with the nearest names. */
export function deleteTag(repo: Repository, name: string): Promise<StoredOperation> {
  return deleteTags(repo, [name]);
}

/** Writes in one operation that tags are deleted: all of them, or none. Throws as `deleteTag`. */
export async function deleteTags(repo: Repository, names: readonly string[]): Promise<StoredOperation> {
  const tags = [...new Set(names)].map(name => ({name: tagRef(name), expected: readTagRef(repo, name), next: null}));
  return repo.begin().publish({
    kind: 'normal',
    description: `delete ${tags.length === 1 ? 'tag' : 'tags'} ${tags.map(({name}) => shortName(name)).join(', ')}`,
    refs: tags,
  });
}

/** Returns what is expected of the ref of a tag that is there. */
function readTagRef(repo: Repository, name: string): {readonly kind: 'equals'; readonly id: ObjectId} {
  const id = findRef(repo.objects, repo.view.refs, tagRef(name));
  if (id !== undefined) return {kind: 'equals', id};
  const names = [...listRefs(repo.objects, repo.view.refs, TAGS)].map(tag => shortName(tag.name));
  const nearest = nearestNames(name, names);
  throw new DbosError('TAG_UNKNOWN', `There is no tag '${name}'.`, {
    hint: didYouMean(nearest) ?? 'See `dbos tag` for the tags.',
    data: {tag: name, nearest},
  });
}
