/** What a bundle holds: as JSON, and as lines. Layer: cli. */
import {formatId, shortId} from '../objects/id.js';
import {branchRef} from '../repo/refs.js';
import {quotePath} from '../state/quote.js';
import type {BundleManifest} from '../sync/bundle-manifest.js';
import {counted} from './move-text.js';
import {formatBytes} from './progress.js';
import {alignRows} from './table.js';

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
