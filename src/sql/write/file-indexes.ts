/**
 * Keeps the indexes of `files` where something else than SQL changes files. Layer: sql.
 */
import type {ObjectSink} from '../../objects/store.js';
import type {Table, TableIndex} from '../../state/table.js';
import {countRows} from '../../tree/read.js';
import type {TreeRoot} from '../../tree/spec.js';
import {filesSource} from '../catalog/files-source.js';
import {indexesOf} from '../catalog/index-source.js';
import {IndexEntries} from './index-entries.js';
import {syncIndex} from './index-sync.js';

/** Returns the indexes of `files` with another root; `before` is a version of the table whose indexes are its own. */
export function followFiles(sink: ObjectSink, before: Table, root: TreeRoot): TableIndex[] {
  const owner = {...filesSource(sink, before.root, before.rows), definition: undefined};
  return indexesOf(sink, owner, before).map(({definition, schema, stored}) => {
    const entries = new IndexEntries(definition, owner, sink, schema);
    const next = syncIndex(sink, owner.spec, entries, stored.root, before.root, root);
    return {name: stored.name, schema: stored.schema, root: next, rows: countRows(sink, entries.spec, next)};
  });
}
