/**
 * INSERT, REPLACE and upserts of `files`. A row that replaces one is a new file; an upsert changes the one that is there.
 * Layer: sql.
 */
import type {FileRow} from '../../state/files.js';
import type {Cell} from '../../tree/cell.js';
import type {ConflictAction, Insert, Upsert} from '../ast.js';
import {FILE_COLUMNS} from '../catalog/files-source.js';
import {foldName} from '../catalog/names.js';
import {sqlError} from '../fault.js';
import {bindExpression} from '../plan/bind-expression.js';
import {Scope} from '../plan/scope.js';
import {isTrue} from '../values/convert.js';
import type {Value} from '../values/value.js';
import {bindAssignments} from './assignments.js';
import type {Compiler, Place, Step} from './compiler.js';
import {moveFiles, pathTaken} from './file-moves.js';
import {FILE_OWNER, FileValues, givenValues, isDerived, NAMED_FILE_OWNER} from './file-values.js';
import {sourceOf, targetsOf} from './insert.js';
import {compileReturning} from './returning.js';
import {compileValues, RowNames} from './row-code.js';
import {ChangeExecution, type Run} from './session.js';

/** What ON CONFLICT makes of the entry that is in the way; undefined leaves it as it is. */
type Rule = (run: Run, outer: readonly Cell[], values: FileValues, there: FileRow, row: FileRow) => FileRow | undefined;

/** Returns the compiled form of an INSERT into `files`. */
export function compileFileInsert(compiler: Compiler, place: Place, statement: Insert): Step {
  const files = compiler.schemas.main.tree;
  const all = FILE_COLUMNS.flatMap(({hidden}, column) => (hidden ? [] : [column]));
  const places = statement.columns ? targetsOf(place, NAMED_FILE_OWNER, statement, () => false) : all;
  const source = statement.source && sourceOf(compiler, place, statement, FILE_OWNER, places.length);
  const rule = ruleOf(compiler, place, statement);
  const returning = compileReturning(place, FILE_OWNER, statement.alias?.text ?? files.name, statement.returning);
  return {
    returning: returning?.outputs ?? [],
    run: (run, outer, or) => {
      const action = or ?? statement.or;
      const values = new FileValues(run, files);
      let changes = 0;
      const take = (cells: readonly Cell[]): void => {
        const given = givenValues(places, cells as readonly Value[]);
        const there = run.files.find(values.newPath(given));
        if (there !== undefined && rule === undefined && action === 'ignore') return;
        const made = values.make(given);
        const stored = there === undefined ? made : inTheWay(run, outer, values, there, made, action);
        if (stored === undefined) return;
        if (there === undefined || rule === undefined) run.files.set(stored);
        changes++;
        returning?.add(run, files.cellsOf(stored));
      };
      try {
        if (source === undefined) take([]);
        else for (const batch of source(run, outer)) for (const cells of batch) take(cells);
      } finally {
        run.count(changes);
      }
    },
  };

  function inTheWay(
    run: Run,
    outer: readonly Cell[],
    values: FileValues,
    there: FileRow,
    made: FileRow,
    action: ConflictAction | undefined,
  ): FileRow | undefined {
    if (rule === undefined) {
      if (action === 'replace') return made;
      throw pathTaken(run, made.path, action);
    }
    const after = rule(run, outer, values, there, made);
    if (after !== undefined) moveFiles(run, [{before: there, after}], 'abort');
    return after;
  }
}

function ruleOf(compiler: Compiler, place: Place, statement: Insert): Rule | undefined {
  const {upserts} = statement;
  for (const upsert of upserts) checkTarget(place, upsert);
  // all of them are about the path, so the first one counts
  const [upsert] = upserts;
  if (upsert === undefined) return undefined;
  const {set} = upsert;
  if (set === undefined) return () => undefined;
  const files = compiler.schemas.main.tree;
  const target = new RowNames(statement.alias?.text ?? files.name, FILE_OWNER);
  const excluded = new RowNames('excluded', FILE_OWNER, true);
  const scope = new Scope(place.scope);
  scope.tables.push(target.table, excluded.table);
  const assigned = bindAssignments(place.binder, scope, NAMED_FILE_OWNER, isDerived, set);
  const provided = [...target.provide('row'), ...excluded.provide('other'), ...place.outer];
  const condition = upsert.where && compileValues([bindExpression(place.binder, scope, upsert.where)], provided);
  const compute = compileValues(assigned.values, provided);
  return (run, outer, values, there, row) => {
    const [is, given] = [files.cellsOf(there), files.cellsOf(row)];
    if (condition && !isTrue(condition(new ChangeExecution(run, outer), is, given)[0] ?? null)) return undefined;
    const computed = compute(new ChangeExecution(run, outer), is, given);
    return values.change(there, givenValues(assigned.columns, computed));
  };
}

/** Throws SQL_MISUSE unless a conflict target is the key: the path, or dir and name. */
function checkTarget({binder}: Place, upsert: Upsert): void {
  const names = upsert.target.map(({expr}) => {
    if (expr.kind !== 'column' || expr.table !== undefined) return '';
    binder.onColumn?.(expr.name, FILE_OWNER.name);
    return foldName(expr.name.text);
  });
  if (['', 'path', 'dir,name'].includes(names.sort().join(','))) return;
  throw sqlError(
    'SQL_MISUSE',
    'ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint.',
    upsert.target[0] ?? upsert,
    {hint: 'An entry of files has one path: ON CONFLICT (path).'},
  );
}
