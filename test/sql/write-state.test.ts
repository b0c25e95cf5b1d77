import test from 'ava';
import fc from 'fast-check';
import {MemoryObjects} from '../../src/objects/memory.js';
import type {CreateIndex, CreateTable} from '../../src/sql/ast.js';
import {defineIndex} from '../../src/sql/catalog/index-definition.js';
import {defineTable} from '../../src/sql/catalog/table-definition.js';
import {parseStatement} from '../../src/sql/parser/parser.js';
import type {Value} from '../../src/sql/values/value.js';
import {buildIndex} from '../../src/sql/write/index-sync.js';
import {type Mark, WorkingState} from '../../src/sql/write/working-state.js';
import type {WorkingTable} from '../../src/sql/write/working-table.js';
import {readState} from '../../src/state/state.js';
import {readTable} from '../../src/state/table.js';
import {type Cell, ContentRef, Real} from '../../src/tree/cell.js';
import {encodeKey} from '../../src/tree/key.js';
import {scanRows} from '../../src/tree/read.js';
import {verifyTree} from '../../src/tree/verify.js';
import {ProvisionalObjects} from '../support/provisional-objects.js';

function define(sql: string) {
  return defineTable(parseStatement(sql) as CreateTable, sql);
}

function createIndex(state: WorkingState, table: string, sql: string): void {
  const found = state.find(table);
  if (found?.kind !== 'table') throw new Error('no table');
  state.createIndex(table, defineIndex(parseStatement(sql) as CreateIndex, sql, found.source()));
}

function tableOf(state: WorkingState, name: string): WorkingTable {
  const found = state.find(name);
  if (found?.kind !== 'table') throw new Error('no table');
  return found;
}

/** Returns the rows of a table by its tree, without what waits to be put there: `source()` has put it. */
function rowsOf(table: WorkingTable): Cell[][] {
  const {reader, spec, root} = table.source();
  return Array.from(scanRows(reader, spec, root), row => table.fromTree(row));
}

/** What a table is to be: rows by key. */
interface Kind {
  readonly name: string;
  readonly sql: string;
  readonly indexes: readonly string[];
  /** The columns of a row that are its key. */
  readonly key: readonly number[];
  readonly row: fc.Arbitrary<Cell[]>;
}

const small = fc.integer({min: -3, max: 12});
const word = fc.constantFrom('a', 'A', 'b', 'bb', 'B ', 'b ', 'ä', '');
const mixed: fc.Arbitrary<Value> = fc.oneof(
  small,
  word,
  fc.constantFrom(null, 1.5, new Real(2), 2n ** 60n, new Uint8Array([1, 2])),
);

const KINDS: readonly Kind[] = [
  {
    name: 't',
    sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE, c INTEGER UNIQUE)',
    indexes: [
      'CREATE INDEX t_a ON t(a DESC, b)',
      'CREATE INDEX t_e ON t(lower(b), a) WHERE c IS NOT NULL',
      'CREATE UNIQUE INDEX t_ab ON t(a, b, c)',
      'CREATE INDEX t_id ON t(id DESC)',
    ],
    key: [0],
    row: fc.tuple(small, mixed, word, fc.option(small)),
  },
  {
    name: 'w',
    sql: 'CREATE TABLE w(x TEXT, y INTEGER, z, PRIMARY KEY (y DESC, x COLLATE NOCASE)) WITHOUT ROWID',
    indexes: ['CREATE INDEX w_x ON w(x)', 'CREATE INDEX w_xn ON w(x COLLATE NOCASE)', 'CREATE INDEX w_z ON w(z, y)'],
    key: [1, 0],
    row: fc.tuple(word, small, mixed),
  },
  {
    name: 'h',
    sql: 'CREATE TABLE h(a TEXT, b BLOB)',
    indexes: ['CREATE INDEX h_a ON h(a)', 'CREATE INDEX h_b ON h(length(b), rowid)'],
    key: [2],
    row: fc.tuple(fc.oneof(word, fc.constant('long '.repeat(400))), mixed, small),
  },
];

/** A map from keys to rows, with the same edits. */
class Model {
  constructor(
    private readonly table: WorkingTable,
    readonly rows = new Map<string, readonly Cell[]>(),
  ) {}

  private id(key: readonly Value[]): string {
    return encodeKey(this.table.stored.spec, key).toString('latin1');
  }

  get(key: readonly Value[]) {
    return this.rows.get(this.id(key));
  }

  set(key: readonly Value[], row: readonly Cell[]) {
    this.rows.set(this.id(key), row);
  }

  delete(key: readonly Value[]) {
    this.rows.delete(this.id(key));
  }

  copy() {
    return new Model(this.table, new Map(this.rows));
  }

  sorted(): (readonly Cell[])[] {
    return [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }
}

type Step =
  | {readonly do: 'put' | 'delete'; readonly row: Cell[]}
  | {readonly do: 'move'; readonly from: Cell[]; readonly row: Cell[]}
  | {readonly do: 'scan' | 'mark' | 'release' | 'rollback' | 'write' | 'find' | 'clear'}
  | {readonly do: 'conflict'; readonly row: Cell[]};

function steps(kind: Kind): fc.Arbitrary<Step[]> {
  const put = kind.row.map((row): Step => ({do: 'put', row}));
  return fc.array(
    fc.oneof(
      {weight: 12, arbitrary: put},
      {weight: 4, arbitrary: kind.row.map((row): Step => ({do: 'delete', row}))},
      {weight: 3, arbitrary: fc.tuple(kind.row, kind.row).map(([from, row]): Step => ({do: 'move', from, row}))},
      {weight: 3, arbitrary: kind.row.map((row): Step => ({do: 'conflict', row}))},
      {
        weight: 5,
        arbitrary: fc
          .constantFrom(
            'scan',
            'mark',
            'mark',
            'mark',
            'release',
            'rollback',
            'rollback',
            'write',
            'find',
            'find',
            'clear' as const,
          )
          .map((what): Step => ({do: what as 'scan'})),
      },
    ),
    {maxLength: 60},
  );
}

/** Returns rows as texts that are the same only for the same values of the same types. */
function plain(rows: readonly (readonly Cell[])[], table: WorkingTable): string[] {
  return rows.map(row =>
    row
      .map(cell => (cell instanceof ContentRef ? table.value(cell) : cell))
      .map(cell => {
        if (cell instanceof Uint8Array) return `x${Buffer.from(cell).toString('hex')}`;
        return cell instanceof Real ? `real ${cell.value}` : `${typeof cell} ${cell}`;
      })
      .join(' | '),
  );
}

/** Returns what is wrong with the indexes of a table as it is stored: nothing, if each is what it would be if it were made now. */
function wrongIndexes(objects: MemoryObjects, table: WorkingTable, id: ReturnType<WorkingState['write']>): string[] {
  const wrong: string[] = [];
  const stored = readTable(objects, readState(objects, id).get(table.name) as never);
  for (const index of table.indexes) {
    const {entries, name} = index;
    const made = buildIndex(objects, table.stored.spec, stored.root, entries);
    const kept = stored.indexes?.find(each => each.name === name);
    if (kept === undefined || kept.root !== made) wrong.push(name);
    wrong.push(...Array.from(verifyTree(objects, entries.spec, made), problem => problem.problem));
  }
  return wrong;
}

for (const kind of KINDS) {
  test(`table ${kind.name}: rows and indexes are those of a map, whatever is edited, marked and taken back`, t => {
    fc.assert(
      fc.property(steps(kind), fc.integer({min: 0, max: kind.indexes.length}), (list, late) => {
        const objects = new MemoryObjects();
        const provisional = new ProvisionalObjects(objects);
        const sink = late % 2 === 0 ? objects : provisional;
        let state = new WorkingState(sink, undefined);
        state.createTable(define(kind.sql));
        for (const sql of kind.indexes.slice(late)) {
          if (!sql.includes('UNIQUE')) createIndex(state, kind.name, sql);
        }
        let table = tableOf(state, kind.name);
        let model = new Model(table);
        let marks: {mark: Mark; model: Model}[] = [];
        for (const step of list) {
          switch (step.do) {
            case 'put': {
              const key = table.keyOf(step.row);
              const old = model.get(key);
              t.is(table.has(key), old !== undefined);
              if (old) table.replace(key, step.row);
              else t.true(table.insert(step.row));
              model.set(key, step.row);
              t.false(table.insert(step.row));
              break;
            }
            case 'delete': {
              const key = table.keyOf(step.row);
              t.is(table.delete(key), model.get(key) !== undefined);
              model.delete(key);
              break;
            }
            case 'move': {
              const from = table.keyOf(step.from);
              const to = table.keyOf(step.row);
              if (!model.get(from) || (model.get(to) && model.get(to) !== model.get(from))) break;
              table.replace(from, step.row);
              model.delete(from);
              model.set(to, step.row);
              break;
            }
            case 'clear':
              table.clear();
              model.rows.clear();
              break;
            case 'scan':
              t.deepEqual(plain(rowsOf(table), table), plain(model.sorted(), table));
              break;
            case 'find':
              for (const index of table.indexes) {
                const [first] = index.definition.terms;
                if (first?.column === undefined || index.definition.where) continue;
                for (const row of model.rows.values()) {
                  const value = row[first.column] as Value;
                  const found = table.findByIndex(index, [value]).map(key => model.get(key) as Cell[]);
                  const same = (other: readonly Cell[]) => {
                    const spec = {...index.entries.spec, keys: index.entries.spec.keys.slice(0, 1)};
                    return encodeKey(spec, [other[first.column as number] as Cell]).equals(encodeKey(spec, [value]));
                  };
                  const expected = value === null ? [] : [...model.rows.values()].filter(same);
                  t.deepEqual(plain(found, table).sort(), plain(expected, table).sort());
                }
              }
              break;
            case 'conflict': {
              const index = table.indexes.find(each => each.unique);
              if (!index) break;
              const wanted = step.row[3] as Value;
              const own = table.keyOf(step.row);
              const rival = [...model.rows.values()].find(
                row => row[3] === wanted && wanted !== null && row[0] !== step.row[0],
              );
              t.deepEqual(table.conflict(index, step.row, own) !== undefined, rival !== undefined);
              break;
            }
            case 'mark':
              marks.push({mark: state.mark(), model: model.copy()});
              break;
            case 'release': {
              if (marks.length < 2) break;
              const last = marks.pop()?.mark as Mark;
              state.release(last, marks.at(-1)?.mark as Mark);
              break;
            }
            case 'rollback': {
              const last = marks.at(-1);
              if (!last) break;
              state.rollbackTo(last.mark);
              model = last.model.copy();
              if (model.rows.size % 2 === 0) marks.pop();
              break;
            }
            case 'write': {
              const id = state.write();
              provisional.provisional.end();
              // what was only to be read is not needed
              t.deepEqual(wrongIndexes(objects, table, id), []);
              if (model.rows.size % 3 !== 0) break;
              state = new WorkingState(sink, id);
              table = tableOf(state, kind.name);
              marks = [];
              t.is(state.write(), id);
              break;
            }
          }
          t.is(table.rows, model.rows.size);
          for (const row of model.rows.values()) {
            const got = table.get(table.keyOf(row));
            if (!got || plain([got], table)[0] !== plain([row], table)[0]) t.fail('another row');
          }
        }
        t.deepEqual(wrongIndexes(objects, table, state.write()), []);
        t.deepEqual(plain(rowsOf(table), table), plain(model.sorted(), table));

        // the same rows in another order give the same state
        const other = new WorkingState(objects, undefined);
        other.createTable(define(kind.sql));
        for (const row of [...model.rows.values()].reverse()) tableOf(other, kind.name).insert(row);
        for (const sql of kind.indexes.slice(late)) if (!sql.includes('UNIQUE')) createIndex(other, kind.name, sql);
        t.is(other.write(), state.write());
      }),
      {numRuns: 150},
    );
  });
}

test('however many statements a transaction has, it keeps one way back for each table since each mark', t => {
  const state = new WorkingState(new MemoryObjects(), undefined);
  for (const name of ['a', 'b']) state.createTable(define(`CREATE TABLE ${name}(id INTEGER PRIMARY KEY, v)`));
  const statement = (earlier: Mark, id: number) => {
    const mark = state.mark();
    for (const name of ['a', 'b']) tableOf(state, name).insert([id, `row ${id}`]);
    state.release(mark, earlier);
  };
  const begin = state.mark();
  for (let id = 1; id <= 1000; id++) statement(begin, id);
  const savepoint = state.mark();
  t.is(savepoint.noted, begin.noted + 2);
  for (let id = 1001; id <= 2000; id++) statement(savepoint, id);
  t.is(state.mark().noted, begin.noted + 4);

  state.rollbackTo(savepoint);
  t.is(tableOf(state, 'a').rows, 1000);
  statement(savepoint, 5000);
  t.is(state.mark().noted, begin.noted + 4);
  state.release(savepoint, begin);
  t.is(state.mark().noted, begin.noted + 2);
  state.rollbackTo(begin);
  t.is(tableOf(state, 'b').rows, 0);
  t.deepEqual(rowsOf(tableOf(state, 'b')), []);
});

test('what is read while rows change stays out of the store', t => {
  const objects = new MemoryObjects();
  const sink = new ProvisionalObjects(objects);
  const state = new WorkingState(sink, undefined);
  state.createTable(define('CREATE TABLE t(id INTEGER PRIMARY KEY, a)'));
  createIndex(state, 't', 'CREATE INDEX t_a ON t(a)');
  const table = tableOf(state, 't');
  const [index] = table.indexes;
  for (let id = 1; id <= 300; id++) {
    table.insert([id, id % 7]);
    t.is(table.findByIndex(index as never, [id % 7]).length, Math.ceil(id / 7));
  }
  t.is(rowsOf(table).length, 300);
  const id = state.write();
  const count = objects.size;
  const again = new WorkingState(new MemoryObjects(), undefined);
  t.deepEqual(wrongIndexes(objects, table, id), []);
  again.createTable(define('CREATE TABLE t(id INTEGER PRIMARY KEY, a)'));
  createIndex(again, 't', 'CREATE INDEX t_a ON t(a)');
  for (let row = 1; row <= 300; row++) tableOf(again, 't').insert([row, row % 7]);
  t.is(again.write(), id);
  // the same objects as those of who never looked
  t.is(count, (again.sink as MemoryObjects).size);
});
