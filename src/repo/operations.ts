/**
 * The operation log: every change of the store, newest first. Layer: repo.
 */
import {DbosError} from '../errors.js';
import {invalid} from '../objects/codec.js';
import type {ObjectReader} from '../objects/store.js';
import type {Storage} from '../storage/storage.js';
import {readOperationEntry} from './indexes.js';
import {readOperation, type StoredOperation} from './operation.js';
import {ambiguous, findByPrefix} from './prefix.js';

export {readOperation} from './operation.js';

/** What these functions need of a repository. */
interface OperationSource {
  readonly objects: ObjectReader;
  readonly storage: Storage;
  readonly operation: StoredOperation;
}

/** Yields operations from the newest to the first. */
export function* listOperations(repo: OperationSource): Generator<StoredOperation> {
  let operation = repo.operation;
  for (;;) {
    yield operation;
    if (operation.parent === null) return;
    const parent = readOperation(repo.objects, operation.parent);
    if (parent.seq !== operation.seq - 1) throw invalid('is an operation that does not know its place');
    operation = parent;
  }
}

const RELATIVE = /^@(?:~(\d{1,15})?)?$/;

/**
 * Returns the operation that a text names: `@` for the newest, `@~N` for N before it, an id or the start of one. Throws
 * OPERATION_UNKNOWN or REVISION_AMBIGUOUS.
 */
export async function resolveOperation(repo: OperationSource, text: string): Promise<StoredOperation> {
  const relative = RELATIVE.exec(text);
  if (relative) {
    const back = text === '@' ? 0 : Number(relative[1] ?? 1);
    const seq = repo.operation.seq - back;
    if (seq < 0) {
      const count = repo.operation.seq + 1;
      throw unknownOperation(text, `the log has only ${count === 1 ? '1 operation' : `${count} operations`}`);
    }
    return readOperation(repo.objects, readOperationEntry(repo.storage, seq).id);
  }
  const logged: StoredOperation[] = [];
  for (const id of await findByPrefix(repo.storage, text, ['operation'])) {
    const operation = readOperation(repo.objects, id);
    // an operation that was written but never published is none
    if (operation.seq > repo.operation.seq || readOperationEntry(repo.storage, operation.seq).id !== id) continue;
    logged.push(operation);
  }
  if (logged.length > 1) {
    throw ambiguous(
      text,
      'operations',
      logged.map(({id}) => id),
    );
  }
  if (logged[0] === undefined) throw unknownOperation(text, 'no operation has an id that starts so');
  return logged[0];
}

function unknownOperation(text: string, why: string): DbosError {
  return new DbosError('OPERATION_UNKNOWN', `There is no operation '${text}': ${why}.`, {
    hint: 'See `dbos op log` for the operations.',
    data: {operation: text},
  });
}
