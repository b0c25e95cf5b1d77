/**
 * The anomalies of Hermitage (github.com/ept/hermitage), each with real processes: every step is a run of the program, inside the
 * transaction that it belongs to. docs/transactions.md has the table of what each level allows.
 */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import test, {type ExecutionContext} from 'ava';
import {UNCOVERED} from '../support/coverage.js';
import {environment, PROGRAM} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

type Level = 'snapshot' | 'serializable';

/** A store with `test(id, value)`, in which 1 has 10 and 2 has 20. */
class Bench {
  private constructor(private readonly directory: string) {}

  static async make(t: ExecutionContext): Promise<Bench> {
    const bench = new Bench(makeTmpDir(t));
    await bench.run('init', '--quiet');
    await bench.run(
      'query',
      'CREATE TABLE test(id INTEGER PRIMARY KEY, value); INSERT INTO test VALUES (1, 10), (2, 20)',
    );
    return bench;
  }

  async try(...args: string[]): Promise<{status: number; stdout: string; stderr: string}> {
    const child = spawn(process.execPath, [PROGRAM, ...args], {cwd: this.directory, env: environment(UNCOVERED)});
    const [stdout, stderr] = [child.stdout, child.stderr].map(stream => {
      const parts: Buffer[] = [];
      stream.on('data', part => parts.push(part));
      return () => Buffer.concat(parts).toString();
    }) as [() => string, () => string];
    const [status] = (await once(child, 'close')) as [number];
    return {status, stdout: stdout(), stderr: stderr()};
  }

  async run(...args: string[]): Promise<string> {
    const {status, stdout, stderr} = await this.try(...args);
    if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async begin(level: Level = 'snapshot'): Promise<Session> {
    const {id} = JSON.parse(await this.run('begin', '--json', '--isolation', level)) as {id: string};
    return new Session(this, id);
  }

  /** The rows as everybody sees them. */
  rows(): Promise<string> {
    return this.run('query', 'SELECT id, value FROM test ORDER BY id', '--format', 'csv', '--no-header');
  }
}

/** A transaction. */
class Session {
  constructor(
    private readonly bench: Bench,
    private readonly id: string,
  ) {}

  async sql(text: string): Promise<string> {
    return (await this.bench.run('query', text, '--txn', this.id, '--format', 'csv', '--no-header')).trim();
  }

  value(id: number): Promise<string> {
    return this.sql(`SELECT value FROM test WHERE id = ${id}`);
  }

  set(id: number, value: number): Promise<string> {
    return this.sql(`UPDATE test SET value = ${value} WHERE id = ${id}`);
  }

  /** Returns whether it was committed; if not, it was a conflict. */
  async commit(): Promise<boolean> {
    const {status, stderr} = await this.bench.try('commit', '--txn', this.id);
    if (status !== 0 && !(status === 3 && stderr.includes('TRANSACTION_CONFLICT'))) throw new Error(stderr);
    return status === 0;
  }

  abort(): Promise<string> {
    return this.bench.run('rollback', '--txn', this.id);
  }
}

test('G0, dirty write: of two that write the same rows one is committed, whole', async t => {
  const bench = await Bench.make(t);
  const [one, two] = [await bench.begin(), await bench.begin()];
  await one.set(1, 11);
  await two.set(1, 12);
  await one.set(2, 21);
  t.true(await one.commit());
  await two.set(2, 22);
  t.false(await two.commit());
  t.is(await bench.rows(), '1,11\n2,21\n');
});

test('G1a, aborted read: what is rolled back is seen by nobody', async t => {
  const bench = await Bench.make(t);
  const [one, two] = [await bench.begin(), await bench.begin()];
  await one.set(1, 101);
  t.is(await two.value(1), '10');
  await one.abort();
  t.is(await two.value(1), '10');
  t.true(await two.commit());
  t.is(await bench.rows(), '1,10\n2,20\n');
});

test('G1b, intermediate read: what is written over is seen by nobody', async t => {
  const bench = await Bench.make(t);
  const [one, two] = [await bench.begin(), await bench.begin()];
  await one.set(1, 101);
  t.is(await two.value(1), '10');
  await one.set(1, 11);
  t.true(await one.commit());
  t.is(await two.value(1), '10');
  t.true(await two.commit());
});

test('G1c, circular information flow: none of two sees what the other writes', async t => {
  const bench = await Bench.make(t);
  const [one, two] = [await bench.begin(), await bench.begin()];
  await one.set(1, 11);
  await two.set(2, 22);
  t.is(await one.value(2), '20');
  t.is(await two.value(1), '10');
  t.true(await one.commit());
  t.true(await two.commit());
  t.is(await bench.rows(), '1,11\n2,22\n');
});

test('OTV, observed transaction vanishes: a third sees all of one and nothing of the other', async t => {
  const bench = await Bench.make(t);
  const [one, two] = [await bench.begin(), await bench.begin()];
  await one.set(1, 11);
  await one.set(2, 19);
  await two.set(1, 12);
  t.true(await one.commit());
  const three = await bench.begin();
  t.is(await three.value(1), '11');
  await two.set(2, 18);
  t.is(await three.value(2), '19');
  t.false(await two.commit());
  t.is(await three.value(2), '19');
  t.is(await three.value(1), '11');
});

test('PMP, predicate-many-preceders: a condition finds the same rows again', async t => {
  const bench = await Bench.make(t);
  const [one, two] = [await bench.begin(), await bench.begin()];
  t.is(await one.sql('SELECT * FROM test WHERE value = 30'), '');
  await two.sql('INSERT INTO test VALUES (3, 30)');
  t.true(await two.commit());
  t.is(await one.sql('SELECT * FROM test WHERE value % 3 = 0'), '');
});

test('PMP with writes: what a condition finds, and another has changed meanwhile, is a conflict', async t => {
  const bench = await Bench.make(t);
  const [one, two] = [await bench.begin(), await bench.begin()];
  await one.sql('UPDATE test SET value = value + 10');
  await two.sql('DELETE FROM test WHERE value = 20');
  t.true(await one.commit());
  t.false(await two.commit());
  t.is(await bench.rows(), '1,20\n2,30\n');
});

test('P4, lost update: two that read a value and write it never both win, though they write the same', async t => {
  const bench = await Bench.make(t);
  const [one, two] = [await bench.begin(), await bench.begin()];
  t.is(await one.value(1), '10');
  t.is(await two.value(1), '10');
  await one.set(1, 11);
  await two.set(1, 11);
  t.true(await one.commit());
  t.false(await two.commit());
});

test('G-single, read skew: two rows are read as of one moment', async t => {
  const bench = await Bench.make(t);
  const [one, two, three] = [await bench.begin(), await bench.begin(), await bench.begin()];
  t.is(await one.value(1), '10');
  await two.set(1, 12);
  await two.set(2, 18);
  t.true(await two.commit());
  t.is(await one.value(2), '20');
  t.true(await one.commit());
  // what was read is written then
  await three.sql('DELETE FROM test WHERE value = 20');
  t.false(await three.commit());
});

for (const level of ['snapshot', 'serializable'] as const) {
  const allowed = level === 'snapshot';

  test(`G2-item, write skew: ${level} ${allowed ? 'allows' : 'prevents'} it`, async t => {
    const bench = await Bench.make(t);
    const [one, two] = [await bench.begin(level), await bench.begin(level)];
    for (const each of [one, two]) t.is(await each.sql('SELECT * FROM test WHERE id IN (1, 2)'), '1,10\n2,20');
    await one.set(1, 11);
    await two.set(2, 21);
    t.true(await one.commit());
    t.is(await two.commit(), allowed);
    t.is(await bench.rows(), allowed ? '1,11\n2,21\n' : '1,11\n2,20\n');
  });

  test(`G2, anti-dependency cycle: ${level} ${allowed ? 'allows' : 'prevents'} it`, async t => {
    const bench = await Bench.make(t);
    const [one, two] = [await bench.begin(level), await bench.begin(level)];
    for (const each of [one, two]) t.is(await each.sql('SELECT * FROM test WHERE value % 3 = 0'), '');
    await one.sql('INSERT INTO test VALUES (3, 30)');
    await two.sql('INSERT INTO test VALUES (4, 42)');
    t.true(await one.commit());
    t.is(await two.commit(), allowed);
  });
}
