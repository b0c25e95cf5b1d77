/**
 * The two schemas of a connection: `main`, the state, and `temp`, which ends with the connection and hides what has the same
 * name in `main`. Layer: sql.
 */

import {OverlayObjects} from '../../objects/overlay.js';
import type {ObjectReader} from '../../objects/store.js';
import type {QualifiedName} from '../ast.js';
import {foldName} from '../catalog/names.js';
import type {Catalog} from '../source.js';
import {type Trigger, WorkingState, type WorkingView} from './working-state.js';
import type {WorkingTable} from './working-table.js';

/** What a connection can be brought back to. */
export interface SchemasMark {
  readonly main: ReturnType<WorkingState['mark']>;
  readonly temp: ReturnType<WorkingState['mark']> | undefined;
}

export class Schemas {
  private temporary: WorkingState | undefined;
  /** Counts what changes the schemas besides what their own versions count. */
  private changes = 0;

  constructor(readonly main: WorkingState) {}

  /** Reads the objects of both. */
  get reader(): ObjectReader {
    return this.temporary?.sink ?? this.main.sink;
  }

  /** Changes with everything that is defined, renamed or dropped. */
  get version(): number {
    return this.main.version + (this.temporary?.version ?? 0) + this.changes;
  }

  /** Makes prepared statements look at everything anew. */
  touch(): void {
    this.changes++;
  }

  get temp(): WorkingState | undefined {
    return this.temporary;
  }

  /** Returns the state of a schema, made if it is the temporary one; undefined for a schema that there is none of. */
  state(schema: string | undefined): WorkingState | undefined {
    const folded = foldName(schema ?? 'main');
    if (folded === 'main') return this.main;
    if (folded !== 'temp') return undefined;
    if (this.temporary === undefined) {
      this.temporary = new WorkingState(new OverlayObjects(this.main.sink), undefined);
      this.changes++;
    }
    return this.temporary;
  }

  find({schema, name}: QualifiedName): WorkingTable | WorkingView | undefined {
    return this.owner(schema?.text, state => state.find(name.text))?.find(name.text);
  }

  /** Returns the state in which something is found; without a schema the temporary one comes first. */
  owner(schema: string | undefined, has: (state: WorkingState) => unknown): WorkingState | undefined {
    const states =
      schema === undefined
        ? [this.temporary, this.main]
        : [foldName(schema) === 'temp' ? this.temporary : this.state(schema)];
    return states.find(state => state !== undefined && has(state) !== undefined);
  }

  /** Returns the state that a table or view is part of. */
  stateOf(subject: WorkingTable | WorkingView): WorkingState {
    return this.temporary?.find(subject.name) === subject ? this.temporary : this.main;
  }

  triggersOf(subject: WorkingTable | WorkingView): readonly Trigger[] {
    return this.stateOf(subject).triggersOf(subject.name);
  }

  /** Yields all tables. */
  *tables(): Generator<WorkingTable> {
    for (const state of [this.main, this.temporary]) {
      for (const name of state?.names() ?? []) {
        const found = state?.find(name);
        if (found?.kind === 'table') yield found;
      }
    }
  }

  mark(): SchemasMark {
    return {main: this.main.mark(), temp: this.temporary?.mark()};
  }

  rollbackTo({main, temp}: SchemasMark): void {
    this.main.rollbackTo(main);
    if (temp) this.temporary?.rollbackTo(temp);
    else if (this.temporary) {
      // a version that it had before must not come again
      this.changes += this.temporary.version + 1;
      this.temporary = undefined;
    }
  }

  /** As `release` of `WorkingState`. */
  release({main, temp}: SchemasMark, earlier: SchemasMark): void {
    this.main.release(main, earlier.main);
    // a temporary schema that is younger than the earlier mark goes as a whole
    if (temp) this.temporary?.release(temp, earlier.temp ?? temp);
  }

  forgetMarks(): void {
    this.main.forgetMarks();
    this.temporary?.forgetMarks();
  }

  catalog(base: Catalog): Catalog {
    const main = this.main.catalog(base);
    return {
      findTable: (name, revision) => {
        const found = revision === undefined ? this.temporary?.find(name) : undefined;
        return found ? found.source() : main.findTable(name, revision);
      },
      findFunction: main.findFunction,
      names: () => [...main.names(), ...(this.temporary?.names() ?? [])],
    };
  }
}
