/**
 * Which side is right where a merge finds that both contradict each other: for everything, for a table, for a path. Layer: sql.
 */
import {FILES_TABLE} from '../../state/files.js';
import {isWithin, joinPath} from '../../state/path.js';
import type {Cell} from '../../tree/cell.js';
import type {Side} from '../../tree/merge.js';
import {foldName} from '../catalog/names.js';

/** A table, or a file or directory with what is in it; both for a word that may mean either. */
export interface Place {
  readonly table?: string;
  readonly path?: string;
}

export interface Preferences {
  /** The side that is right unless another one is named for the place. */
  readonly prefer?: Side | undefined;
  /** Where this side is right; of several paths the longest counts. */
  readonly ours?: readonly Place[] | undefined;
  /** The same for the other side. */
  readonly theirs?: readonly Place[] | undefined;
}

/** Returns the side for a row of a table, or for what the table is; undefined if nothing was asked for. */
export function sideFor({
  prefer,
  ours = [],
  theirs = [],
}: Preferences): ((table: string, key?: readonly Cell[]) => Side | undefined) | undefined {
  if (prefer === undefined && ours.length === 0 && theirs.length === 0) return undefined;
  const named = (places: readonly Place[], side: Side) => places.map(place => ({...place, side}));
  const places = [...named(ours, 'ours'), ...named(theirs, 'theirs')].sort(
    (a, b) => (b.path?.length ?? 0) - (a.path?.length ?? 0),
  );
  return (table, key) => {
    const name = foldName(table);
    const at = table === FILES_TABLE && key ? joinPath(String(key[0]), String(key[1])) : undefined;
    const found = places.find(place =>
      at === undefined
        ? place.table !== undefined && foldName(place.table) === name
        : place.path !== undefined && isWithin(at, place.path),
    );
    return found?.side ?? prefer;
  };
}
