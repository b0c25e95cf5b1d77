/**
 * DELETE: all rows at once where nothing has to be known of them, else row by row. Layer: sql.
 */
import type {Cell} from '../../tree/cell.js';
import type {Delete} from '../ast.js';
import {viewUnchangeable} from './change-fault.js';
import type {Compiler, Place, Step} from './compiler.js';
import {compileReturning} from './returning.js';
import type {RowOwner} from './row-owner.js';
import {compileSelection} from './selection.js';
import type {WorkingView} from './working-state.js';

/** Returns the compiled form of a DELETE. */
export function compileDelete(compiler: Compiler, place: Place, statement: Delete): Step {
  const target = compiler.target(place, statement.table.name);
  if (target.kind === 'view') return ofView(compiler, place, statement, target);
  const program = compiler.program(target);
  const owner: RowOwner = {name: target.name, columns: program.columns, rowid: program.rowid};
  const select = compileSelection(compiler, place, statement, target, () => []);
  const returning = compileReturning(place, owner, statement.table.alias?.text ?? target.name, statement.returning);
  program.triggers.prepare('delete');
  if (compiler.session.foreignKeys) program.foreignKeys.prepare(compiler.session, 'delete');
  const all = statement.where === undefined && statement.limit === undefined && returning === undefined;
  return {
    returning: returning?.outputs ?? [],
    run: (run, outer) => {
      const plain = program.deletesPlainly(run);
      let changes = 0;
      try {
        if (all && plain) {
          target.noteAll();
          changes = target.rows;
          target.clear();
          return;
        }
        const found: (readonly Cell[])[] = [];
        for (const batch of select(run, outer)) for (const row of batch) found.push(row);
        for (const row of found) {
          const now = plain ? row : target.get(target.keyOf(row));
          if (now === undefined) continue;
          returning?.add(run, now);
          // as in SQLite, what a statement outside says of conflicts does not reach through a DELETE
          if (program.delete(run, now, undefined)) changes++;
          else if (returning) run.returned.pop();
        }
      } finally {
        run.count(changes);
      }
    },
  };
}

function ofView(compiler: Compiler, place: Place, statement: Delete, view: WorkingView): Step {
  const triggers = compiler.triggersOf(view);
  const fired = triggers.insteadOf.delete;
  if (fired.length === 0) throw viewUnchangeable(statement.table.name);
  const owner = compiler.ownerOf(view);
  const select = compileSelection(compiler, place, statement, view, () => []);
  const returning = compileReturning(place, owner, statement.table.alias?.text ?? view.name, statement.returning);
  triggers.prepare('delete');
  return {
    returning: returning?.outputs ?? [],
    run: (run, outer) => {
      for (const batch of [...select(run, outer)]) {
        for (const row of batch) if (triggers.fire(run, fired, undefined, row, undefined)) returning?.add(run, row);
      }
      run.session.changes = 0;
    },
  };
}
