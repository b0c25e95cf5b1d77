/**
 * What a checkout will do, decided before anything is touched. Rows come from a commit and are hostile input: every path
 * must be a path of a state, and everything must stand in directories. What is on disk must be what a commit holds: an
 * entry that would be overwritten, removed or stands in the way equals the row that is left, the row that comes, or the
 * row of an interrupted checkout; else it is endangered. Layer: worktree.
 */
import {lstatSync, readdirSync, type Stats} from 'node:fs';
import {decodeText} from '../bytes.js';
import {DbosError, systemCode} from '../errors.js';
import type {ObjectReader} from '../objects/store.js';
import {type FileChange, type FileRow, findFile} from '../state/files.js';
import {checkPath, joinPath, parentOf} from '../state/path.js';
import {type ContentRef, sameCell} from '../tree/cell.js';
import type {TreeRoot} from '../tree/spec.js';
import {matchesRow, readEntry, typeOfMode} from './entry.js';
import {fileStatOf} from './filesource.js';
import {fsPath} from './fspath.js';
import {Intake} from './intake.js';
import {CLEAN, type Listing} from './listing.js';
import {Parents} from './parents.js';
import {loadXattrs} from './xattr.js';

export interface PlanOptions {
  readonly reader: ObjectReader;
  /** The work tree. */
  readonly root: string;
  /** Rows before and after, parents before their children. */
  readonly changes: readonly FileChange[];
  /** The root of the rows after: what the changes do not say about parents is looked up there. */
  readonly to: TreeRoot;
  /** Other roots whose rows are in commits, so that their entries may be lost. */
  readonly others: readonly TreeRoot[];
  /** States refer to the rows before. */
  readonly listing: Listing | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One change, with what is on disk. */
export interface PlannedChange {
  readonly path: string;
  readonly before: FileRow | undefined;
  readonly after: FileRow | undefined;
  /** What stands there now. */
  stat: Stats | undefined;
  /** Whether that is what the row after says already, link aside. */
  done: boolean;
  /** Whether it is what the row before says. */
  unchanged: boolean;
}

export interface Plan {
  readonly changes: readonly PlannedChange[];
  /** Paths that no commit holds and that would be lost, or that stand in the way. */
  readonly endangered: readonly string[];
  /** Untracked entries below directories that must go, deepest last; all of them are endangered or below such a path. */
  readonly inTheWay: readonly string[];
  readonly parents: Parents;
}

/** Returns the plan. Throws NAME_UNSAFE or OBJECT_INVALID for rows that no state may have; touches nothing. */
export async function planMove(options: PlanOptions): Promise<Plan> {
  checkRows(options);
  const planner = new Planner(options);
  try {
    return await planner.run();
  } finally {
    await planner.intake.close();
  }
}

function checkRows({changes, reader, to}: PlanOptions): void {
  const directories = new Map<string, boolean>([['', true]]);
  for (const {path, after} of changes) {
    checkPath(path);
    if (after === undefined) directories.set(path, false);
    else {
      directories.set(path, after.type === 'dir');
      checkTarget(after);
    }
  }
  const isDirectory = (path: string): boolean => {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const found = findFile(reader, to, path)?.type === 'dir' && isDirectory(parentOf(path));
    directories.set(path, found);
    return found;
  };
  for (const {path, before, after} of changes) {
    if (after === undefined) continue;
    const parent = parentOf(path);
    // under a parent that does not change, what was there before is where it may be: on disk its parent is a directory
    if (before !== undefined ? directories.get(parent) !== false : isDirectory(parent)) continue;
    throw new DbosError(
      'NAME_UNSAFE',
      `The entry '${path}' stands below '${parent}', which is no directory in that state.`,
      {
        hint: 'Nothing was written. Run `dbos fsck` to see what else is wrong with it.',
        data: {path},
      },
    );
  }
}

function checkTarget({path, target}: FileRow): void {
  if (target === null || (target !== '' && !target.includes('\0'))) return;
  throw new DbosError('NAME_UNSAFE', `The symbolic link '${path}' has an impossible target.`, {
    hint: 'Nothing was written. Run `dbos fsck` to see what else is wrong with it.',
    data: {path},
  });
}

/** An entry whose content decides whether it is endangered. */
interface Doubt {
  readonly change: PlannedChange;
  readonly rows: readonly FileRow[];
}

class Planner {
  readonly intake: Intake;
  private readonly parents: Parents;
  private readonly planned: PlannedChange[] = [];
  private plannedByPath: ReadonlyMap<string, PlannedChange> | undefined;
  private readonly endangered = new Set<string>();
  private readonly inTheWay: string[] = [];
  private readonly doubts: Doubt[] = [];

  constructor(private readonly options: PlanOptions) {
    this.parents = new Parents(options.root);
    this.intake = new Intake({
      sink: undefined,
      signal: options.signal,
      receive: (number, content) => this.resolve(this.doubts[number] as Doubt, content),
    });
  }

  async run(): Promise<Plan> {
    const {changes} = this.options;
    for (const {path, before, after} of changes) {
      this.planned.push({path, before, after, stat: undefined, done: false, unchanged: false});
    }
    let loaded = false;
    for (const change of this.planned) {
      if (!this.look(change)) continue;
      if (!loaded) {
        await loadXattrs();
        loaded = true;
      }
      this.compare(change);
    }
    await this.intake.finish();
    for (const change of this.planned) {
      if (change.stat?.isDirectory() && change.after !== undefined && change.after.type !== 'dir')
        this.checkBelow(change.path);
    }
    return {
      changes: this.planned,
      endangered: [...this.endangered],
      inTheWay: this.inTheWay,
      parents: this.parents,
    };
  }

  /** Asked for only where something is in the way, and large. */
  private get byPath(): ReadonlyMap<string, PlannedChange> {
    this.plannedByPath ??= new Map(this.planned.map(change => [change.path, change]));
    return this.plannedByPath;
  }

  /** Looks at the disk, and returns whether what is there must be compared. */
  private look(change: PlannedChange): boolean {
    const {path, after} = change;
    const way = this.parents.way(parentOf(path));
    if (way.kind === 'blocked') {
      // if what blocks is to go, it is checked under its own path
      if (after !== undefined && !this.byPath.has(way.by)) this.endangered.add(way.by);
      return false;
    }
    change.stat = this.parents.lstat(path);
    if (change.stat === undefined) return false;
    const {listing} = this.options;
    const entry = listing === undefined ? -1 : listing.findEntry(path);
    if (entry >= 0 && (listing as Listing).state[entry] === CLEAN && (listing as Listing).matches(entry, change.stat)) {
      change.unchanged = true;
      return false;
    }
    return true;
  }

  /** Compares with the rows that are in commits, as far as it goes without reading. */
  private compare(change: PlannedChange): void {
    const {path, before, after} = change;
    const {root, reader, others} = this.options;
    const stat = change.stat as Stats;
    const type = typeOfMode(stat.mode);
    if (type === 'dir' && before?.type !== 'dir' && after?.type === 'dir') return;
    if (type === undefined) {
      this.endangered.add(path);
      return;
    }
    const rows: FileRow[] = [];
    if (before !== undefined) rows.push(before);
    if (after !== undefined) rows.push(after);
    for (const other of others) {
      const row = findFile(reader, other, path);
      if (row !== undefined) rows.push(row);
    }
    const full = fsPath(root, path);
    try {
      const entry = readEntry(root, path, fileStatOf(lstatSync(full, {bigint: true})));
      const alike = rows.filter(
        row => matchesRow(reader, row, entry) && (row.content === null || row.content.size === stat.size),
      );
      if (alike.length === 0) this.endangered.add(path);
      else if (type !== 'file') this.settle(change, alike);
      else {
        const number = this.doubts.length;
        this.doubts.push({change, rows: alike});
        this.intake.add(number, full, stat.size);
      }
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      this.endangered.add(path);
    }
  }

  private resolve({change, rows}: Doubt, content: ContentRef | undefined): void {
    const alike = content === undefined ? [] : rows.filter(row => sameCell(row.content, content));
    if (alike.length === 0) this.endangered.add(change.path);
    else this.settle(change, alike);
  }

  private settle(change: PlannedChange, alike: readonly FileRow[]): void {
    for (const row of alike) {
      if (row === change.after) change.done = true;
      if (row === change.before) change.unchanged = true;
    }
  }

  /** Finds what a directory holds that is not to go with it. */
  private checkBelow(directory: string): void {
    const {root} = this.options;
    let names: string[];
    try {
      names = readdirSync(fsPath(root, directory), {encoding: 'buffer'}).map(decodeText);
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      this.endangered.add(directory);
      return;
    }
    for (const name of names) {
      const path = joinPath(directory, name);
      const change = this.byPath.get(path);
      const stat = change?.stat ?? lstatSync(fsPath(root, path), {throwIfNoEntry: false});
      if (stat === undefined) continue;
      if (change === undefined) {
        this.endangered.add(path);
        this.inTheWay.push(path);
      }
      if (stat.isDirectory()) this.checkBelow(path);
    }
  }
}
