/**
 * The worker thread of `Outtake`: reads chunks from the value log, checks them, and writes files. Layer: worktree.
 */
import {parentPort, workerData} from 'node:worker_threads';
import {isDbosError, systemCode} from '../errors.js';
import {idOf} from '../objects/id.js';
import {corrupt} from '../objects/store.js';
import {diskFiles} from '../storage/files.js';
import {LogReader} from '../storage/logreader.js';
import {checkedSize, type FromWriter, type ToWriter} from './outtake.js';
import {type ChunkTask, type Written, writeFile} from './writefile.js';
import {answerOf, filesOf} from './writeload.js';
import {loadXattrs} from './xattr.js';

const port = parentPort as NonNullable<typeof parentPort>;
const {logDirectory} = workerData as {logDirectory: string};
// what stays in a cache for long is freed late, and this thread needs each frame once
const log = new LogReader(logDirectory, diskFiles, 0);

function read(chunk: ChunkTask): Uint8Array {
  const {location, id} = chunk;
  if (location === undefined) return chunk.bytes as Uint8Array;
  const bytes = log.read(location, true);
  if (idOf(bytes) !== id) throw corrupt(id);
  return checkedSize(bytes, chunk);
}

async function write(load: ToWriter): Promise<FromWriter> {
  if (load.xattrs.size > 0) await loadXattrs();
  const results: (Written | string)[] = [];
  for (const task of filesOf(load)) {
    try {
      results.push(writeFile(task, read));
    } catch (error) {
      if (isDbosError(error)) {
        const {code, message, hint, data} = error;
        return {kind: 'failed', code, message, hint, data};
      }
      const code = systemCode(error);
      if (code === undefined) throw error;
      results.push(code);
    }
  }
  return {kind: 'written', answer: answerOf(results)};
}

// one load at a time: the answers must come in the order of the loads
let last: Promise<void> = Promise.resolve();
port.on('message', (load: ToWriter) => {
  last = last.then(async () => port.postMessage(await write(load)));
});
