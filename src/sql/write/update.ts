/**
 * UPDATE: of the rows that are meant the new ones are computed, all at once where nothing can come in between, else one by
 * one as the rows are then, as SQLite does it. Layer: sql.
 */

import {toBinary} from '../../bytes.js';
import type {Cell} from '../../tree/cell.js';
import {encodeKey} from '../../tree/key.js';
import type {Update} from '../ast.js';
import type {Bound} from '../plan/expression.js';
import {Scope} from '../plan/scope.js';
import {type Assigned, bindAssignments} from './assignments.js';
import {viewUnchangeable} from './change-fault.js';
import type {Compiler, Place, Step} from './compiler.js';
import {compileReturning} from './returning.js';
import {compileValues, RowNames, type ValuesProgram} from './row-code.js';
import type {RowOwner} from './row-owner.js';
import {compileSelection} from './selection.js';
import {ChangeExecution} from './session.js';
import type {WorkingView} from './working-state.js';

/** Returns the compiled form of an UPDATE. */
export function compileUpdate(compiler: Compiler, place: Place, statement: Update): Step {
  const target = compiler.target(place, statement.table.name);
  if (target.kind === 'view') return ofView(compiler, place, statement, target);
  const program = compiler.program(target);
  const {definition, columns, triggers} = program;
  const owner: RowOwner = {name: target.name, columns, rowid: program.rowid};
  const generated = (column: number) => definition.columns[column]?.generated !== undefined;
  const alias = statement.table.alias?.text ?? target.name;
  const fires = triggers.beforeUpdate.length + triggers.afterUpdate.length > 0;
  // inside a trigger the statement that fired it may say OR REPLACE
  const replaces = place.scope !== undefined || program.mayReplace(statement.or);
  const oneByOne =
    statement.source === undefined && (fires || replaces || program.foreignKeys.acts || hasQuery(statement.set));
  let assigned: Assigned | undefined;
  let values: ValuesProgram | undefined;
  if (oneByOne) {
    const names = new RowNames(alias, owner);
    const around = new Scope(place.scope);
    const scope = new Scope(around);
    scope.tables.push(names.table);
    assigned = bindAssignments(place.binder, scope, owner, generated, statement.set);
    values = compileValues(assigned.values, [...names.provide('row'), ...place.outer]);
  }
  const select = compileSelection(compiler, place, statement, target, (scope): readonly Bound[] => {
    if (oneByOne) return [];
    assigned = bindAssignments(place.binder, scope, owner, generated, statement.set);
    return assigned.values;
  });
  const places = (assigned as Assigned | undefined)?.columns ?? [];
  const set = columns.map((_, column) => places.includes(column));
  const returning = compileReturning(place, owner, alias, statement.returning);
  triggers.prepare('update', set);
  if (compiler.session.foreignKeys) {
    program.foreignKeys.prepare(compiler.session, 'update', set);
    if (program.mayReplace(statement.or, set)) program.foreignKeys.prepare(compiler.session, 'delete');
  }
  const {width} = target;
  const {spec} = target.source();
  return {
    returning: returning?.outputs ?? [],
    run: (run, outer, or) => {
      const action = or ?? statement.or;
      const steady = !oneByOne && !fires && !program.mayReplace(action);
      let found: (readonly Cell[])[] = [];
      for (const batch of select(run, outer)) for (const row of batch) found.push(row);
      if (statement.source) {
        // of several matches of one row the last one counts, and rows come in the order of the key
        const last = new Map<string, readonly Cell[]>();
        for (const row of found) last.set(toBinary(encodeKey(spec, target.keyOf(row))), row);
        found = [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
      }
      const execution = new ChangeExecution(run, outer);
      let changes = 0;
      try {
        for (const row of found) {
          execution.tick();
          const old = steady ? row.slice(0, width) : target.get(target.keyOf(row));
          if (old === undefined) continue;
          const after = old.slice();
          const given = values ? values(execution, old, old) : row;
          const from = values ? 0 : width;
          for (let i = 0; i < places.length; i++) after[places[i] as number] = given[from + i] as Cell;
          const stored = program.update(run, old, after, set, action);
          if (stored === undefined) continue;
          changes++;
          returning?.add(run, stored);
        }
      } finally {
        run.count(changes);
      }
    },
  };
}

function ofView(compiler: Compiler, place: Place, statement: Update, view: WorkingView): Step {
  const triggers = compiler.triggersOf(view);
  const owner = compiler.ownerOf(view);
  let places: readonly number[] = [];
  const select = compileSelection(compiler, place, statement, view, scope => {
    const {columns, values} = bindAssignments(place.binder, scope, owner, () => false, statement.set);
    places = columns;
    return values;
  });
  const set = owner.columns.map((_, column) => places.includes(column));
  const fired = triggers.insteadOf.update.filter(trigger => trigger.isFor(set));
  if (fired.length === 0) throw viewUnchangeable(statement.table.name);
  const returning = compileReturning(place, owner, statement.table.alias?.text ?? view.name, statement.returning);
  triggers.prepare('update', set);
  const width = owner.columns.length;
  return {
    returning: returning?.outputs ?? [],
    run: (run, outer, or) => {
      for (const batch of [...select(run, outer)]) {
        for (const row of batch) {
          const old = row.slice(0, width);
          const after = old.slice();
          for (const [i, column] of places.entries()) after[column] = row[width + i] as Cell;
          if (triggers.fire(run, fired, after, old, or ?? statement.or)) returning?.add(run, after);
        }
      }
      run.session.changes = 0;
    },
  };
}

function hasQuery(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(hasQuery);
  if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return false;
  return ('kind' in node && node.kind === 'select') || Object.values(node).some(hasQuery);
}
