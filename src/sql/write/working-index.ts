/**
 * An index of a table that is written. Its tree stands for one root of the table's tree, and is brought to another by what
 * differs between the two when it is asked for: so it is what the table says, after any rollback too. Until then `recent`
 * tells where the rows are that came since. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectSink} from '../../objects/store.js';
import {writeSchema} from '../../state/schema.js';
import type {TableIndex} from '../../state/table.js';
import type {Cell} from '../../tree/cell.js';
import {findFrom} from '../../tree/locate.js';
import {countRows} from '../../tree/read.js';
import type {TreeRoot, TreeSpec} from '../../tree/spec.js';
import type {IndexDefinition} from '../catalog/index-definition.js';
import type {Value} from '../values/value.js';
import type {IndexEntries} from './index-entries.js';
import {syncIndex} from './index-sync.js';
import type {Provisional} from './provisional.js';

export class WorkingIndex {
  readonly definition: IndexDefinition;
  private schemaId: ObjectId | undefined;
  private root: TreeRoot;
  /** The root of the table that the tree belongs to. */
  private at: TreeRoot;
  /** The tree for another root of the table, for readers; as long as its generation is that of what is provisional. */
  private read: {readonly root: TreeRoot; readonly at: TreeRoot; readonly generation: number} | undefined;
  /** For the keys of terms of rows that may not be in the tree the keys of those rows, as binary strings; those of a unique index only. */
  private recent = new Map<string, string | string[]>();

  constructor(
    readonly entries: IndexEntries,
    readonly sink: ObjectSink,
    /** What rows of the table are like. */
    private readonly table: TreeSpec,
    root: TreeRoot,
    at: TreeRoot,
  ) {
    this.definition = entries.definition;
    this.root = root;
    this.at = at;
  }

  get name(): string {
    return this.definition.name;
  }

  get unique(): boolean {
    return this.definition.unique;
  }

  /** How many rows `recent` knows. */
  get recentCount(): number {
    return this.recent.size;
  }

  /** Returns the root of the tree for a root of the table. */
  rootAt(table: TreeRoot): TreeRoot {
    if (this.at !== table) {
      this.root = syncIndex(this.sink, this.table, this.entries, this.root, this.at, table);
      this.at = table;
      this.read = undefined;
    }
    if (this.recent.size > 0) this.recent = new Map();
    return this.root;
  }

  /** The tree as it was last brought up to date, but for what was provisional. */
  get ownRoot(): TreeRoot {
    return this.root;
  }

  /** Returns the root of the tree for a root of the table that is provisional, as this one is. */
  readableAt(table: TreeRoot, provisional: Provisional): TreeRoot {
    const {read, sink, entries} = this;
    const from = read?.generation === provisional.generation ? read : {root: this.root, at: this.at};
    if (from.at === table) return from.root;
    const root = provisional.make(() => syncIndex(sink, this.table, entries, from.root, from.at, table));
    this.read = {root, at: table, generation: provisional.generation};
    return root;
  }

  /** Takes over a tree that was made for a root of the table. */
  moveTo(root: TreeRoot, table: TreeRoot): void {
    this.root = root;
    this.at = table;
    this.read = undefined;
    if (this.recent.size > 0) this.recent = new Map();
  }

  /** Notes that a row with these values of the terms now has this key. */
  note(terms: string, key: string): void {
    const known = this.recent.get(terms);
    if (known === undefined) this.recent.set(terms, key);
    else if (typeof known === 'string') {
      if (known !== key) this.recent.set(terms, [known, key]);
    } else if (!known.includes(key)) known.push(key);
  }

  /** Returns the keys of rows that came since, and may have these values of the terms. */
  noted(terms: string): readonly string[] {
    const known = this.recent.get(terms);
    return known === undefined ? NONE : typeof known === 'string' ? [known] : known;
  }

  /** Yields the keys of rows that have these values of the first terms in a tree, as they were when it was brought up to date. */
  *find(values: readonly Value[], root: TreeRoot): Generator<Cell[], void, undefined> {
    const {sink, entries} = this;
    const prefix = entries.prefix(values).copy();
    let place = findFrom(sink, entries.spec, root, prefix);
    while (place) {
      const {leaf} = place;
      for (let {at} = place; at < leaf.count; at++) {
        const key = leaf.keyAt(at);
        if (!key.subarray(0, prefix.length).equals(prefix)) return;
        yield entries.layout.key.map(column => leaf.cell(column, at));
      }
      place = findFrom(sink, entries.spec, root, Buffer.concat([leaf.keyAt(leaf.count - 1), AFTER]));
    }
  }

  /** Returns a function that brings the index back to what it is now. */
  snapshot(): () => void {
    const {root, at, recent} = this;
    return () => {
      this.root = root;
      this.at = at;
      this.recent = recent;
      this.read = undefined;
    };
  }

  /** Returns the index as a table object holds it. */
  stored(table: TreeRoot): TableIndex {
    this.schemaId ??= writeSchema(this.sink, this.entries.schema);
    const root = this.rootAt(table);
    return {name: this.name, schema: this.schemaId, root, rows: countRows(this.sink, this.entries.spec, root)};
  }
}

const NONE: readonly string[] = [];

/** A key with this after it comes right behind that key. */
const AFTER = Buffer.of(0);
