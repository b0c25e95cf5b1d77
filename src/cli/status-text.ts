/** The changes of a work tree as `status` lists them and the editor shows them. Layer: cli. */
import {parentOf} from '../state/path.js';
import {quotePath} from '../state/quote.js';
import type {ChangeKind} from '../worktree/examine.js';
import type {StatusChange} from '../worktree/status.js';
import {counted} from './move-text.js';
import type {Style} from './style.js';

const LETTERS: Readonly<Record<ChangeKind, string>> = {added: 'A', modified: 'M', deleted: 'D', typechange: 'T'};

function paintOf(change: ChangeKind, style: Style): (text: string) => string {
  return change === 'added' ? style.green : change === 'deleted' ? style.red : style.yellow;
}

/**
 * Yields a line for each change. Of a directory that is new or gone as a whole only its number of entries is told,
 * unless `all` is set.
 */
export function* statusLines(changes: readonly StatusChange[], all: boolean, style: Style): Generator<string> {
  /** Directories that are new or gone, each with the topmost one that it is in. */
  const tops = new Map<string, string>();
  const counts = new Map<string, number>();
  const shown: StatusChange[] = [];
  for (const change of changes) {
    const {path, type} = change;
    const whole = (change.change === 'added' || change.change === 'deleted') && !all;
    // a directory sorts before what is in it
    const top = whole ? tops.get(`${change.change} ${parentOf(path)}`) : undefined;
    if (top === undefined) shown.push(change);
    else counts.set(top, (counts.get(top) ?? 0) + 1);
    if (whole && type === 'dir') tops.set(`${change.change} ${path}`, top ?? path);
  }
  for (const {path, change, type} of shown) {
    const name = quotePath(type === 'dir' ? `${path}/` : path);
    const count = counts.get(path);
    const inside = count === undefined ? '' : style.dim(`  (and ${counted(count, 'entry', 'entries')} in it)`);
    yield `${paintOf(change, style)(LETTERS[change])}  ${name}${inside}`;
  }
}
