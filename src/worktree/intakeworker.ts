/**
 * The worker thread of `Intake`: reads, cuts and hashes files, then packs the chunks that it is told are needed. It reads
 * on while the question about the last batch is out. Layer: worktree.
 */
import {parentPort, workerData} from 'node:worker_threads';
import {asBuffer} from '../bytes.js';
import {BodyPacker} from '../tree/bodies.js';
import {type FileOutcome, FileSource} from './filesource.js';
import type {FromWorker, ToWorker} from './intake.js';

const port = parentPort as NonNullable<typeof parentPort>;
const {compress} = workerData as {compress: boolean};

/** Batches that may wait for an answer. */
const AHEAD = 2;
/** Fewer files than this in hand, and more are asked for. */
const LOW = 512;

const packer = new BodyPacker(AHEAD);
/** Files to read: the number and the path of each. */
let files: {readonly number: number; readonly path: string | Uint8Array}[] = [];
let at = 0;
/** Whether more was asked for since the last load came. */
let asked = true;
/** Files whose bodies are not yet sent. */
let open: {readonly number: number; readonly source: FileSource}[] = [];

const sources: Iterator<FileSource, unknown, undefined> = {
  next: () => {
    const file = files[at];
    if (file === undefined) return {done: true, value: undefined};
    at++;
    const {number, path} = file;
    const source = new FileSource(typeof path === 'string' ? path : asBuffer(path));
    open.push({number, source});
    return {done: false, value: source};
  },
};

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function work(): void {
  while (packer.canFill || !compress) {
    const batch = packer.fill(sources);
    if (!asked && files.length - at < LOW) {
      asked = true;
      send({kind: 'hungry'});
    }
    if (batch === undefined) return;
    const done = open.slice(0, batch.bodies.length);
    open = open.slice(batch.bodies.length);
    const outcomes = done.map(({source}) => source.outcome as FileOutcome);
    send({kind: 'batch', batch, numbers: done.map(({number}) => number), outcomes});
  }
}

port.on('message', (message: ToWorker) => {
  if (message.kind === 'files') {
    const {numbers, paths} = message;
    files = files.slice(at);
    at = 0;
    for (let i = 0; i < paths.length; i++) files.push({number: numbers[i] as number, path: paths[i] as string});
    asked = false;
  } else {
    const frames = packer.pack(Array.from(message.needed, Boolean));
    send(
      {kind: 'frames', frames},
      frames.map(frame => frame.stored.buffer as ArrayBuffer),
    );
  }
  work();
});
