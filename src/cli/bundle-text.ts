/** Where a bundle is, and what it holds: as JSON, and as lines. Layer: cli. */
import {tmpdir} from 'node:os';
import {resolve} from 'node:path';
import {formatId, shortId} from '../objects/id.js';
import {findStore, hasStore} from '../repo/location.js';
import {branchRef} from '../repo/refs.js';
import {Input, type InputSource} from '../sql/transfer/input.js';
import {quotePath} from '../state/quote.js';
import type {BundleManifest} from '../sync/bundle-manifest.js';
import {counted} from './move-text.js';
import {formatBytes} from './progress.js';
import {alignRows} from './table.js';

/** What stands for standard input, or output, in place of a file. */
export const STREAM = '-';

/**
 * Returns where a bundle is read that was typed in a directory. What comes through a pipe is copied into the folder of the store
 * that there is, so that it is the disk of the store that has to hold it.
 */
export function bundleSource(directory: string, typed: string): InputSource {
  const temporary = hasStore(directory) ? findStore(directory).store : tmpdir();
  if (typed === STREAM) return {path: undefined, name: 'stdin', temporary};
  return {path: resolve(directory, typed), name: typed, temporary};
}

/**
 * Returns what comes through stdin if that was typed, all of it; nobody should have to wait for it, so that is before the store
 * is opened. The copy has no name and goes with the process. Throws FILE_UNREADABLE, and STORE_FULL.
 */
export function streamed(directory: string, typed: string | undefined): Input | undefined {
  return typed === STREAM ? Input.open(bundleSource(directory, STREAM)) : undefined;
}

/** Returns a bundle as scripts get it; `size` is that of the file. */
export function bundleJson(
  {head, refs, prerequisites, objects}: BundleManifest,
  size: number,
): Readonly<Record<string, unknown>> {
  return {
    head: head ?? null,
    refs: Array.from(refs, ([ref, id]) => ({ref, id: formatId(id)})),
    prerequisites: prerequisites.map(id => formatId(id)),
    objects,
    size,
  };
}

/** Returns a line for each ref, and for each commit that whoever takes it in must have. */
export function bundleLines({head, refs, prerequisites}: BundleManifest): string[] {
  const current = head === undefined ? undefined : branchRef(head);
  return alignRows([
    ...Array.from(refs, ([ref, id]) => [quotePath(ref), shortId(id), ...(ref === current ? ['HEAD'] : [])]),
    ...prerequisites.map(id => ['needs', shortId(id)]),
  ]);
}

/** Returns how much there is in a bundle. */
export function bundleSize({objects}: BundleManifest, size: number): string {
  return `${counted(objects, 'object')}, ${formatBytes(size)}`;
}
