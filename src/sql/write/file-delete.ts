/**
 * DELETE of `files`. Whether a directory is left that is none any more is seen when the statement is done. Layer: sql.
 */
import {FILES_SPEC, fromRow} from '../../state/files.js';
import type {Cell} from '../../tree/cell.js';
import type {Delete} from '../ast.js';
import type {Compiler, Place, Step} from './compiler.js';
import {FILE_OWNER} from './file-values.js';
import {compileReturning} from './returning.js';
import {compileSelection} from './selection.js';

/** Returns the compiled form of a DELETE of `files`. */
export function compileFileDelete(compiler: Compiler, place: Place, statement: Delete): Step {
  const files = compiler.schemas.main.tree;
  const select = compileSelection(compiler, place, statement, files, () => []);
  const returning = compileReturning(place, FILE_OWNER, statement.table.alias?.text ?? files.name, statement.returning);
  return {
    returning: returning?.outputs ?? [],
    run: (run, outer) => {
      const found: (readonly Cell[])[] = [];
      for (const batch of select(run, outer)) for (const row of batch) found.push(row);
      for (const row of found) {
        const file = fromRow(row.slice(0, FILES_SPEC.columns));
        returning?.add(run, files.cellsOf(file));
        run.files.remove(file.path);
      }
      run.count(found.length);
    },
  };
}
