/**
 * Finds the rows of a table that the entries of an index are of. Entries that follow each other are often of rows that do, so
 * the leaf of the last one is looked at first. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import type {Cell} from '../../tree/cell.js';
import {KeyWriter} from '../../tree/key.js';
import {findRow} from '../../tree/locate.js';
import {compareKeys, type LeafNode} from '../../tree/node.js';
import type {KeyColumn, TreeRoot} from '../../tree/spec.js';
import type {IndexSource, TreeSource} from '../source.js';

// a key is used up before anything else can be looked for
const writer = new KeyWriter();

export class IndexedRows {
  /** Where in its leaf the row is that was found last. */
  at = 0;
  private readonly root: TreeRoot;
  private leaf: LeafNode | undefined;
  /** The ends of that leaf's keys, made when another row is looked for. */
  private first: Buffer | undefined;
  private last: Buffer | undefined;

  constructor(
    private readonly source: TreeSource,
    private readonly index: IndexSource,
  ) {
    // the table as it is now, whatever happens to it meanwhile
    this.root = source.root;
  }

  /** Returns the leaf of the row of an entry, and sets `at`. Throws OBJECT_INVALID if there is no such row. */
  find(entries: LeafNode, entry: number): LeafNode {
    const {source, index} = this;
    const {keys} = source.spec;
    writer.reset();
    for (let i = 0; i < keys.length; i++) {
      writer.cell(keys[i] as KeyColumn, entries.cell(index.key[i] as number, entry) as Cell);
    }
    const key = writer.bytes.subarray(0, writer.length);
    const {leaf} = this;
    if (leaf && this.isWithin(leaf, key)) {
      const at = leaf.search(key);
      if (at < leaf.count && leaf.compareAt(at, key) === 0) {
        this.at = at;
        return leaf;
      }
    }
    const place = findRow(source.reader, source.spec, this.root, key);
    if (place === undefined) throw this.withoutRow();
    if (place.leaf !== this.leaf) {
      this.leaf = place.leaf;
      this.first = undefined;
      this.last = undefined;
    }
    this.at = place.at;
    return place.leaf;
  }

  private isWithin(leaf: LeafNode, key: Uint8Array): boolean {
    this.first ??= leaf.keyAt(0);
    const {first} = this;
    if (compareKeys(key, key.length, first, first.length) < 0) return false;
    this.last ??= leaf.keyAt(leaf.count - 1);
    const {last} = this;
    return compareKeys(key, key.length, last, last.length) <= 0;
  }

  private withoutRow(): DbosError {
    return new DbosError(
      'OBJECT_INVALID',
      `The index ${this.index.name} has an entry without a row of ${this.source.name}.`,
      {
        hint: 'Run `dbos fsck` to see what is damaged; REINDEX makes the index anew.',
        data: {table: this.source.name, index: this.index.name},
      },
    );
  }
}
