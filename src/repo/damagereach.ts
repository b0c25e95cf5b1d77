/**
 * Which commits and refs damaged objects take with them. Runs only when there is damage; what is sound is walked once.
 * Layer: repo.
 */
import {isDbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {isView, readDefinition} from '../state/definition.js';
import {readState} from '../state/state.js';
import {type NamedDefinition, readTable} from '../state/table.js';
import {contentLinks} from '../tree/content.js';
import {linksOf} from '../tree/links.js';
import type {TreeRoot} from '../tree/spec.js';
import {readCommit} from './commit.js';
import type {DamageList} from './damage.js';

/** More objects than this are not followed through history: so much damage says enough. */
const MAX_FOLLOWED = 200;

const NONE: readonly ObjectId[] = [];

/**
 * Adds to each damaged object the commits whose states need it, and the refs that reach one of them. `commits` has the
 * parents of every commit; `refs` what each ref holds.
 */
export function attribute(
  reader: ObjectReader,
  damages: DamageList,
  commits: ReadonlyMap<ObjectId, readonly ObjectId[]>,
  refs: ReadonlyMap<string, readonly ObjectId[]>,
): void {
  if (damages.byId.size === 0) return;
  const reach = new Reach(reader, damages);
  for (const id of commits.keys()) {
    for (const damaged of reach.ofCommit(id)) damages.byId.get(damaged)?.commits.add(id);
  }
  const children = new Map<ObjectId, ObjectId[]>();
  for (const [id, parents] of commits) {
    for (const parent of parents) {
      const list = children.get(parent);
      if (list) list.push(id);
      else children.set(parent, [id]);
    }
  }
  let followed = 0;
  for (const [id, damage] of damages.byId) {
    if (++followed > MAX_FOLLOWED) break;
    const affected = new Set<ObjectId>([id, ...damage.commits]);
    // every descendant has it in its history; a set yields what is added while it is walked
    for (const commit of affected) for (const child of children.get(commit) ?? NONE) affected.add(child);
    for (const [name, held] of refs) if (held.some(target => affected.has(target))) damage.refs.add(name);
  }
}

/** Finds the damaged objects below others, each object once. */
class Reach {
  private readonly known = new Map<ObjectId, readonly ObjectId[]>();

  constructor(
    private readonly reader: ObjectReader,
    private readonly damages: DamageList,
  ) {}

  ofCommit(id: ObjectId): readonly ObjectId[] {
    return this.below(id, () => this.ofState(readCommit(this.reader, id).state));
  }

  private ofState(id: ObjectId): readonly ObjectId[] {
    return this.below(id, () => joined([...readState(this.reader, id).values()].map(table => this.ofTable(table))));
  }

  private ofTable(id: ObjectId): readonly ObjectId[] {
    return this.below(id, () => {
      if (isView(this.reader, id)) return this.ofDefinitions(readDefinition(this.reader, id).triggers);
      const {schema, root, indexes = [], triggers} = readTable(this.reader, id);
      const parts = [this.ofTree(schema, root), this.ofDefinitions(triggers)];
      for (const index of indexes) parts.push(this.ofTree(index.schema, index.root));
      return joined(parts);
    });
  }

  private ofTree(schema: ObjectId, root: TreeRoot): readonly ObjectId[] {
    return joined([this.below(schema, () => NONE), root === null ? NONE : this.ofNode(root, 0)]);
  }

  private ofDefinitions(definitions: readonly NamedDefinition[] = []): readonly ObjectId[] {
    return joined(definitions.map(({id}) => this.below(id, () => NONE)));
  }

  private ofNode(id: ObjectId, depth: number): readonly ObjectId[] {
    return this.below(id, () => {
      const parts: (readonly ObjectId[])[] = [];
      for (const link of linksOf(this.reader.read(id))) {
        if (link.kind === 'node') parts.push(depth < MAX_DEPTH ? this.ofNode(link.id, depth + 1) : NONE);
        else if (link.kind === 'content') parts.push(this.ofContent(link.id, 0));
        else if (this.damages.byId.has(link.id)) parts.push([link.id]);
      }
      return joined(parts);
    });
  }

  private ofContent(id: ObjectId, depth: number): readonly ObjectId[] {
    return this.below(id, () => {
      const parts: (readonly ObjectId[])[] = [];
      for (const link of contentLinks(this.reader.read(id))) {
        if (link.chunked) parts.push(depth < MAX_DEPTH ? this.ofContent(link.id, depth + 1) : NONE);
        else if (this.damages.byId.has(link.id)) parts.push([link.id]);
      }
      return joined(parts);
    });
  }

  private below(id: ObjectId, read: () => readonly ObjectId[]): readonly ObjectId[] {
    let found = this.known.get(id);
    if (found === undefined) {
      const own = this.damages.byId.has(id) ? [id] : NONE;
      try {
        found = joined([own, read()]);
      } catch (error) {
        // what cannot be read is damage itself, and nothing is known of what lies below
        if (!isDbosError(error)) throw error;
        found = own;
      }
      this.known.set(id, found);
    }
    return found;
  }
}

/** Trees and contents are lower; links of hostile objects may go deeper. */
const MAX_DEPTH = 64;

/** Returns the ids of all lists, each once. */
function joined(lists: readonly (readonly ObjectId[])[]): readonly ObjectId[] {
  const full = lists.filter(list => list.length > 0);
  if (full.length <= 1) return full[0] ?? NONE;
  return [...new Set(full.flat())];
}
