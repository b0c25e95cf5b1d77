/**
 * The library: opening a store, reading its states, recording and moving a work tree. It reads no environment and prints
 * nothing; what it needs from outside comes in a `RepoContext`.
 */
export {DbosError, ERROR_CODES, type ErrorCode, EXIT, isDbosError} from './errors.js';
export {formatId, type ObjectId, parseId, shortId} from './objects/id.js';
export {createBranch, deleteBranch, listBranches, moveBranch, renameBranch} from './repo/branches.js';
export {type Commit, readCommit} from './repo/commit.js';
export type {Identity, RepoContext} from './repo/context.js';
export type {Problem} from './repo/fsck.js';
export {type HistoryEntry, isAncestor, mergeBases, walk} from './repo/history.js';
export {findStore, type StoreLocation} from './repo/location.js';
export {
  type BeginOptions,
  beginTransaction,
  enterTransaction,
  listOpenTransactions,
  type NamedTransaction,
  resolveTransaction,
  rollbackTransaction,
} from './repo/opentransactions.js';
export {listOperations, readOperation, resolveOperation} from './repo/operations.js';
export {pathHistory} from './repo/pathhistory.js';
export {Repository} from './repo/repository.js';
export {parseTime, refAt, refHistory, resolveRange, resolveRevision} from './repo/revisions.js';
export {createTag, deleteTag, listTags} from './repo/tags.js';
export {type CommittedTransaction, commitTransaction} from './sql/commit-transaction.js';
export {fsck} from './sql/fsck.js';
export {Database, type Parameters, type RunOptions, Statement} from './sql/query.js';
export {databaseOf, type PlainValue, type QueryOptions} from './sql/repository-query.js';
export {type FileEditOptions, FileEdits, type FileOwner} from './state/file-edits.js';
export {diffFiles, type FileChange, type FileRow, findFile, scanFiles} from './state/files.js';
export {allRefs, type BundleRequest, type CreatedBundle, createBundle, refsNamed} from './sync/bundle-create.js';
export {type Cloned, type CloneOptions, cloneStore} from './sync/clone.js';
export {bringInCommit, type PullOptions} from './sync/pull.js';
export {addRemote, listRemotes, removeRemote, renameRemote, setRemoteUrl} from './sync/remotes.js';
export type {
  RemoteFetched,
  RemotePulled,
  RemotePullOptions,
  RemotePushed,
  RemotePushOptions,
  RemotePushPreview,
} from './sync/repository-sync.js';

import './sync/repository-sync.js';

export {type Server, type ServerLimits, type ServerOptions, startServer} from './sync/server/http-server.js';
export {createToken, readTokens, revokeToken} from './sync/tokens.js';
export {readContent, readRange, readWhole} from './tree/content.js';
export {type PickOptions, pickCommit, revertCommit} from './worktree/pick.js';
export {type Reset, type ResetOptions, resetHead} from './worktree/reset.js';
export {type RestoreTablesOptions, restoreTables} from './worktree/restore-tables.js';
export {TransactionScope, type TransactOptions} from './worktree/transact.js';
