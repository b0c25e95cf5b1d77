/**
 * A process that works on a store, for the tests of locks and of kills: `hold` opens it and waits, `write` commits
 * without end and prints the number of each commit, `count` opens it, adds one to a counter, and closes it, several times.
 */
import {LevelStorage} from '../../src/storage/level.js';
import {commitNumber, stageNumbered} from './numbered.js';

const [mode, directory = '', times = '1'] = process.argv.slice(2);
const options = {createIfMissing: false, holder: `child ${mode}`};

if (mode === 'hold') {
  await LevelStorage.open(directory, options);
  console.log('open');
  setInterval(() => undefined, 1000);
} else if (mode === 'write') {
  const storage = await LevelStorage.open(directory, {...options, segmentLimit: 500_000});
  for (let number = commitNumber(storage) + 1; ; number++) {
    const writer = storage.writer();
    stageNumbered(writer, number);
    await writer.commit();
    console.log(number);
  }
} else {
  for (let i = 0; i < Number(times); i++) {
    const storage = await LevelStorage.open(directory, options);
    const writer = storage.writer();
    writer.put('number', Buffer.from(`${commitNumber(storage) + 1}`));
    await writer.commit();
    await storage.close();
  }
}
