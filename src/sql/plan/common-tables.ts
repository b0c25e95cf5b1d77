/**
 * Declares the common tables of WITH: which there are, which are recursive, how often each is read. Layer: sql.
 */
import type {QualifiedName, With} from '../ast.js';
import {sqlError} from '../fault.js';
import type {Binder} from './binder.js';
import {type Arm, armsOf} from './compound-arms.js';
import {fold, type Scope} from './scope.js';

/** Makes the common tables of a WITH clause visible in a scope; `user` is the statement that it belongs to. */
export function declareCommonTables(binder: Binder, scope: Scope, clause: With | undefined, user: object): void {
  if (clause === undefined) return;
  const references = countTables(user);
  for (const table of clause.tables) {
    const name = fold(table.name.text);
    if (scope.commonTables.has(name)) {
      throw sqlError('SQL_MISUSE', `duplicate WITH table name: ${table.name.text}.`, table.name, {
        hint: 'Give each common table a name of its own.',
      });
    }
    const {body} = table.query;
    const recursive = body.kind === 'compound' && armsOf(body).some((arm, index) => index > 0 && names(arm, name));
    scope.commonTables.set(name, {
      name: table.name.text,
      columns: table.columns,
      query: table.query,
      materialized: table.materialized,
      recursive,
      scope,
      shared: undefined,
      references: references.get(name) ?? 0,
      busy: false,
      queue: undefined,
    });
  }
  binder.checkDepth(clause);
}

/** Returns whether an arm reads a table of this name. */
export function names(arm: Arm, name: string): boolean {
  return countTables(arm.body).has(name);
}

/** Returns for each name how often it stands for a table in a part of a syntax tree. */
function countTables(root: unknown): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const pending = [root];
  while (pending.length > 0) {
    const node = pending.pop();
    if (node === null || typeof node !== 'object' || node instanceof Uint8Array) continue;
    const {kind, name} = node as {kind?: string; name?: QualifiedName};
    if (kind === 'table' && name?.schema === undefined) {
      const folded = fold(name?.name?.text ?? '');
      counts.set(folded, (counts.get(folded) ?? 0) + 1);
    }
    for (const value of Object.values(node)) if (typeof value === 'object') pending.push(value);
  }
  return counts;
}
