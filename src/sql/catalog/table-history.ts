/**
 * The commits that changed a table, or the rows of it whose key begins with some values. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import {type WalkEntry, type WalkRange, walk} from '../../repo/history.js';
import {RangeWays} from '../../repo/rangeways.js';
import type {Repository} from '../../repo/repository.js';

import {FILES_SPEC} from '../../state/files.js';
import {nameOf, parentOf} from '../../state/path.js';
import {afterPrefix, encodeKey} from '../../tree/key.js';
import type {TreeRange} from '../../tree/read.js';
import type {TreeSpec} from '../../tree/spec.js';
import type {TreeSource} from '../source.js';
import {applyAffinity} from '../values/affinity.js';
import type {Value} from '../values/value.js';
import {diffVersions, sameVersion, type Version} from './table-diff.js';

/** The part of a table that is asked for, in each shape that the table had. */
export class KeyPlace {
  private readonly ranges = new Map<TreeSpec, {readonly range: TreeRange; readonly ways: RangeWays | undefined}>();

  constructor(private readonly values: readonly Value[]) {}

  range(version: TreeSource): TreeRange {
    return this.of(version).range;
  }

  /** Returns true only if two versions are known to agree here. */
  agree(before: TreeSource, after: TreeSource): boolean {
    return (
      before.root !== null &&
      after.root !== null &&
      before.spec === after.spec &&
      (this.of(after).ways?.agree(before.root, after.root) ?? false)
    );
  }

  private of({reader, spec, key, columns}: TreeSource) {
    let place = this.ranges.get(spec);
    if (place === undefined) {
      if (this.values.length === 0) place = {range: {}, ways: undefined};
      else {
        const cells =
          spec === FILES_SPEC
            ? pathCells(this.values[0] as Value)
            : this.values.map((value, i) => {
                const column = columns[key[i] as number];
                return column === undefined ? value : applyAffinity(value, column.affinity);
              });
        const gte = encodeKey(spec, cells);
        const lt = afterPrefix(gte);
        place = {range: {gte, lt}, ways: new RangeWays(reader, spec, gte, lt)};
      }
      this.ranges.set(spec, place);
    }
    return place;
  }
}

/** A path that is no text has no row, which is the same as a directory that no file system has. */
function pathCells(path: Value): Value[] {
  return typeof path === 'string' ? [parentOf(path), nameOf(path)] : [null, null];
}

/** What history needs of a catalog. */
export interface TableVersions {
  readonly repo: Repository;
  /** Returns a table of a state; undefined if the state has none of this name. */
  readonly version: (state: ObjectId, name: string) => Version;
}

/** A commit that changed a table, with what it did. */
export interface TableChange {
  readonly entry: WalkEntry;
  readonly before: Version;
  readonly after: Version;
  readonly changes: ReturnType<typeof diffVersions>;
}

/** Yields the commits that changed a part of a table, the newest first. */
export function* tableHistory(
  {repo, version}: TableVersions,
  name: string,
  range: WalkRange,
  place: KeyPlace,
): Generator<TableChange, void, undefined> {
  const rangeOf = (source: TreeSource) => place.range(source);
  const differs = (before: Version, after: Version): boolean => {
    if (sameVersion(before, after)) return false;
    if (before && after && place.agree(before, after)) return false;
    return diffVersions(before, after, rangeOf).next().done !== true;
  };
  for (const entry of walk(repo, range)) {
    const after = version(entry.state, name);
    const parents = entry.readParents().map(parent => version(parent.state, name));
    const [before] = parents;
    if (!(parents.length === 0 ? differs(undefined, after) : parents.every(parent => differs(parent, after)))) continue;
    yield {entry, before, after, changes: diffVersions(before, after, rangeOf)};
  }
}
