/**
 * The graph of commits as text: one column for each line of descent. Commits come children first; parents that are not in
 * the list are skipped over to the nearest ancestors that are. Layer: cli.
 */
import type {ObjectId} from '../objects/id.js';
import type {HistoryEntry} from '../repo/history.js';

export interface GraphNode {
  readonly id: ObjectId;
  /** The nearest listed ancestors. */
  readonly parents: readonly ObjectId[];
}

/** Returns for each shown commit its nearest shown ancestors. `all` is a walk, children before parents. */
export function connect(all: readonly HistoryEntry[], shown: ReadonlySet<ObjectId>): GraphNode[] {
  const nearest = new Map<ObjectId, readonly ObjectId[]>();
  const nodes: GraphNode[] = [];
  for (let i = all.length - 1; i >= 0; i--) {
    const {id, commit} = all[i] as HistoryEntry;
    const parents = [...new Set(commit.parents.flatMap(parent => nearest.get(parent) ?? []))];
    nearest.set(id, shown.has(id) ? [id] : parents);
    if (shown.has(id)) nodes.push({id, parents});
  }
  return nodes.reverse();
}

/** What stands before the lines of one commit. */
export interface GraphRow {
  /** Before the first line. */
  readonly head: string;
  /** Before each further line. */
  readonly body: string;
  /** Lines of their own that follow. */
  readonly links: readonly string[];
}

/** Draws commits one after the other. */
export class Graph {
  /** The commit that each column waits for. */
  private lanes: (ObjectId | undefined)[] = [];

  /** Returns what to draw for the next commit. */
  row({id, parents}: GraphNode): GraphRow {
    let at = this.lanes.indexOf(id);
    if (at < 0) at = this.lanes.push(id) - 1;
    const head = this.draw(lane => (lane === at ? '*' : '|'));
    const links: string[] = [];
    const [first, ...others] = parents;
    this.lanes[at] = first;
    for (const [index, parent] of others.entries()) {
      if (this.lanes.includes(parent)) continue;
      this.lanes.splice(at + 1 + index, 0, parent);
      links.push(this.fork(at + 1 + index));
    }
    const body = this.draw(() => '|');
    this.join(links);
    return {head, body, links};
  }

  private draw(mark: (lane: number) => string): string {
    return this.lanes.map((waiting, lane) => `${waiting === undefined ? ' ' : mark(lane)} `).join('');
  }

  /** A new column comes out of the one to its left. */
  private fork(to: number): string {
    let line = '';
    for (let lane = 0; lane < this.lanes.length; lane++) line += lane >= to ? '\\ ' : lane === to - 1 ? '|' : '| ';
    return line.trimEnd();
  }

  /** Brings together columns that wait for the same commit and closes those that wait for none. */
  private join(links: string[]): void {
    for (let lane = 0; lane < this.lanes.length; lane++) {
      const waiting = this.lanes[lane];
      const first = waiting === undefined ? -1 : this.lanes.indexOf(waiting);
      if (waiting !== undefined && first === lane) continue;
      let line = '';
      for (let at = 0; at < this.lanes.length; at++) {
        const bar = this.lanes[at] === undefined ? ' ' : '|';
        if (at < lane)
          line += `${bar}${at === lane - 1 && waiting !== undefined ? '/' : first >= 0 && at >= first ? '_' : ' '}`;
        else if (at > lane) line += '/ ';
      }
      const moves = waiting !== undefined || this.lanes.slice(lane + 1).some(other => other !== undefined);
      this.lanes.splice(lane, 1);
      if (moves) links.push(line.trimEnd());
      lane--;
    }
  }
}
