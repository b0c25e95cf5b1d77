/**
 * The thread of `LookAhead`. Layer: worktree.
 */
import {workerData} from 'node:worker_threads';
import {joinPath} from '../state/path.js';
import {fsPath} from './fspath.js';
import {LINKED, modeOf} from './listing.js';
import {decodeListing} from './listingbytes.js';
import {type Look, lookerFor} from './look.js';
import {LOOK_NUMBERS, type LookAheadData, NOT_SEEN, SAME} from './lookahead.js';

const {root, bytes, looks, places} = workerData as LookAheadData;

const looker = lookerFor(root);

function look(path: string): Look | undefined {
  try {
    return looker(fsPath(root, path));
  } catch {
    return undefined;
  }
}

function work(): void {
  const listing = decodeListing(Buffer.from(bytes));
  const numbers = new Float64Array(looks);
  const at = new Int32Array(places);
  for (let dir = listing.dirCount - 1; dir >= 0; dir--) {
    const path = listing.dirPaths[dir] as string;
    const first = listing.dirFirst[dir] as number;
    for (let entry = (listing.dirFirst[dir + 1] as number) - 1; entry >= first; entry--) {
      if (entry <= Atomics.load(at, 1)) return;
      const stat = look(joinPath(path, listing.names[entry] as string));
      const i = entry * LOOK_NUMBERS;
      numbers[i + 2] = NOT_SEEN;
      if (stat !== undefined && listing.matches(entry, stat) && (modeOf(stat) & LINKED) === 0) numbers[i + 2] = SAME;
      else if (stat !== undefined) {
        numbers[i] = stat.mode;
        numbers[i + 1] = stat.nlink;
        numbers[i + 2] = stat.size;
        numbers[i + 3] = stat.mtimeMs;
        numbers[i + 4] = stat.ctimeMs;
        numbers[i + 5] = stat.ino;
        numbers[i + 6] = stat.dev;
      }
      // what was written before is seen by whoever sees this
      Atomics.store(at, 0, entry);
    }
  }
}

work();
