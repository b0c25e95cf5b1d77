/**
 * What people who know git, restic, Dolt or sqlite3 type, and what does that here. It only makes hints of errors better, so
 * nothing here is loaded before a command has failed. Layer: cli.
 */
import {existsSync} from 'node:fs';
import {resolve} from 'node:path';
import {DbosError, isDbosError} from '../errors.js';
import {type ObjectId, shortId} from '../objects/id.js';
import {readCommit} from '../repo/commit.js';
import {didYouMean, nearestNames} from '../repo/nearest.js';
import type {Repository} from '../repo/repository.js';
import {readHeldCommit} from '../repo/shallow.js';
import {quotedName} from '../sql/write/quoted-name.js';
import {quotePath} from '../state/quote.js';
import {readState} from '../state/state.js';
import {readSurface} from './surface.js';

/** Commands, and what does that here. */
const COMMANDS: Readonly<Record<string, string>> = {
  add: 'There is no staging area: `dbos commit` records everything that changed.',
  backup: '`dbos commit` records the work tree.',
  blame:
    '`dbos history PATH` shows who changed a file; `dbos query "SELECT * FROM blame(\'TABLE\')"` the rows of a table.',
  mv: 'Move the files on disk and `dbos commit`, or use `mv` in `dbos shell`.',
  reflog: '`dbos op log` shows all operations, `NAME@{n}` is what a branch held n changes ago.',
  rm: 'Remove the files on disk and `dbos commit`, or use `rm` in `dbos shell`.',
  snapshots: '`dbos log` shows the commits.',
  sql: '`dbos query` runs SQL.',
  stash: '`dbos switch -c NAME` and `dbos commit` keep the changes on a branch.',
};

const KEEP_FILES = '`--keep-files` moves the branch only and leaves the files as they are.';
const NO_STAGING = 'There is no staging area: `dbos diff` shows all that changed since HEAD.';
const ALL_RECORDED = '`dbos commit` records everything that changed, so leave it out.';
const LIST_TAGS = '`dbos tag` alone lists the tags.';
const NAMES = '`--name-status` lists the paths, each with what happened to it.';
const NEW_BRANCH = '`dbos switch -c NAME [REVISION]` makes a branch and switches to it.';
const ONE_BACK = 'Each undo takes back one operation; `dbos op restore OPERATION` goes back to an earlier one.';
const TAKE_SIDE = 'Take a side with `--prefer ours` or `--prefer theirs`.';
const STATUS_JSON = '`dbos status --json` is the form for scripts.';
const WITH_LEASE = '`--force-with-lease` moves a branch back, if it is where this store last saw it.';

/** Flags by the command, and what does that here. */
const FLAGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  branch: {
    '-C': 'Make a branch there with `dbos branch NAME REVISION`.',
    '-c': 'Make a branch there with `dbos branch NAME REVISION`.',
    '--show-current': '`dbos status` begins with the current branch; it is `branch` of `dbos status --json`.',
  },
  checkout: {'-B': NEW_BRANCH, '-b': NEW_BRANCH},
  commit: {
    '-a': ALL_RECORDED,
    '--all': ALL_RECORDED,
    '--no-edit': 'With `--amend` the message stays unless `-m` gives another.',
  },
  diff: {'--cached': NO_STAGING, '--name-only': NAMES, '--staged': NO_STAGING},
  fetch: {
    '--tags': 'Tags that are not here come with every fetch.',
    '-t': 'Tags that are not here come with every fetch.',
  },
  log: {'--name-only': NAMES},
  pull: {
    '--rebase': 'There is no rebase: `dbos pull` merges.',
    '-r': 'There is no rebase: `dbos pull` merges.',
    '-X': TAKE_SIDE,
  },
  merge: {'-X': TAKE_SIDE, '--abort': 'A merge that conflicts has moved nothing: there is nothing to take back.'},
  push: {
    '-f': WITH_LEASE,
    '--force': WITH_LEASE,
    '--follow-tags': 'Name the tags, or push all of them with `--tags`.',
  },
  redo: {'-n': 'Each redo brings back one operation.'},
  reset: {
    '--hard': 'Leave it out: files and tables come along, and `--force` saves what no commit holds.',
    '--mixed': KEEP_FILES,
    '--soft': KEEP_FILES,
  },
  restore: {'--staged': 'There is no staging area: `dbos restore PATH` takes the file from HEAD.'},
  show: {'--name-only': NAMES},
  status: {'-s': STATUS_JSON, '--short': STATUS_JSON, '--porcelain': STATUS_JSON},
  switch: {
    '-C': 'Delete the old branch with `dbos branch -D NAME` first.',
    '-d': '`dbos checkout REVISION` goes to a commit and leaves the branch.',
    '--detach': '`dbos checkout REVISION` goes to a commit and leaves the branch.',
  },
  tag: {
    '-a': 'A tag with a message (`-m`) is annotated.',
    '-n': LIST_TAGS,
  },
  undo: {'-n': ONE_BACK},
};

/** Words behind a command that has commands below it, and what does that here. */
const BELOW: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  remote: {
    'get-url': '`dbos remote show NAME` begins with the URL; `dbos remote -v` lists those of all.',
    mv: '`dbos remote rename OLD NEW` gives a remote another name.',
    prune: '`dbos fetch --prune NAME` forgets the branches that the remote no longer has.',
    remove: '`dbos remote rm NAME` forgets a remote.',
    update: '`dbos fetch --all` fetches from every remote.',
  },
};

/** Returns what does here what a command does elsewhere. */
export function familiarCommand(name: string): string | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
}

/** What failed: the command's id, whether it takes paths behind `--`, and where it ran. */
export interface FailedCommand {
  readonly id: string;
  readonly takesPaths: boolean;
  readonly directory: string;
}

/** Returns a hint for what somebody typed who knows another program, or undefined. */
export function familiarHint(error: unknown, {id, takesPaths, directory}: FailedCommand): string | undefined {
  if (isDbosError(error, 'REVISION_UNKNOWN')) {
    const {revision} = error.data;
    if (typeof revision !== 'string') return undefined;
    return revisionHint(revision, id, takesPaths ? directory : undefined);
  }
  if (!(error instanceof Error) || !('oclif' in error)) return undefined;
  const {flags, args} = error as {flags?: readonly string[]; args?: readonly unknown[]};
  if (flags?.[0] === undefined) {
    if (id === 'undo' && args !== undefined) return ONE_BACK;
    return typeof args?.[0] === 'string' ? belowHint(id, args[0]) : undefined;
  }
  const known = Object.hasOwn(FLAGS, id) ? FLAGS[id] : undefined;
  // `-am` is `-a` and `-m`
  const typed = flags[0].startsWith('--') ? flags[0].replace(/=.*$/s, '') : flags[0].slice(0, 2);
  return known !== undefined && Object.hasOwn(known, typed) ? known[typed] : undefined;
}

/** Returns what may have been meant by a word behind a command that takes none, if it has commands below it. */
function belowHint(id: string, word: string): string | undefined {
  const known = BELOW[id];
  if (known !== undefined && Object.hasOwn(known, word)) return known[word];
  const below = Object.keys(readSurface().commands).filter(each => each.startsWith(`${id}:`));
  const names = below.map(each => each.replaceAll(':', ' '));
  return didYouMean(nearestNames(`${id.replaceAll(':', ' ')} ${word}`, names));
}

function revisionHint(text: string, command: string, directory: string | undefined): string | undefined {
  const count = /^-(\d+)$/.exec(text)?.[1];
  if (count !== undefined && (command === 'log' || command === 'history')) return `Say \`-n ${count}\`.`;
  if (command === 'checkout' && text === '-') return '`dbos switch -` goes back to the branch before.';
  if (directory !== undefined && existsSync(resolve(directory, text))) {
    return `There is a path of that name: write \`--\` before paths, as in \`dbos ${command} -- ${text}\`.`;
  }
  const [, revision, path] = /^([^:]+):([^:]+)$/.exec(text) ?? [];
  if (path === undefined) return undefined;
  return `A file of a commit is shown by \`dbos cat ${path} --at ${revision}\`.`;
}

/**
 * Returns an error for a path or a table that is not there, with another hint if HEAD has a table of the name of the path, or had one
 * of that name.
 */
export function tableInstead(repository: Repository, error: DbosError, command: string): DbosError {
  const hint = isDbosError(error, 'PATH_UNKNOWN') ? pathHint(repository, error, command) : lostHint(repository, error);
  return hint === undefined ? error : new DbosError(error.code, error.message, {hint, data: error.data, cause: error});
}

function pathHint(repository: Repository, {data: {path}}: DbosError, command: string): string | undefined {
  const {commit} = repository.head();
  if (typeof path !== 'string' || commit === undefined) return undefined;
  if (hasTable(repository, commit, path)) {
    const hint = tableHint(path, command);
    return hint && `'${path}' is a table: ${hint}`;
  }
  const lost = command === 'restore' || command === 'checkout' ? lostTable(repository, path) : undefined;
  return lost && `'${path}' was a table: ${bringingBack(path, lost.had)}.`;
}

function lostHint(repository: Repository, {message, hint}: DbosError): string | undefined {
  const name = /^(?:no such table: |There is no table )(.+)\.$/s.exec(message)?.[1];
  if (name === undefined || hint?.startsWith('Did you mean')) return undefined;
  const lost = lostTable(repository, name);
  if (lost === undefined) return undefined;
  const {had, dropped} = lost;
  return `Commit ${shortId(dropped)} dropped it: ${bringingBack(name, had)}, and FROM ${quotedName(name)} AS OF '${shortId(had)}' reads it.`;
}

function bringingBack(table: string, source: ObjectId): string {
  return `\`dbos restore --source ${shortId(source)} --table ${quotePath(table)}\` brings it back`;
}

/** So many commits are looked at for a table that is not there any more. */
const MAX_BACK = 500;

/** Returns the last of HEAD's commits, by first parents, that had a table, and the one after it that has not; undefined if HEAD has it, or none. */
function lostTable(
  repository: Repository,
  table: string,
): {readonly had: ObjectId; readonly dropped: ObjectId} | undefined {
  let {commit} = repository.head();
  let dropped: ObjectId | undefined;
  for (let back = 0; commit !== undefined && back < MAX_BACK; back++) {
    if (hasTable(repository, commit, table)) return dropped && {had: commit, dropped};
    dropped = commit;
    [commit] = readHeldCommit(repository, commit).parents;
  }
  return undefined;
}

function hasTable({objects}: Repository, commit: ObjectId, table: string): boolean {
  return readState(objects, readCommit(objects, commit).state).has(table);
}

/** Returns what a command that takes files has in its place for a table, or undefined. */
function tableHint(table: string, command: string): string | undefined {
  if (command === 'cat') return `\`dbos query "SELECT * FROM ${table}"\` shows its rows.`;
  if (command !== 'restore' && command !== 'checkout') return undefined;
  return `\`dbos restore --source REVISION --table ${table}\` makes it what it was there.`;
}
