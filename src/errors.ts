/**
 * The errors that a user can meet: each has a stable code, one sentence, a hint and the exit status that its kind
 * stands for. Codes never change their meaning; sentences may. Anything else that is thrown (`TypeError` above all) is
 * a bug. Layer: below every other.
 */

/** Exit statuses of the command line, by what they tell a script. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  conflict: 3,
  notFound: 4,
  locked: 5,
  refused: 6,
  notRun: 126,
  noProgram: 127,
} as const;

/** Every code with its exit status. `docs/errors.md` explains each; a test holds the two against each other. */
export const ERROR_CODES = {
  // store
  STORE_NOT_FOUND: EXIT.failed,
  STORE_EXISTS: EXIT.failed,
  STORE_FORMAT: EXIT.failed,
  STORE_LOCKED: EXIT.locked,
  STORE_CORRUPT: EXIT.failed,
  STORE_FULL: EXIT.failed,
  STORE_IO: EXIT.failed,
  STORE_BARE: EXIT.failed,
  STORE_SHALLOW: EXIT.failed,
  // objects
  OBJECT_MISSING: EXIT.failed,
  OBJECT_CORRUPT: EXIT.failed,
  OBJECT_INVALID: EXIT.failed,
  // revisions, refs, paths
  REVISION_UNKNOWN: EXIT.notFound,
  PARENT_AMBIGUOUS: EXIT.usage,
  REVISION_AMBIGUOUS: EXIT.failed,
  REVISION_INVALID: EXIT.usage,
  TIME_INVALID: EXIT.usage,
  BRANCH_UNKNOWN: EXIT.notFound,
  BRANCH_EXISTS: EXIT.failed,
  BRANCH_CURRENT: EXIT.failed,
  BRANCH_UNMERGED: EXIT.refused,
  TAG_UNKNOWN: EXIT.notFound,
  TAG_EXISTS: EXIT.failed,
  REF_NAME_INVALID: EXIT.usage,
  REF_MOVED: EXIT.conflict,
  PATH_UNKNOWN: EXIT.notFound,
  PATH_INVALID: EXIT.usage,
  PATH_NOT_FILE: EXIT.failed,
  PATH_NOT_DIRECTORY: EXIT.failed,
  PATH_EXISTS: EXIT.failed,
  DIRECTORY_NOT_EMPTY: EXIT.refused,
  OPERATION_UNKNOWN: EXIT.notFound,
  NOTHING_TO_UNDO: EXIT.failed,
  NOTHING_TO_REDO: EXIT.failed,
  NO_COMMITS: EXIT.notFound,
  HISTORY_UNRELATED: EXIT.failed,
  // other stores
  REMOTE_UNKNOWN: EXIT.notFound,
  REMOTE_EXISTS: EXIT.failed,
  REMOTE_URL_INVALID: EXIT.usage,
  REMOTE_REF_UNKNOWN: EXIT.notFound,
  UPSTREAM_MISSING: EXIT.notFound,
  NOT_FAST_FORWARD: EXIT.refused,
  TRANSFER_INVALID: EXIT.failed,
  CONNECTION_FAILED: EXIT.failed,
  CONNECTION_BROKEN: EXIT.failed,
  REMOTE_BUSY: EXIT.failed,
  REMOTE_FAILED: EXIT.failed,
  REQUEST_TOO_LARGE: EXIT.failed,
  SERVER_FAILED: EXIT.failed,
  BUNDLE_INVALID: EXIT.failed,
  BUNDLE_EMPTY: EXIT.failed,
  BUNDLE_PREREQUISITE: EXIT.failed,
  // access to other stores
  REMOTE_URL_SECRET: EXIT.usage,
  TOKEN_REQUIRED: EXIT.failed,
  TOKEN_INVALID: EXIT.failed,
  TOKEN_UNKNOWN: EXIT.notFound,
  TOKEN_EXISTS: EXIT.failed,
  ACCESS_DENIED: EXIT.failed,
  LOGIN_UNKNOWN: EXIT.notFound,
  // transactions
  TRANSACTION_CONFLICT: EXIT.conflict,
  TRANSACTION_UNKNOWN: EXIT.notFound,
  SAVEPOINT_UNKNOWN: EXIT.notFound,
  // work tree
  WOULD_OVERWRITE: EXIT.refused,
  FILE_UNREADABLE: EXIT.failed,
  FILE_CHANGING: EXIT.failed,
  FILE_UNWRITABLE: EXIT.failed,
  NAME_UNSAFE: EXIT.failed,
  // tables and values
  ROW_UNKNOWN: EXIT.notFound,
  ROW_INVALID: EXIT.failed,
  CONSTRAINT_FAILED: EXIT.failed,
  VALUE_TOO_LARGE: EXIT.failed,
  IMPORT_INVALID: EXIT.failed,
  // queries
  SQL_SYNTAX: EXIT.failed,
  SQL_NAME_AMBIGUOUS: EXIT.failed,
  SQL_MISUSE: EXIT.failed,
  SQL_LIMIT: EXIT.failed,
  SQL_VALUE: EXIT.failed,
  SQL_PARAMETER: EXIT.usage,
  SQL_UNSUPPORTED: EXIT.failed,
  SQL_TIMEOUT: EXIT.failed,
  TABLE_UNKNOWN: EXIT.notFound,
  TRIGGER_UNKNOWN: EXIT.notFound,
  INDEX_UNKNOWN: EXIT.notFound,
  TRIGGER_EXISTS: EXIT.failed,
  INDEX_EXISTS: EXIT.failed,
  TABLE_EXISTS: EXIT.failed,
  COLUMN_UNKNOWN: EXIT.failed,
  FUNCTION_UNKNOWN: EXIT.failed,
  NAME_RESERVED: EXIT.failed,
  // settings and usage
  CONFIG_UNKNOWN: EXIT.notFound,
  CONFIG_INVALID: EXIT.usage,
  IDENTITY_INVALID: EXIT.usage,
  MESSAGE_MISSING: EXIT.usage,
  EDITOR_FAILED: EXIT.failed,
  PROGRAM_UNKNOWN: EXIT.noProgram,
  PROGRAM_FAILED: EXIT.notRun,
  SHELL_SYNTAX: EXIT.usage,
  READ_ONLY: EXIT.failed,
  USAGE: EXIT.usage,
  INTERRUPTED: EXIT.failed,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetails {
  /** What the user can do now; one sentence. */
  readonly hint?: string;
  /** Facts for programs: paths, ids, names. Must survive `JSON.stringify`. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An error that a user can meet. `message` is one sentence without a trailing newline. */
export class DbosError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : {cause: details.cause});
    this.name = 'DbosError';
    this.code = code;
    this.hint = details.hint;
    this.data = details.data ?? {};
  }

  /** Returns the exit status of the command line for this error. */
  get exitStatus(): number {
    return ERROR_CODES[this.code];
  }
}

/** Returns whether `error` is a `DbosError` (with the given code, when one is given). */
export function isDbosError(error: unknown, code?: ErrorCode): error is DbosError {
  return error instanceof DbosError && (code === undefined || error.code === code);
}

/** Returns the system's code of an error (`ENOENT`, `ENOSPC`, …), or undefined if it is not a system error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const {code} = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : undefined;
}
