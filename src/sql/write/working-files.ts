/**
 * The files of a state that statements change: as a tree of files for the rules, and as a table for queries. Layer: sql.
 */
import type {ObjectSink} from '../../objects/store.js';
import type {FileTree} from '../../state/file-tree.js';
import {
  FILES_SCHEMA,
  FILES_TABLE,
  type FileRow,
  fileKey,
  fromRow,
  linkedFiles,
  scanFiles,
  toRow,
} from '../../state/files.js';
import {nameOf, parentOf} from '../../state/path.js';
import type {BodyWriter} from '../../tree/bodies.js';
import type {Cell, ContentRef, Row} from '../../tree/cell.js';
import {keyRange} from '../../tree/key.js';
import type {TreeRange} from '../../tree/read.js';
import {planFileRange} from '../catalog/files-range.js';
import {FILE_COLUMNS, filesSource} from '../catalog/files-source.js';
import type {Constraint, IndexSource, RangePlan, TreeColumn, TreeSource} from '../source.js';
import type {ReadTracker} from './read-tracker.js';
import type {StoredTable} from './stored-table.js';

/** What it needs of the state. */
interface FilesHost {
  readonly sink: ObjectSink;
  readonly bodies: BodyWriter;
  files(): StoredTable;
  readonly reads?: ReadTracker | undefined;
}

export class WorkingFiles implements FileTree {
  readonly kind = 'files';
  readonly name = FILES_TABLE;
  private readonly live: LiveFiles;

  constructor(private readonly host: FilesHost) {
    this.live = new LiveFiles(host);
  }

  get indexes(): StoredTable['indexes'] {
    return this.host.files().indexes;
  }

  /** Returns the table as queries read it: always the rows as they are. What is being read stays what it was when it was begun. */
  source(): TreeSource {
    return this.live;
  }

  find(path: string): FileRow | undefined {
    if (path === '') return undefined;
    this.host.reads?.noteRows(FILES_TABLE, [keyRange(fileKey(path))]);
    const row = this.stored.get(this.keyOf(path));
    return row && fromRow(row);
  }

  scan(range: TreeRange): Iterable<FileRow> {
    this.host.reads?.noteRows(FILES_TABLE, [range]);
    return scanFiles(this.host.sink, this.stored.flush(), range);
  }

  linked(links: ReadonlySet<string>): Iterable<FileRow> {
    this.host.reads?.noteRows(FILES_TABLE);
    return linkedFiles(this.host.sink, this.stored.flush(), links);
  }

  set(file: FileRow): void {
    const {stored} = this;
    const key = this.keyOf(file.path);
    if (stored.has(key)) stored.update(key, toRow(file));
    else stored.insert(key, toRow(file));
  }

  remove(path: string): void {
    const {stored} = this;
    const key = this.keyOf(path);
    if (stored.has(key)) stored.remove(key);
  }

  /** Returns the reference of a body; the bytes must not change afterwards. */
  writeBody(bytes: Uint8Array): ContentRef {
    return this.host.bodies.write(bytes, false);
  }

  /** Returns the cells of an entry as queries see its columns. What stands in `content` is read only when it is asked for. */
  cellsOf(file: FileRow): Cell[] {
    const row = toRow(file);
    const cells: Cell[] = [];
    for (const [column, origin] of this.live.origins.entries()) {
      if (FILE_COLUMNS[column]?.name !== 'content') {
        cells.push(cellOf(origin, row));
        continue;
      }
      const read = () => {
        this.host.bodies.flush();
        return cellOf(origin, row);
      };
      Object.defineProperty(cells, column, {get: read, enumerable: true, configurable: true});
    }
    return cells;
  }

  private get stored(): StoredTable {
    return this.host.files();
  }

  private keyOf(path: string): string {
    return this.stored.keyOf([parentOf(path), nameOf(path)]);
  }
}

function cellOf(origin: TreeColumn, row: Row): Cell {
  if (origin.kind === 'stored') return row[origin.column] as Cell;
  return origin.compute(...origin.inputs.map(input => row[input] as Cell));
}

/** The cells of a row of the tree, as columns that follow those that queries name. */
export const FILE_CELLS: readonly TreeColumn[] = FILES_SCHEMA.columns.map((_, column) => {
  return {kind: 'computed', inputs: [column], compute: cell => cell as never};
});

/** The files as queries use them: the root is asked for when a scan begins. */
class LiveFiles implements TreeSource {
  readonly kind = 'tree';
  readonly name = FILES_TABLE;
  readonly columns = FILE_COLUMNS;
  readonly origins: readonly TreeColumn[];
  readonly rowid = undefined;
  readonly key: readonly number[];
  readonly reader: ObjectSink;
  readonly spec: TreeSource['spec'];
  readonly onRead: TreeSource['onRead'];

  constructor(private readonly host: FilesHost) {
    const {origins, key, spec} = filesSource(host.sink, null, 0);
    this.origins = origins;
    this.key = key;
    this.spec = spec;
    this.reader = host.sink;
    this.onRead = host.reads?.noting(FILES_TABLE);
  }

  get root(): TreeSource['root'] {
    return this.host.files().flush();
  }

  get rows(): number {
    return this.host.files().rows;
  }

  get indexes(): readonly IndexSource[] {
    return this.host.files().sources();
  }

  planRange(constraints: readonly Constraint[]): RangePlan | undefined {
    return planFileRange(constraints, this.rows);
  }
}
