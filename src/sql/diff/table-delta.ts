/**
 * The typed difference of the tables and views of two states: for each one what became of its definitions, how many rows
 * changed, and which. Nodes that both states share are not read. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectReader} from '../../objects/store.js';
import {isView, readDefinition} from '../../state/definition.js';
import {FILES_TABLE} from '../../state/files.js';
import {readSchema} from '../../state/schema.js';
import {changedEntries} from '../../state/statediff.js';
import {type NamedDefinition, readTable} from '../../state/table.js';
import type {Cell, Row} from '../../tree/cell.js';
import type {TreeRange} from '../../tree/read.js';
import {countChanges, type RowCounts} from '../catalog/affected.js';
import {changeOf, diffVersions, pairColumns, type RowChangeKind, type Version} from '../catalog/table-diff.js';
import {tableSource} from '../catalog/table-source.js';
import type {TreeSource} from '../source.js';

/** A definition that was added, changed or dropped; texts are CREATE statements. */
export interface SchemaChange {
  readonly kind: 'table' | 'index' | 'view' | 'trigger';
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** A column of the rows of a change. */
export interface DeltaColumn {
  readonly name: string;
  readonly isKey: boolean;
  readonly hidden: boolean;
}

/** A row that differs: for each column the cell on either side, undefined where that side has no such row or column. */
export interface RowDelta {
  readonly change: RowChangeKind;
  readonly before: readonly (Cell | undefined)[];
  readonly after: readonly (Cell | undefined)[];
}

/** A table or view that differs. */
export interface TableDelta {
  readonly name: string;
  readonly kind: 'table' | 'view';
  readonly change: RowChangeKind;
  readonly schema: readonly SchemaChange[];
  readonly counts: RowCounts;
  readonly rows: RowsDelta | undefined;
}

const NO_ROWS: RowCounts = {added: 0, modified: 0, deleted: 0};

/** Returns what differs between two states, in the order of the names; `names` limits it to some. */
export function tableDeltas(
  reader: ObjectReader,
  before: ObjectId | undefined,
  after: ObjectId | undefined,
  names?: ReadonlySet<string>,
): TableDelta[] {
  const deltas: TableDelta[] = [];
  for (const entry of changedEntries(reader, before, after)) {
    if (names && !names.has(entry.name)) continue;
    const old = readEntry(reader, entry.name, entry.before);
    const now = readEntry(reader, entry.name, entry.after);
    // a view in the place of a table, or the other way round, is two changes
    if (old && now && old.kind !== now.kind)
      deltas.push(deltaOf(entry.name, old, undefined), deltaOf(entry.name, undefined, now));
    else deltas.push(deltaOf(entry.name, old, now));
  }
  return deltas;
}

interface Text {
  readonly kind: SchemaChange['kind'];
  readonly name: string;
  readonly sql: string;
}

/** The definitions of a table or view of a state. */
export interface Definitions {
  readonly kind: 'table' | 'view';
  /** Their texts, by kind and name: `index by_name`. */
  readonly texts: ReadonlyMap<string, Text>;
}

interface Entry extends Definitions {
  readonly version: Version;
}

function readEntry(reader: ObjectReader, name: string, id: ObjectId | undefined): Entry | undefined {
  const definitions = definitionsOf(reader, name, id);
  if (definitions === undefined || id === undefined) return undefined;
  const isRead = definitions.kind === 'table' && name !== FILES_TABLE;
  return {...definitions, version: isRead ? tableSource(reader, name, readTable(reader, id)) : undefined};
}

/** Returns the definitions of a table or view; undefined if there is none. */
export function definitionsOf(reader: ObjectReader, name: string, id: ObjectId | undefined): Definitions | undefined {
  if (id === undefined) return undefined;
  const texts = new Map<string, Text>();
  const add = (kind: SchemaChange['kind'], own: string, sql: string) =>
    texts.set(`${kind} ${own}`, {kind, name: own, sql});
  const addTriggers = (triggers: readonly NamedDefinition[]) => {
    for (const trigger of triggers) add('trigger', trigger.name, readDefinition(reader, trigger.id).sql);
  };
  if (isView(reader, id)) {
    const {sql, triggers = []} = readDefinition(reader, id);
    add('view', name, sql);
    addTriggers(triggers);
    return {kind: 'view', texts};
  }
  const table = readTable(reader, id);
  const {definition} = readSchema(reader, table.schema);
  if (definition !== undefined) add('table', name, definition);
  for (const index of table.indexes ?? []) {
    // the index of a UNIQUE constraint is part of the table's own text
    const {definition: sql} = readSchema(reader, index.schema);
    if (sql !== undefined) add('index', index.name, sql);
  }
  addTriggers(table.triggers ?? []);
  return {kind: 'table', texts};
}

function deltaOf(name: string, old: Entry | undefined, now: Entry | undefined): TableDelta {
  const {kind} = (now ?? old) as Entry;
  const schema: SchemaChange[] = [];
  for (const key of new Set([...(old?.texts.keys() ?? []), ...(now?.texts.keys() ?? [])])) {
    const before = old?.texts.get(key);
    const after = now?.texts.get(key);
    if (before?.sql === after?.sql) continue;
    const {kind: what, name: own} = (after ?? before) as Text;
    schema.push({kind: what, name: own, before: before?.sql, after: after?.sql});
  }
  const rows = old?.version || now?.version ? new RowsDelta(old?.version, now?.version) : undefined;
  return {
    name,
    kind,
    change: old === undefined ? 'added' : now === undefined ? 'deleted' : 'modified',
    schema,
    get counts() {
      return rows?.counts ?? NO_ROWS;
    },
    rows,
  };
}

/** The rows that differ between two versions of a table. */
export class RowsDelta {
  readonly columns: readonly DeltaColumn[];
  private readonly pairs: ReturnType<typeof pairColumns>;
  private counted: RowCounts | undefined;

  constructor(
    readonly before: Version,
    readonly after: Version,
  ) {
    const old = (before ?? after) as TreeSource;
    const now = (after ?? before) as TreeSource;
    this.pairs = pairColumns(old, now);
    this.columns = this.pairs.map(pair => {
      const [source, column] = pair.after === undefined ? [old, pair.before as number] : [now, pair.after];
      return {name: pair.name, isKey: source.key.includes(column), hidden: source.columns[column]?.hidden ?? false};
    });
  }

  /** How many rows differ; found when it is first asked for. */
  get counts(): RowCounts {
    this.counted ??= countChanges(this.before, this.after);
    return this.counted;
  }

  /** Yields the rows that differ, in key order; where the key is another one, first all that are deleted. */
  *changes(range?: (version: TreeSource) => TreeRange): Generator<RowDelta, void, undefined> {
    const {before, after, pairs} = this;
    const old = placesOf(
      before,
      pairs.map(pair => pair.before),
    );
    const now = placesOf(
      after,
      pairs.map(pair => pair.after),
    );
    for (const change of diffVersions(before, after, range)) {
      yield {change: changeOf(change), before: cellsOf(change.before, old), after: cellsOf(change.after, now)};
    }
  }
}

type Places = readonly (number | undefined)[];

function placesOf(version: Version, columns: Places): Places {
  return columns.map(column => {
    const origin = column === undefined ? undefined : version?.origins[column];
    return origin?.kind === 'stored' ? origin.column : undefined;
  });
}

function cellsOf(row: Row | undefined, places: Places): (Cell | undefined)[] {
  return places.map(place => (row === undefined || place === undefined ? undefined : row[place]));
}
