/**
 * The FROM clause once its names are resolved: relations, and how they are joined. Layer: sql.
 */
import type {BoundTableFunction, RowSource} from '../source.js';
import type {TreeAccess} from './access.js';
import {addSlots, type Bound, type Slot} from './expression.js';
import type {ColumnSlots, Plan, SharedQuery} from './plan.js';

export type Relation = {readonly alias: string} & (
  | ({readonly kind: 'tree'} & TreeAccess)
  | {readonly kind: 'rows'; readonly source: RowSource; readonly slots: ColumnSlots}
  | {
      readonly kind: 'call';
      readonly function: BoundTableFunction;
      readonly args: readonly Bound[];
      readonly slots: ColumnSlots;
    }
  | {readonly kind: 'derived'; readonly shared: SharedQuery; readonly slots: readonly Slot[]}
  | {readonly kind: 'queue'; readonly plan: Plan; readonly slots: readonly Slot[]}
);

export type FromNode =
  | {readonly kind: 'relation'; readonly relation: Relation}
  /** Any number of nodes, joined by conditions that hold for all of them. */
  | {readonly kind: 'inner'; readonly nodes: readonly FromNode[]; readonly on: readonly Bound[]}
  | {
      readonly kind: 'outer';
      readonly type: 'left' | 'full';
      readonly left: FromNode;
      readonly right: FromNode;
      readonly on: readonly Bound[];
    };

/** Returns how many relations are joined. */
export function relationsOf(node: FromNode): number {
  if (node.kind === 'relation') return 1;
  const nodes = node.kind === 'inner' ? node.nodes : [node.left, node.right];
  return nodes.reduce((sum, each) => sum + relationsOf(each), 0);
}

/** Returns the slots that a relation gives values. */
export function slotsOfRelation(relation: Relation): Iterable<Slot> {
  return relation.slots instanceof Map ? relation.slots.values() : (relation.slots as readonly Slot[]);
}

/** Adds the slots that a FROM clause gives values. */
export function addProvided(node: FromNode, to: Set<Slot>): Set<Slot> {
  if (node.kind === 'relation') for (const slot of slotsOfRelation(node.relation)) to.add(slot);
  else if (node.kind === 'inner') for (const each of node.nodes) addProvided(each, to);
  else {
    addProvided(node.left, to);
    addProvided(node.right, to);
  }
  return to;
}

/** Adds the slots that a relation needs from outside itself: the arguments of a function, a correlated query. */
export function addNeeded(node: FromNode, to: Set<Slot>): Set<Slot> {
  if (node.kind === 'relation') {
    const {relation} = node;
    if (relation.kind === 'call') for (const arg of relation.args) addSlots(arg, to);
    if (relation.kind === 'derived') for (const slot of relation.shared.outer) to.add(slot);
    return to;
  }
  for (const expr of node.on) addSlots(expr, to);
  if (node.kind === 'inner') for (const each of node.nodes) addNeeded(each, to);
  else {
    addNeeded(node.left, to);
    addNeeded(node.right, to);
  }
  for (const slot of addProvided(node, new Set())) to.delete(slot);
  return to;
}
