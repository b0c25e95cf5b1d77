/**
 * Annotated tags: an object that names a commit, with who tagged it, when, and a message. A lightweight tag is a ref that
 * holds the commit itself. Layer: repo.
 */
import {DbosError} from '../errors.js';
import {
  anyText,
  asAnyText,
  asId,
  asString,
  decodeObject,
  encodeObject,
  fieldOfId,
  invalid,
  kindOf,
} from '../objects/codec.js';
import {formatId, type ObjectId} from '../objects/id.js';
import type {ObjectReader, ObjectSink} from '../objects/store.js';
import {type Commit, decodeCommit} from './commit.js';
import {asSignature, fieldOfSignature, type Signature} from './signature.js';

export interface Tag {
  /** The commit. */
  readonly target: ObjectId;
  readonly name: string;
  readonly tagger: Signature;
  readonly message: string;
}

const FIELDS = 4;

/** Writes a tag and returns its id. */
export function writeTag(sink: ObjectSink, tag: Tag): ObjectId {
  return sink.put(
    encodeObject('tag', [fieldOfId(tag.target), tag.name, fieldOfSignature(tag.tagger), anyText(tag.message)]),
  );
}

/** Returns the tag of these bytes. Throws OBJECT_INVALID. */
export function decodeTag(bytes: Uint8Array): Tag {
  const fields = decodeObject(bytes, 'tag');
  if (fields.length !== FIELDS) throw invalid('is a tag with a wrong number of fields');
  return {
    target: asId(fields[0]),
    name: asString(fields[1]),
    tagger: asSignature(fields[2]),
    message: asAnyText(fields[3]),
  };
}

/** What a ref holds: a commit, reached through a tag if the ref holds one. */
export interface Peeled {
  readonly id: ObjectId;
  readonly commit: Commit;
  readonly tag: Tag | undefined;
}

/** Returns the commit that an id stands for: itself, or the target of a tag. Throws REVISION_INVALID for anything else. */
export function peel(reader: ObjectReader, id: ObjectId): Peeled {
  const bytes = reader.read(id);
  const kind = kindOf(bytes);
  if (kind === 'commit') return {id, commit: decodeCommit(bytes), tag: undefined};
  if (kind === 'tag') {
    const tag = decodeTag(bytes);
    return {id: tag.target, commit: decodeCommit(reader.read(tag.target)), tag};
  }
  throw new DbosError('REVISION_INVALID', `${formatId(id)} is ${kind ? `a ${kind}` : 'a blob'}, not a commit.`, {
    hint: 'See `dbos log` for commits.',
    data: {id: formatId(id)},
  });
}
