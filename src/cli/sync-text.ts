/** What a transfer between stores did: as JSON, and as lines. Layer: cli. */
import {formatId, shortId} from '../objects/id.js';
import {shortName} from '../repo/refs.js';
import {plainText, quotePath} from '../state/quote.js';
import type {RefUpdate, Transferred} from '../sync/fetch.js';
import type {PreviewedUpdate} from '../sync/push.js';
import type {Tracking} from '../sync/tracking.js';
import {counted} from './move-text.js';
import {formatBytes, formatCount} from './progress.js';

/** Returns the refs that moved, as scripts get them. */
export function updatesJson(updates: readonly RefUpdate[]): readonly Readonly<Record<string, unknown>>[] {
  return updates.map(({ref, before, after}) => ({
    ref,
    before: before && formatId(before),
    after: after && formatId(after),
  }));
}

/** Returns a line for each ref that moved. */
export function updateLines(updates: readonly RefUpdate[]): string[] {
  return updates.map(({ref, before, after}) => {
    const name = quotePath(shortName(ref));
    if (after === null) return `${name}  deleted`;
    return before === null ? `${name}  new, ${shortId(after)}` : `${name}  ${shortId(before)} → ${shortId(after)}`;
  });
}

/** Returns a line for each ref that a push would move, and for each that it would not with the reason. */
export function previewLines(updates: readonly PreviewedUpdate[]): string[] {
  return updateLines(updates).map((line, i) => {
    const {refusal} = updates[i] as PreviewedUpdate;
    if (refusal === undefined) return line;
    // what is not there cannot be deleted: the line has nothing to say but why
    const {ref, before, after} = updates[i] as PreviewedUpdate;
    const what = before === after ? quotePath(shortName(ref)) : line;
    return `${what}  refused: ${plainText(refusal.message.replace(/\.$/, ''))}`;
  });
}

/** Returns them as scripts get them. */
export function previewJson(updates: readonly PreviewedUpdate[]): readonly Readonly<Record<string, unknown>>[] {
  return updatesJson(updates).map((update, i) => ({...update, refused: updates[i]?.refusal?.code ?? null}));
}

/** Returns how a branch stands to what it follows: `origin/main, 2 ahead`. */
export function trackingText({upstream, ahead, behind}: Tracking): string {
  const name = quotePath(upstream);
  if (ahead === null || behind === null) return `${name}, which is gone`;
  const parts = [
    ...(ahead > 0 ? [`${formatCount(ahead)} ahead`] : []),
    ...(behind > 0 ? [`${formatCount(behind)} behind`] : []),
  ];
  return [name, ...parts].join(', ');
}

/** Returns how much travelled. */
export function transferText({objects, bytes}: Transferred): string {
  return `${counted(objects, 'object')}, ${formatBytes(bytes)}`;
}
