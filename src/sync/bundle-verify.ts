/**
 * Verifies a bundle: finds whatever a fetch from it would find, and takes nothing in. Layer: sync.
 */
import {DbosError, isDbosError} from '../errors.js';
import {formatId, shortId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import type {HistorySource} from '../repo/shallow.js';
import {Pace, type PaceOptions} from '../sql/transfer/pace.js';
import type {BundleFile} from './bundle-file.js';
import {BundleObjects} from './bundle-objects.js';
import {invalidBundle} from './car.js';
import {checkCommits, checkLinks} from './receiver.js';

/** Throws BUNDLE_PREREQUISITE, with their ids in `data.commits`, unless a store has all prerequisites. */
export function requirePrerequisites({name, manifest}: BundleFile, own: ObjectReader): void {
  const missing = manifest.prerequisites.filter(id => !own.has(id));
  const [first] = missing;
  if (first === undefined) return;
  const named =
    missing.length === 1 ? `commit ${shortId(first)}` : `${missing.length} commits, ${shortId(first)} first`;
  throw new DbosError('BUNDLE_PREREQUISITE', `'${name}' goes on from ${named}, which this store does not have.`, {
    hint: 'Fetch from the bundle before it, or make one without --since.',
    data: {commits: missing.map(id => formatId(id))},
  });
}

/**
 * Reads all of a bundle, given the store that it is meant for, if there is one. Returns whether all of it could be checked: what
 * goes on from commits that are nowhere here cannot. Throws BUNDLE_INVALID, and BUNDLE_PREREQUISITE for a bundle that is whole
 * and does not fit the store.
 */
export async function verifyBundle(
  file: BundleFile,
  own: HistorySource | undefined,
  options: PaceOptions = {},
): Promise<{readonly complete: boolean}> {
  const {manifest, name} = file;
  const {prerequisites} = manifest;
  const pace = new Pace(options);
  const complete = prerequisites.every(id => own?.objects.has(id));
  // without prerequisites it must be whole by itself
  const objects = new BundleObjects(file, prerequisites.length > 0 ? own?.objects : undefined);
  let done = 0;
  let bytes = 0;
  try {
    for (const block of file.objects()) {
      if (complete && block.codec !== 'raw') checkLinks(objects, block.bytes);
      objects.add(block);
      bytes += block.bytes.length;
      await pace.step({label: 'Reading objects', done: ++done, total: manifest.objects, bytes});
    }
    if (complete) {
      const refs = Array.from(manifest.refs, ([ref, id]) => ({ref, id}));
      await checkCommits(objects.over(own), {refs, exclude: prerequisites}, () => pace.step({label: 'Checking', done}));
    }
  } catch (error) {
    if (!isDbosError(error, 'TRANSFER_INVALID')) throw error;
    const {problem = error.message} = error.data;
    throw invalidBundle(name, `${problem}`.replace(/\.$/, ''), error);
  }
  if (own !== undefined) requirePrerequisites(file, own.objects);
  return {complete};
}
