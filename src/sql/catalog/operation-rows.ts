/**
 * The log of operations as rows, and operations_on(): those that changed a path. Layer: sql.
 */
import {formatId, shortId} from '../../objects/id.js';
import {auditOperations} from '../../repo/audit.js';
import {listOperations} from '../../repo/operations.js';
import {branchRef} from '../../repo/refs.js';
import type {Repository} from '../../repo/repository.js';
import type {HeadTarget} from '../../repo/view.js';
import type {RowSource, TableFunction} from '../source.js';
import type {Value} from '../values/value.js';
import {affectedBy} from './affected.js';
import {integer, text} from './columns.js';
import {constantText} from './function-arguments.js';
import {sqlTime} from './sql-time.js';
import {States} from './states.js';

function headText(head: HeadTarget | null): Value {
  if (head === null) return null;
  return 'branch' in head ? branchRef(head.branch) : formatId(head.detached);
}

/**
 * Returns the table `operations`, the newest first; `target` is the operation that an undo, redo or restore is about, and
 * `affected` JSON: `[{"ref", "table", "added", "modified", "deleted"}]`.
 */
export function operationsSource(repo: Repository): RowSource {
  const columns = [
    integer('seq'),
    text('id'),
    text('short_id'),
    text('time'),
    integer('zone'),
    text('kind'),
    text('description'),
    text('command'),
    text('user'),
    text('host'),
    integer('pid'),
    text('head_before', false),
    text('head_after'),
    text('target', false),
    text('parent_id', false),
    text('view'),
    text('transaction', false),
    text('sql', false),
    text('affected'),
  ];
  const affectedAt = columns.length - 1;
  const states = new States(repo.objects);
  return {
    kind: 'rows',
    name: 'operations',
    columns,
    rows: repo.operation.seq + 1,
    *scan(used) {
      const wantsAffected = used?.[affectedAt] ?? true;
      for (const operation of listOperations(repo)) {
        const {id, seq, time, zone, kind, description, command, user, host, pid, undo, parent, view} = operation;
        yield [
          seq,
          formatId(id),
          shortId(id),
          sqlTime(time),
          zone,
          kind,
          description,
          command,
          user,
          host,
          pid,
          headText(operation.headBefore),
          headText(operation.headAfter),
          undo && formatId(undo.target),
          parent && formatId(parent),
          formatId(view),
          operation.transaction,
          operation.sql,
          wantsAffected ? JSON.stringify(affectedBy(states, operation)) : null,
        ];
      }
    },
  };
}

/** Returns the table `operation_refs`: what each operation changed of the refs. */
export function operationRefsSource(repo: Repository): RowSource {
  return {
    kind: 'rows',
    name: 'operation_refs',
    columns: [integer('seq'), text('operation'), text('ref'), text('before', false), text('after', false)],
    rows: repo.operation.seq + 1,
    *scan() {
      for (const {seq, id, refChanges} of listOperations(repo)) {
        for (const {name, before, after} of refChanges) {
          yield [seq, formatId(id), name, before && formatId(before), after && formatId(after)];
        }
      }
    },
  };
}

const CHANGES_ABOUT = 20;

/** Returns operations_on(path): the operations that changed a file, or a directory with all below it; the newest first. */
export function operationsOnFunction(repo: Repository): TableFunction {
  return {
    name: 'operations_on',
    minArgs: 1,
    maxArgs: 1,
    bind: args => {
      const path = constantText('operations_on', 'path', args[0]).replace(/^\/+|\/+$/g, '');
      return {
        columns: [integer('seq'), text('operation')],
        rows: CHANGES_ABOUT,
        *call() {
          for (const {seq, id} of auditOperations(repo, {path})) yield [seq, formatId(id)];
        },
      };
    },
  };
}
