/**
 * UPDATE of `files`: all new entries are computed of what there was before, then put in their places. Layer: sql.
 */
import {FILES_SPEC, type FileRow, fromRow} from '../../state/files.js';
import type {Cell} from '../../tree/cell.js';
import type {Update} from '../ast.js';
import type {Value} from '../values/value.js';
import {type Assigned, bindAssignments} from './assignments.js';
import type {Compiler, Place, Step} from './compiler.js';
import {moveFiles} from './file-moves.js';
import {FILE_OWNER, FileValues, givenValues, isDerived, NAMED_FILE_OWNER} from './file-values.js';
import {compileReturning} from './returning.js';
import {compileSelection} from './selection.js';

/** Returns the compiled form of an UPDATE of `files`. */
export function compileFileUpdate(compiler: Compiler, place: Place, statement: Update): Step {
  const files = compiler.schemas.main.tree;
  let assigned: Assigned | undefined;
  const select = compileSelection(compiler, place, statement, files, scope => {
    assigned = bindAssignments(place.binder, scope, NAMED_FILE_OWNER, isDerived, statement.set);
    return assigned.values;
  });
  const {columns} = assigned as unknown as Assigned;
  const returning = compileReturning(place, FILE_OWNER, statement.table.alias?.text ?? files.name, statement.returning);
  return {
    returning: returning?.outputs ?? [],
    run: (run, outer, or) => {
      // of several matches of one entry the last one counts, and entries come in the order of the key
      const found = new Map<string, {readonly before: FileRow; readonly given: readonly Cell[]}>();
      for (const batch of select(run, outer)) {
        for (const row of batch) {
          const before = fromRow(row.slice(0, FILES_SPEC.columns));
          found.set(before.path, {before, given: row.slice(FILES_SPEC.columns)});
        }
      }
      const values = new FileValues(run, files);
      let changes = 0;
      try {
        const changed = [...found.values()].map(({before, given}) => {
          return {before, after: values.change(before, givenValues(columns, given as readonly Value[]))};
        });
        for (const {after} of moveFiles(run, changed, or ?? statement.or)) {
          changes++;
          returning?.add(run, files.cellsOf(after));
        }
      } finally {
        run.count(changes);
      }
    },
  };
}
