/**
 * Which objects an object names, whatever its kind: what must be in a store before it is. Layer: sync.
 */
import {DbosError} from '../errors.js';
import {kindOf} from '../objects/codec.js';
import type {ObjectId} from '../objects/id.js';
import {decodeCommit} from '../repo/commit.js';
import {decodeTag} from '../repo/tag.js';
import {decodeDefinition} from '../state/definition.js';
import {decodeState} from '../state/state.js';
import {decodeTable} from '../state/table.js';
import {contentLinks} from '../tree/content.js';
import {linksOf} from '../tree/links.js';

/**
 * Returns the objects that a structured object names. Throws OBJECT_INVALID, STORE_FORMAT, and TRANSFER_INVALID, with `data.problem`, for a kind
 * that stays in its store: operations, views and open transactions.
 */
export function objectLinks(bytes: Uint8Array): readonly ObjectId[] {
  const kind = kindOf(bytes);
  switch (kind) {
    case 'node':
      return linksOf(bytes).map(({id}) => id);
    case 'content':
      return contentLinks(bytes).map(({id}) => id);
    case 'schema':
      return [];
    case 'definition':
      return (decodeDefinition(bytes).triggers ?? []).map(({id}) => id);
    case 'table': {
      const {schema, root, indexes = [], triggers = []} = decodeTable(bytes);
      const trees = [{schema, root}, ...indexes].flatMap(each => [
        each.schema,
        ...(each.root === null ? [] : [each.root]),
      ]);
      return [...trees, ...triggers.map(({id}) => id)];
    }
    case 'state':
      return [...decodeState(bytes).values()];
    case 'commit': {
      const {state, parents} = decodeCommit(bytes);
      return [state, ...parents];
    }
    case 'tag':
      return [decodeTag(bytes).target];
    default: {
      const what = kind === undefined ? 'bytes' : `an object of the kind '${kind}'`;
      throw new DbosError('TRANSFER_INVALID', `The other store sent ${what} where another object belongs.`, {
        hint: 'Nothing was changed here. Run `dbos fsck` in the other store.',
        data: {problem: `it holds ${what} where another object belongs`},
      });
    }
  }
}
