/**
 * The thread of `Opener`. Layer: sync.
 */
import {parentPort} from 'node:worker_threads';
import {type FromOpener, find, type ToOpener} from './opener.js';

const port = parentPort as NonNullable<typeof parentPort>;

port.on('message', (parcels: ToOpener) => {
  port.postMessage(parcels.map(find) satisfies FromOpener);
});
