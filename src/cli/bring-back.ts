/** What undo, redo and restore tell: what they brought back, and where HEAD is now. Layer: cli. */
import {formatId, shortId} from '../objects/id.js';
import {readCommit} from '../repo/commit.js';
import type {StoredOperation} from '../repo/operation.js';
import {REMOTES} from '../repo/refs.js';
import type {Repository} from '../repo/repository.js';
import type {UndoPlan} from '../repo/undo.js';
import {plainText} from '../state/quote.js';
import type {HeadMove} from '../worktree/follow.js';
import {moveJson} from './move-text.js';
import {operationJson, operationSubject} from './operation-text.js';
import type {Style} from './style.js';
import {relativeTime} from './time.js';

/** Returns what was done with the operation, which `done` says, and where HEAD is. */
export function broughtBackLines(done: string, repository: Repository, {target}: UndoPlan, style: Style): string[] {
  const {branch, commit} = repository.head();
  const when = relativeTime(target.time, repository.context.now());
  const command = plainText(target.command).replaceAll('\n', '\\n');
  const saved = commit !== undefined && readCommit(repository.objects, commit).cause === 'save';
  const kept = saved ? ', the automatic commit of what was saved' : '';
  const at = commit === undefined ? 'has no commits' : `is at ${style.yellow(shortId(commit))}${kept}`;
  return [
    `${done}: ${operationSubject(target)} (${style.yellow(shortId(target.id))}, \`${command}\`, ${when}).`,
    branch === undefined ? `HEAD ${at}; it is on no branch.` : `${style.green(plainText(branch))} ${at}.`,
    // who takes back a push may think that it is gone there
    ...(done === 'Undid' && onlyRemotes(target) ? ['Other stores stay as they are.'] : []),
  ];
}

/** Returns whether all that an operation moved is what was last seen of other stores. */
function onlyRemotes({refChanges}: StoredOperation): boolean {
  return refChanges.length > 0 && refChanges.every(({name}) => name.startsWith(REMOTES));
}

/** Returns it as scripts get it; `name` is the field of the operation that was undone, redone or restored. */
export function broughtBackJson(
  name: string,
  repository: Repository,
  {target}: UndoPlan,
  move: HeadMove,
): Readonly<Record<string, unknown>> {
  const {branch, commit} = repository.head();
  return {
    [name]: operationJson(target),
    operation: formatId(move.operation.id),
    branch: branch ?? null,
    head: commit === undefined ? null : formatId(commit),
    ...moveJson(move),
  };
}
