/**
 * What fsck cannot know of a state without SQL: that definitions can be read, and that each index has an entry for each row of
 * its table that belongs in it, and no other. A version is held against one that is checked itself, so only what changed is
 * looked at. Layer: sql.
 */
import {isDbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import {OverlayObjects} from '../../objects/overlay.js';
import type {ObjectReader} from '../../objects/store.js';
import type {SqlProblem} from '../../repo/statecheck.js';
import {isView, readDefinition} from '../../state/definition.js';
import {FILES_TABLE} from '../../state/files.js';
import {type NamedDefinition, readTable, type Table} from '../../state/table.js';
import {diffTrees} from '../../tree/diff.js';
import type {TreeRoot, TreeSpec} from '../../tree/spec.js';
import {filesSource} from '../catalog/files-source.js';
import {constraintIndexes} from '../catalog/index-definition.js';
import {type IndexOwner, indexesOf} from '../catalog/index-source.js';
import {foldName} from '../catalog/names.js';
import {readShape} from '../catalog/table-source.js';
import {parseStatement} from '../parser/parser.js';
import {IndexEntries} from './index-entries.js';
import {buildIndex, syncIndex} from './index-sync.js';

/** Yields what is wrong with what a state has under a name; `base` is what a state before it has there, which is checked too. */
export function* checkSql(
  reader: ObjectReader,
  name: string,
  id: ObjectId,
  base: ObjectId | undefined,
): Generator<SqlProblem, void, undefined> {
  if (isView(reader, id)) {
    const {sql, triggers = []} = readDefinition(reader, id);
    const problem = wrongStatement(sql, 'createView', name);
    if (problem) yield {id, problem};
    yield* checkTriggers(reader, triggers);
    return;
  }
  const table = readTable(reader, id);
  const before = base === undefined || isView(reader, base) ? undefined : readTable(reader, base);
  yield* checkTriggers(reader, table.triggers ?? []);
  const owner = ownerOf(reader, name, table);
  const names = new Set(table.indexes?.map(index => index.name));
  const problems: string[] = [];
  for (const {name: constraint} of owner.definition ? constraintIndexes(owner.definition) : []) {
    if (!names.has(constraint)) problems.push(`it lacks the index ${constraint} of a UNIQUE constraint`);
  }
  for (const {definition, schema, stored} of indexesOf(reader, owner, table)) {
    const entries = new IndexEntries(definition, owner, reader, schema);
    const scratch = new OverlayObjects(reader);
    const old =
      before?.schema === table.schema
        ? before.indexes?.find(each => each.name === stored.name && each.schema === stored.schema)
        : undefined;
    const root =
      before && old
        ? syncIndex(scratch, owner.spec, entries, old.root, before.root, table.root)
        : buildIndex(scratch, owner.spec, table.root, entries);
    if (root === stored.root) continue;
    problems.push(`its index ${stored.name} ${difference(scratch, entries.spec, stored.root, root)}`);
  }
  // the tree of an index may be right for another version: what is wrong is the table
  if (problems.length > 0) yield {id, problem: problems.join(', and ')};
}

function ownerOf(reader: ObjectReader, name: string, table: Table): IndexOwner {
  if (name === FILES_TABLE) return {...filesSource(reader, table.root, table.rows), definition: undefined};
  return {name, ...readShape(reader, table.schema)};
}

/** Says how an index differs from what it should be. */
function difference(reader: ObjectReader, spec: TreeSpec, found: TreeRoot, expected: TreeRoot): string {
  let missing = 0;
  let extra = 0;
  for (const {before, after} of diffTrees(reader, spec, found, expected)) {
    if (after) missing++;
    if (before) extra++;
  }
  const entries = missing === 1 ? '1 entry' : `${missing} entries`;
  return `lacks ${entries} and has ${extra} wrong ${extra === 1 ? 'one' : 'ones'}`;
}

function* checkTriggers(
  reader: ObjectReader,
  triggers: readonly NamedDefinition[],
): Generator<SqlProblem, void, undefined> {
  for (const {name, id} of triggers) {
    const problem = wrongStatement(readDefinition(reader, id).sql, 'createTrigger', name);
    if (problem) yield {id, problem};
  }
}

/** Returns what is wrong with a definition that is to be such a statement, of such a name. */
function wrongStatement(sql: string, kind: 'createView' | 'createTrigger', name: string): string | undefined {
  try {
    const statement = parseStatement(sql);
    if (statement.kind !== kind) return 'it is a statement of another kind than its place asks for';
    return foldName(statement.name.name.text) === foldName(name)
      ? undefined
      : 'it defines another name than that of its place';
  } catch (error) {
    if (!isDbosError(error)) throw error;
    return `its statement cannot be read: ${error.message}`;
  }
}
