/**
 * What makes a transaction serializable: nothing that it has read may be another thing when it is committed, so it could as well
 * have run then. Looks at the rows that differ, and at those only of tables that were read. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import {type TableReads, WHOLE_STATE} from '../../repo/opentransaction.js';
import {isView} from '../../state/definition.js';
import {FILES_TABLE} from '../../state/files.js';
import {readState} from '../../state/state.js';
import {readTable, type Table} from '../../state/table.js';
import type {Cell, Row} from '../../tree/cell.js';
import {diffTrees} from '../../tree/diff.js';
import {encodeKey} from '../../tree/key.js';
import type {Versions} from '../../tree/merge.js';
import {filesSource} from '../catalog/files-source.js';
import {type IndexOwner, readIndex} from '../catalog/index-source.js';
import {foldName} from '../catalog/names.js';
import {readShape} from '../catalog/table-source.js';
import {IndexEntries} from '../write/index-entries.js';
import {RangeSet} from '../write/range-set.js';
import {type ReadConflict, readConflict} from './transaction-conflict.js';

/** Throws TRANSACTION_CONFLICT if what was read of a table is not what it was; `what` and `branch` are for the message. */
export function checkReads(
  reader: ObjectReader,
  reads: readonly TableReads[],
  {base, theirs}: Pick<Versions<ObjectId | undefined>, 'base' | 'theirs'>,
  what: string,
  branch: string,
): void {
  if (reads.length === 0 || base === theirs) return;
  const tablesOf = (state: ObjectId | undefined) =>
    new Map([...(state === undefined ? [] : readState(reader, state))].map(([table, id]) => [foldName(table), id]));
  const [before, now] = [tablesOf(base), tablesOf(theirs)];
  const changed: ReadConflict[] = [];
  for (const read of reads) {
    if (read.table === WHOLE_STATE) {
      const table = changedOf(reader, before, now, read.ranges.length > 0);
      if (table !== undefined) changed.push({table});
      continue;
    }
    const [old, current] = [before.get(read.table), now.get(read.table)];
    if (old === current) continue;
    const [was, is] = [old, current].map(id => id && tableOf(reader, id));
    const known = was ?? is;
    // a state without files has none in `files`
    const none = known && read.table === FILES_TABLE ? {schema: known.schema, root: null, rows: 0} : undefined;
    const [one, other] = [was ?? none, is ?? none];
    const key = one && other ? changedKey(reader, read, one, other) : 'definition';
    if (key !== undefined) changed.push({table: read.table, ...(key !== 'definition' && {key})});
  }
  if (changed.length > 0) throw readConflict(what, branch, changed);
}

/** Returns the name of a table or view that is another one in two states, or that has other rows, if those count. */
function changedOf(
  reader: ObjectReader,
  before: ReadonlyMap<string, ObjectId>,
  now: ReadonlyMap<string, ObjectId>,
  rows: boolean,
): string | undefined {
  for (const name of new Set([...before.keys(), ...now.keys()])) {
    const [old, current] = [before.get(name), now.get(name)];
    if (old === current) continue;
    if (rows || old === undefined || current === undefined) return name;
    const [was, is] = [tableOf(reader, old), tableOf(reader, current)];
    if (!was || !is || definitionOf(was) !== definitionOf(is)) return name;
  }
  return undefined;
}

/** Returns a text that tables share of which all but the rows is the same. */
function definitionOf(table: Table): string {
  const indexes = (table.indexes ?? []).map(({name, schema}) => [name, schema]);
  return JSON.stringify([table.schema, triggersOf(table), indexes]);
}

/** Returns a table of a state, or undefined for a view. */
function tableOf(reader: ObjectReader, id: ObjectId): Table | undefined {
  return isView(reader, id) ? undefined : readTable(reader, id);
}

/** Returns the key of a row that was read and has changed, or that the table is another one; undefined if neither is so. */
function changedKey(
  reader: ObjectReader,
  {table, ranges, indexes}: TableReads,
  before: Table,
  now: Table,
): readonly Cell[] | 'definition' | undefined {
  if (before.schema !== now.schema || triggersOf(before) !== triggersOf(now)) return 'definition';
  const owner = ownerOf(reader, table, before);
  const {spec} = owner;
  const rows = new RangeSet(ranges);
  const tests = indexes.map(each => entryTest(reader, owner, before, each));
  const concerns = (row: Row | undefined) => row !== undefined && tests.some(test => test(row));
  // most of what was read is a few ranges, and the rest of the tree need not be looked at
  const looked = indexes.length > 0 ? [{gte: null, lt: null}] : ranges;
  for (const {gte, lt} of looked) {
    const range = {gte: gte ?? undefined, lt: lt ?? undefined};
    for (const change of diffTrees(reader, spec, before.root, now.root, range)) {
      if (!rows.has(change.key) && !concerns(change.before) && !concerns(change.after)) continue;
      return (change.after ?? change.before ?? []).slice(0, spec.keys.length);
    }
  }
  return undefined;
}

function triggersOf({triggers = []}: Table): string {
  return triggers.map(({id}) => id).join();
}

function ownerOf(reader: ObjectReader, name: string, table: Table): IndexOwner {
  if (name === FILES_TABLE) return {...filesSource(reader, table.root, table.rows), definition: undefined};
  return {name, ...readShape(reader, table.schema)};
}

/** Returns whether a row has an entry in ranges of an index. */
function entryTest(
  reader: ObjectReader,
  owner: IndexOwner,
  table: Table,
  {index, ranges}: TableReads['indexes'][number],
): (row: Row) => boolean {
  const stored = table.indexes?.find(each => each.name === index);
  // an index that the transaction has made itself says nothing of rows that it did not see
  if (stored === undefined) return () => true;
  const {definition, schema, spec} = readIndex(reader, owner, table.schema, stored);
  const entries = new IndexEntries(definition, owner, reader, schema);
  const read = new RangeSet(ranges);
  return row => {
    const entry = entries.entry(row);
    return entry !== undefined && read.has(encodeKey(spec, entry));
  };
}
