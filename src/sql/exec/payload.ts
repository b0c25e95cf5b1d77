/**
 * Rows that are stored between two parts of a pipeline: where the slots stand in them. Layer: sql.
 */
import type {Slot} from '../plan/expression.js';
import type {Plan} from '../plan/plan.js';
import {addProvidedByPlan, freeSlots} from '../plan/slots.js';
import {type Fragment, type FunctionCode, toValue} from './fragment.js';

/** Provides slots as elements of a row. */
export function columnsOf(slots: readonly Slot[], row: string): [Slot, () => Fragment][] {
  return slots.map((slot, index) => [slot, () => ({rep: 'any', value: `${row}[${index}]`, simple: true})]);
}

/** What the code above a point where rows are stored reads of them: the slots get their places as they are read. */
export class Payload {
  readonly slots: Slot[] = [];

  constructor(
    private readonly row: string,
    /** How many elements of a row come before. */
    readonly from: number,
  ) {}

  /** Provides all slots of a plan as elements of the stored row. */
  provide(plan: Plan): [Slot, () => Fragment][] {
    return this.provideSlots(addProvidedByPlan(plan, new Set()));
  }

  provideSlots(slots: Iterable<Slot>): [Slot, () => Fragment][] {
    return [...slots].map(slot => [
      slot,
      () => {
        let index = this.slots.indexOf(slot);
        if (index < 0) index = this.slots.push(slot) - 1;
        return {rep: 'any', value: `${this.row}[${this.from + index}]`, simple: true};
      },
    ]);
  }

  /** Returns the code of the elements to store, where the slots have their values. */
  values(fn: FunctionCode): string[] {
    return this.slots.map(slot => toValue(fn.slot(slot)));
  }
}

/** Returns whether the rows of a plan are the same whenever it runs in one execution. */
export function isIndependent(plan: Plan): boolean {
  return freeSlots(plan).size === 0;
}
