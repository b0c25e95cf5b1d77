/**
 * What merging tables needs of SQL: how rows come into a table that was altered, generated columns, the counters of
 * AUTOINCREMENT, and indexes, whose trees follow the merged rows. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectSink} from '../../objects/store.js';
import {FILES_TABLE} from '../../state/files.js';
import {type MergedIndex, type MergeRules, type RowChanger, settleFileTime} from '../../state/merge.js';
import {readSchema} from '../../state/schema.js';
import type {Table, TableIndex} from '../../state/table.js';
import {MAX_TEXT_BYTES} from '../../state/textdiff.js';
import type {MergeText} from '../../state/textmerge.js';
import {BodyWriter} from '../../tree/bodies.js';
import {type Cell, ContentRef, type Row} from '../../tree/cell.js';
import {readWhole} from '../../tree/content.js';
import type {Side, Versions} from '../../tree/merge.js';
import {countRows} from '../../tree/read.js';
import {filesSource} from '../catalog/files-source.js';
import {type IndexOwner, readIndex} from '../catalog/index-source.js';
import {foldName} from '../catalog/names.js';
import type {TableDefinition} from '../catalog/table-definition.js';
import {withBodies} from '../catalog/table-rows.js';
import {readShape} from '../catalog/table-source.js';
import {ColumnExpressions} from '../write/column-expressions.js';
import {IndexEntries} from '../write/index-entries.js';
import {buildIndex, syncIndex} from '../write/index-sync.js';
import {SEQUENCE_TABLE} from '../write/sequences.js';
import type {Run} from '../write/session.js';
import {mergeCounters} from './counters.js';
import type {MergeOptions} from './merge.js';
import {renumberAdded} from './renumber.js';

/** Returns the rules of a merge into a sink; `run` is what expressions are computed in. */
export function mergeRules(
  sink: ObjectSink,
  run: Run,
  {exclusive = false, renumber = false, prefer, mergeText}: MergeOptions,
): MergeRules {
  const bodies = new BodyWriter(sink);
  const forms = new Map<ObjectId, RowForm | undefined>();
  const form = (schema: ObjectId): RowForm | undefined => {
    if (!forms.has(schema)) forms.set(schema, RowForm.of(sink, bodies, run, schema));
    return forms.get(schema);
  };
  const content = (table: string, column: string, cells: Versions<Cell | undefined>, side?: Side) =>
    mergeText && table === FILES_TABLE && column === 'content'
      ? mergeContent(sink, bodies, cells, mergeText, side)
      : undefined;
  return {
    exclusive,
    prefer,
    settle: (table, schema, column, cells) => {
      // it is computed anew, whatever it is now
      if (form(schema)?.generates(column)) return cells.theirs;
      return content(table, column, cells) ?? settleFileTime(table, column, cells);
    },
    take: (table, column, cells, side) => content(table, column, cells, side) ?? (cells[side] as Cell),
    complete: (_table, schema, row) => {
      const complete = form(schema)?.complete(row) ?? row;
      bodies.flush();
      return complete;
    },
    convert: (_table, from, to) => form(to)?.changer(from),
    renumber: (schema, roots) => {
      const {definition, spec} = readShape(sink, schema);
      return renumber && definition?.rowid.kind === 'hidden' ? renumberAdded(sink, spec, roots) : roots.ours;
    },
    special: (name, tables) => (foldName(name) === SEQUENCE_TABLE ? mergeCounters(sink, tables) : undefined),
    indexes: (name, table, indexes) => mergeIndexes(sink, name, table, indexes),
  };
}

/** Returns the content of a file that both sides changed, or undefined if it cannot be merged by lines. */
function mergeContent(
  sink: ObjectSink,
  bodies: BodyWriter,
  {base, ours, theirs}: Versions<Cell | undefined>,
  mergeText: MergeText,
  side: Side | undefined,
): Cell | undefined {
  if (!(base instanceof ContentRef && ours instanceof ContentRef && theirs instanceof ContentRef)) return undefined;
  if (Math.max(base.size, ours.size, theirs.size) > MAX_TEXT_BYTES) return undefined;
  const read = (ref: ContentRef) => readWhole(sink, ref);
  const merged = mergeText({base: read(base), ours: read(ours), theirs: read(theirs)}, side);
  return merged && bodies.write(merged, ours.text);
}

/** Rows of a table of SQL, in the order of its tree. */
class RowForm {
  private readonly expressions: ColumnExpressions;
  /** For each column of the tree its place in a row as expressions see it. */
  private readonly places: readonly number[];
  private readonly computed: ReadonlySet<string>;

  private constructor(
    private readonly sink: ObjectSink,
    private readonly bodies: BodyWriter,
    private readonly run: Run,
    private readonly schema: ObjectId,
    private readonly definition: TableDefinition,
  ) {
    const shape = readShape(sink, schema);
    const width = definition.columns.length;
    // a hidden rowid is the last one
    this.places = definition.storage.map(column => (column < 0 ? width : column));
    this.expressions = new ColumnExpressions(definition, {name: definition.name, ...shape}, sink);
    this.computed = new Set(definition.columns.filter(column => column.generated).map(column => column.name));
  }

  /** Returns the form of the rows of a schema, or undefined for one that was not made in SQL. */
  static of(sink: ObjectSink, bodies: BodyWriter, run: Run, schema: ObjectId): RowForm | undefined {
    const {definition} = readShape(sink, schema);
    return definition && new RowForm(sink, bodies, run, schema, definition);
  }

  generates(column: string): boolean {
    return this.computed.has(column);
  }

  /** Returns a row with its generated columns. */
  complete(row: Row): Row {
    if (this.computed.size === 0) return row;
    const {places, definition} = this;
    const seen: Cell[] = [];
    for (const [i, place] of places.entries()) seen[place] = row[i] as Cell;
    this.expressions.generate(this.run, seen);
    const made = places.map(place => seen[place] as Cell);
    return withBodies(this.bodies, made, Math.max(1, definition.key.length));
  }

  /** Returns how rows of another schema of this table become rows of this one. */
  changer(schema: ObjectId): RowChanger | undefined {
    const before = readSchema(this.sink, schema);
    const after = readSchema(this.sink, this.schema);
    const from = columnsFrom(before.columns, after.columns);
    const sameKey =
      before.key.length === after.key.length &&
      after.key.every((part, i) => {
        const old = before.key[i];
        return from[i] === i && part.collation === old?.collation && part.descending === old.descending;
      });
    if (!sameKey) return undefined;
    const {expressions, run} = this;
    const fill = (row: Row): Row =>
      from.map((column, i) =>
        column === undefined ? expressions.defaultOf(run, this.places[i] as number) : (row[column] as Cell),
      );
    return {from, fill};
  }
}

interface Named {
  readonly name: string;
  readonly type: string;
}

/** Returns for each column of a table the column that it was before: the one of its name, or, where only names changed, of its place. */
function columnsFrom(before: readonly Named[], after: readonly Named[]): (number | undefined)[] {
  const renamed = before.length === after.length && after.every(({type}, i) => before[i]?.type === type);
  const places = new Map(before.map(({name}, i) => [foldName(name), i]));
  return after.map(({name}, i) => (renamed ? i : places.get(foldName(name))));
}

function ownerOf(sink: ObjectSink, name: string, table: Table): IndexOwner {
  if (name === FILES_TABLE) return {...filesSource(sink, table.root, table.rows), definition: undefined};
  return {name, ...readShape(sink, table.schema)};
}

/** Returns indexes with the trees that a table's rows give them. */
function mergeIndexes(
  sink: ObjectSink,
  name: string,
  table: Table,
  indexes: readonly MergedIndex[],
): readonly TableIndex[] {
  const owner = ownerOf(sink, name, table);
  return indexes.map(({index, of}): TableIndex => {
    const {definition, schema, spec} = readIndex(sink, owner, table.schema, index);
    const entries = new IndexEntries(definition, owner, sink, schema);
    const root =
      of.schema === table.schema
        ? syncIndex(sink, owner.spec, entries, index.root, of.root, table.root)
        : buildIndex(sink, owner.spec, table.root, entries);
    return {name: index.name, schema: index.schema, root, rows: countRows(sink, spec, root)};
  });
}
