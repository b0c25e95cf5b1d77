import type {ExecutionContext} from 'ava';
import {LevelStorage} from '../../src/storage/level.js';
import {makeTmpDir} from '../support/tmp.js';
import {type Subject, storageSuite} from './suite.js';

async function open(directory: string, segmentLimit?: number): Promise<Subject> {
  const storage = await LevelStorage.open(directory, {createIfMissing: true, ...(segmentLimit && {segmentLimit})});
  return {
    storage,
    async reopen() {
      await storage.close();
      return open(directory, segmentLimit);
    },
  };
}

async function opened(t: ExecutionContext, segmentLimit?: number): Promise<Subject> {
  const subject = await open(makeTmpDir(t), segmentLimit);
  t.teardown(() => subject.storage.close());
  return subject;
}

storageSuite('level', t => opened(t));
storageSuite('level in small segments', t => opened(t, 400_000));
