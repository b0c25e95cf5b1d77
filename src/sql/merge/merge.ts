/**
 * Merges two states that come from one, with everything that SQL knows: indexes that are those of the merged rows, generated
 * columns, and the rules of tables, which may be broken by what both sides did together. Layer: sql.
 */
import type {ObjectId} from '../../objects/id.js';
import type {ObjectSink} from '../../objects/store.js';
import type {MergeConflict} from '../../state/conflict.js';
import {FILES_TABLE} from '../../state/files.js';
import {wrongEntries} from '../../state/filetree.js';
import {type MergedTable, type MergeRules, mergeStates} from '../../state/merge.js';
import {nameOf, parentOf} from '../../state/path.js';
import type {MergeText} from '../../state/textmerge.js';
import type {Versions} from '../../tree/merge.js';
import {functionContexts} from '../query.js';
import {Run, Session} from '../write/session.js';
import {WorkingState} from '../write/working-state.js';
import {brokenRules} from './constraints.js';
import {mergeRules} from './rules.js';

export interface MergeOptions {
  /** The clock that expressions see. */
  readonly now: () => number;
  readonly zone: (time: number) => number;
  /** Whether both may not change one cell even if they make the same of it: see `MergeRules`. */
  readonly exclusive?: boolean;
  /** Whether rows of ours may get other hidden rowids: only where nobody goes on with the state of ours. */
  readonly renumber?: boolean;
  /** Which side is right where both contradict each other; neither unless given. */
  readonly prefer?: MergeRules['prefer'];
  /** Merges files that both sides changed; without it that is a conflict. */
  readonly mergeText?: MergeText;
}

export interface Merged {
  /** Of no use where there are conflicts. */
  readonly state: ObjectId;
  readonly conflicts: readonly MergeConflict[];
  /** What would be in conflict if no side were preferred. */
  readonly settled: readonly MergeConflict[];
}

/** The place of statements that there are none of. */
const NOWHERE = {from: 0, to: 0};

/**
 * Writes the state with the changes of both sides, and returns it with what they contradict each other in. Undefined is the
 * state without tables, as before the first commit. Reads O(changes × depth) nodes.
 */
export function merge(sink: ObjectSink, ids: Versions<ObjectId | undefined>, options: MergeOptions): Merged {
  const {base, ours, theirs} = ids;
  const {exclusive = false} = options;
  const [one, other] = ours === base ? [theirs, ours] : [ours, theirs];
  if (one !== undefined && (other === base || (one === other && !exclusive)))
    return {state: one, conflicts: [], settled: []};
  const session = new Session();
  const contexts = () => functionContexts(options.now(), options.zone, session);
  const before = new WorkingState(sink, theirs);
  const run = new Run(session, [], contexts, sink, before, NOWHERE, Number.POSITIVE_INFINITY, 0);
  const merged = mergeStates(sink, ids, mergeRules(sink, run, options));
  if (merged.conflicts.length > 0) return merged;
  const conflicts: MergeConflict[] = [];
  const files = merged.tables.get(FILES_TABLE);
  if (files) conflicts.push(...brokenTree(sink, files));
  conflicts.push(...brokenRules(sink, merged, ids, run, session));
  return {state: merged.state, conflicts, settled: merged.settled};
}

/** Yields the entries of the merged tree of files that are not where they can be. */
function* brokenTree(sink: ObjectSink, {ours, theirs, merged}: MergedTable): Generator<MergeConflict, void, undefined> {
  const seen = new Set<string>();
  for (const side of [theirs, ours]) {
    for (const wrong of wrongEntries(sink, merged.root, side?.root ?? null)) {
      if (wrong === undefined || seen.has(wrong.path)) continue;
      seen.add(wrong.path);
      const {path, problem: rule} = wrong;
      yield {kind: 'rule', table: FILES_TABLE, key: [parentOf(path), nameOf(path)], rule};
    }
  }
}
