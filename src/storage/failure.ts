/**
 * Errors of the disk and of LevelDB as errors that a user can meet: STORE_FULL where there is no room, STORE_CORRUPT
 * where something was read that nobody wrote, STORE_IO for the rest. Layer: storage.
 */
import {DbosError, systemCode} from '../errors.js';

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT']);
// LevelDB reports the system's error only as text.
const NO_ROOM_TEXT = /no space left|disk quota exceeded|not enough space/i;

/** Returns the error for a failed file operation. */
export function fileFailure(error: unknown, path: string): DbosError {
  if (error instanceof DbosError) return error;
  if (NO_ROOM.has(systemCode(error) ?? '')) return full(error, path);
  return broken(error, path);
}

/** Returns the error for a failed LevelDB operation; `directory` is LevelDB's. */
export function indexFailure(error: unknown, directory: string): DbosError {
  if (error instanceof DbosError) return error;
  const root = rootCause(error);
  const text = root instanceof Error ? root.message : String(root);
  if (NO_ROOM.has(systemCode(root) ?? '') || NO_ROOM_TEXT.test(text)) return full(error, directory);
  if (systemCode(root) === 'LEVEL_CORRUPTION' || /^Corruption:/.test(text)) {
    return corrupt(`The index in ${directory} is damaged: ${sentence(text)}`, {path: directory}, error);
  }
  return broken(root, directory);
}

/** Returns a STORE_CORRUPT error; `message` is a sentence that says what does not fit. */
export function corrupt(message: string, data: Readonly<Record<string, unknown>> = {}, cause?: unknown): DbosError {
  return new DbosError('STORE_CORRUPT', message, {hint: 'Run `dbos fsck` to see what is damaged.', data, cause});
}

/** Returns what an error says, to be a part of a sentence: without its full stop. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}

/** Returns the words of the system or of LevelDB with a full stop. */
function sentence(text: string): string {
  return text.replace(/\.?$/, '.');
}

/** Returns the error at the start of a chain of causes. */
export function rootCause(error: unknown): unknown {
  let root = error;
  for (let depth = 0; depth < 10 && root instanceof Error && root.cause !== undefined; depth++) root = root.cause;
  return root;
}

function full(cause: unknown, path: string): DbosError {
  const hint = 'Free some space and run the command again; nothing was changed.';
  return new DbosError('STORE_FULL', `The disk that holds ${path} is full.`, {hint, data: {path}, cause});
}

function broken(cause: unknown, path: string): DbosError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DbosError('STORE_IO', `The store at ${path} cannot be read or written: ${sentence(reason)}`, {
    hint: 'Check the disk and the permissions of the store.',
    data: {path},
    cause,
  });
}
