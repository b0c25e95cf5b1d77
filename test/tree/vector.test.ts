/** Vectors: decoding gives the cells back, encodings are canonical, hostile bytes are OBJECT_INVALID. */
import test from 'ava';
import fc from 'fast-check';
import {ByteWriter} from '../../src/bytes.js';
import {isDbosError} from '../../src/errors.js';
import {type Cell, ContentRef, Real, sameCell} from '../../src/tree/cell.js';
import {
  MAX_CELL_BYTES,
  markDifferences,
  patchVector,
  type RowRange,
  readCellAt,
  readVector,
  refsOf,
  type Vector,
  writePieces,
  writeVector,
} from '../../src/tree/vector.js';
import {anyBlob, anyCell, anyInteger, anyReal, anyRef, anyText, digest} from './samples.js';

function encode(cells: readonly Cell[]): Buffer {
  const out = new ByteWriter();
  writeVector(out, cells, cells.length);
  return Buffer.from(out.finish());
}

const smallInteger = fc.integer({min: -200, max: 70_000});
const time = fc.bigInt({min: 2n ** 60n, max: 2n ** 60n + 10n ** 6n});

/** Columns as they occur: mostly of one type, with or without nulls, with or without repetition; and any mixture. */
const anyColumn: fc.Arbitrary<Cell[]> = fc.oneof(
  ...[smallInteger, anyInteger, time, anyReal, anyText, anyBlob, anyRef, anyCell].flatMap(cell => {
    const one: fc.Arbitrary<Cell> = cell;
    return [
      fc.array(one, {minLength: 1, maxLength: 20}),
      fc.array(fc.option(one), {minLength: 1, maxLength: 20}),
      fc
        .array(one, {minLength: 1, maxLength: 3})
        .chain(few => fc.array(fc.constantFrom(...few), {minLength: 1, maxLength: 40})),
    ];
  }),
);

/** What a cell is after a round trip: −0 as an INTEGER is 0, and text whose bytes are UTF-8 after all is that text. */
function settled(cell: Cell): Cell {
  if (Object.is(cell, -0)) return 0;
  return readVector(encode([cell]), 1).cell(0);
}

test('decode ∘ encode gives the cells back, one by one and together', t => {
  fc.assert(
    fc.property(anyColumn, cells => {
      const vector = readVector(encode(cells), cells.length);
      const all = vector.cells();
      return (
        vector.length === cells.length &&
        cells.every((cell, i) => sameCell(vector.cell(i), settled(cell)) && sameCell(all[i] as Cell, settled(cell)))
      );
    }),
    {numRuns: 3000},
  );
  t.pass();
});

test('one cell read by itself is that of the decoded vector', t => {
  fc.assert(
    fc.property(anyColumn, cells => {
      const bytes = encode(cells);
      const vector = readVector(bytes, cells.length);
      return cells.every((_, i) => sameCell(readCellAt(bytes, cells.length, i), vector.cell(i)));
    }),
    {numRuns: 3000},
  );
  t.pass();
});

test('the rows at which two vectors differ are those at which their cells do', t => {
  fc.assert(
    fc.property(anyColumn, anyColumn, fc.array(fc.boolean(), {maxLength: 40}), (one, two, fromTwo) => {
      const a = one;
      const b = one.map((cell, i) => (fromTwo[i] ? (two[i % two.length] as Cell) : cell));
      const differs = new Uint8Array(a.length);
      const [left, right] = [a, b].map(cells => readVector(encode(cells), cells.length)) as [Vector, Vector];
      markDifferences(left, right, differs);
      return a.every((_, i) => (differs[i] === 0) === sameCell(left.cell(i), right.cell(i)));
    }),
    {numRuns: 3000},
  );
  t.pass();
});

test('a patched vector is the vector of the patched cells', t => {
  let patched = 0;
  const large = fc.bigInt({min: 2n ** 60n, max: 2n ** 60n + 2n ** 34n});
  const ref = fc
    .tuple(fc.nat(3), fc.constantFrom(10, 300, 70_000, 2 ** 33))
    .map(([i, size]) => new ContentRef(digest(i), size, false, false));
  const columns = [large, fc.option(large, {freq: 9}), ref, fc.option(ref), fc.oneof(ref, anyRef)];
  const column: fc.Arbitrary<Cell[]> = fc.oneof(
    anyColumn,
    ...columns.map(cell => fc.array(cell as fc.Arbitrary<Cell>, {minLength: 1, maxLength: 12})),
  );
  fc.assert(
    fc.property(column, column, fc.uniqueArray(fc.nat(11), {minLength: 1, maxLength: 3}), (cells, others, rows) => {
      const changes = rows
        .sort((a, b) => a - b)
        .filter(row => row < cells.length)
        .map(row => ({row, cell: others[row % others.length] as Cell}));
      const bytes = patchVector(encode(cells), cells.length, changes);
      if (bytes === undefined) return true;
      patched++;
      const after = [...cells];
      for (const {row, cell} of changes) after[row] = cell;
      return bytes.equals(encode(after));
    }),
    {numRuns: 10_000},
  );
  t.true(patched > 100, `${patched}`);
});

test('equal cells have equal bytes, however they came about', t => {
  fc.assert(
    fc.property(anyColumn, cells => {
      const bytes = encode(cells);
      return encode(readVector(bytes, cells.length).cells()).equals(bytes);
    }),
    {numRuns: 3000},
  );
  t.deepEqual(encode(['\udcc3\udca9', 'é', 'é']), encode(['é', 'é', 'é']));
  t.deepEqual(encode([-0, 0]), encode([0, 0]));
});

test('pieces of columns give the vector of their cells', t => {
  const piece = fc.tuple(anyColumn, fc.nat(40), fc.nat(40), fc.boolean());
  const alike = anyColumn.chain(cells =>
    fc.array(fc.tuple(fc.shuffledSubarray(cells, {minLength: 1}), fc.nat(40), fc.nat(40), fc.boolean()), {
      minLength: 1,
      maxLength: 4,
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.array(piece, {minLength: 1, maxLength: 3}), alike), parts => {
      const ranges: RowRange[] = parts.map(([cells, one, other, plain]) => {
        const vector = readVector(encode(cells), cells.length);
        const from = one % cells.length;
        const to = from + 1 + (other % (cells.length - from));
        const source = {vector: () => (plain ? undefined : vector), cells: () => vector.cells()};
        return {source, from, to};
      });
      const all = ranges.flatMap(({source, from, to}) => source.cells(0).slice(from, to));
      const out = new ByteWriter();
      writePieces(out, ranges, 0, all.length);
      return out.finish().equals(encode(all));
    }),
    {numRuns: 3000},
  );
  t.pass();
});

test('the kind of a vector follows its cells', t => {
  const ref = (of: number, text = false) => new ContentRef(digest(of), of, false, text);
  const kind = (...cells: Cell[]) => readVector(encode(cells), cells.length).kind;
  t.is(kind(null, null), 'null');
  t.is(kind('x', 'x'), 'constant');
  t.is(kind(1), 'constant');
  t.is(kind(1, null, 1), 'integer');
  t.is(kind(1, 1000, -5), 'integer');
  t.is(kind(1, 2n ** 60n), 'bigint');
  t.is(kind(2n ** 63n - 1n, 2n ** 63n - 2n), 'bigint');
  t.is(kind(1.5, new Real(2)), 'real');
  t.is(kind('alpha', 'beta', 'gamma'), 'text');
  t.is(kind('alpha', 'beta', 'alpha', 'beta'), 'dictionary');
  t.is(kind(Buffer.from('a'), Buffer.from('b')), 'blob');
  t.is(kind(ref(1), ref(2)), 'ref');
  t.is(kind(ref(1), ref(1)), 'constant');
  t.is(kind(ref(1), ref(1, true)), 'ref');
  t.is(kind(1, 'a'), 'mixed');
  t.is(kind(1, 1.5), 'mixed');
});

test('the bytes of vectors never change', t => {
  const hex = (...cells: Cell[]) => encode(cells).toString('hex');
  t.is(hex(null, null), '00');
  t.is(hex('é', 'é'), '010302c3a9');
  t.is(hex(7, null, 300), '8202' + '02' + '0700000000000000' + '0000' + '0000' + '2501');
  t.is(hex(-1, 2n ** 62n), '0208' + 'ffffffffffffffff' + '0000000000000040');
  t.is(hex(0.5, new Real(1)), '03' + '000000000000e03f' + '000000000000f03f');
  t.is(hex('a', 'bc', 'd'), '0401010201' + '61626364');
  t.is(hex('aaa', 'bbb', 'aaa', 'bbb'), '06' + '02' + '010303' + '00010001' + '616161626262');
  t.is(hex(1, 'a', null), '09' + '010100000000000000' + '030161' + '00');
});

test('integers are as narrow as their spread', t => {
  const size = (...cells: Cell[]) => encode(cells).length;
  const base = 2 ** 52;
  t.is(size(base, base + 255), 1 + 1 + 8 + 2);
  t.is(size(base, base + 256), 1 + 1 + 8 + 4);
  t.is(size(base, base + 65_536), 1 + 1 + 8 + 8);
  t.is(size(base, base + 2 ** 32), 1 + 1 + 16);
  t.is(size(2n ** 62n, 2n ** 62n + 255n), 1 + 1 + 8 + 2);
});

test('hostile bytes are OBJECT_INVALID or a vector of the right length', t => {
  const checkOne = (bytes: Uint8Array, count: number, i: number) => {
    try {
      readCellAt(Buffer.from(bytes), count, i);
    } catch (error) {
      if (!isDbosError(error, 'OBJECT_INVALID')) throw error;
    }
  };
  const check = (bytes: Uint8Array, count: number) => {
    try {
      for (let i = 0; i < count; i += 7) checkOne(bytes, count, i);
      const vector = readVector(bytes, count);
      return vector.length === count && vector.cells().length === count;
    } catch (error) {
      return isDbosError(error, 'OBJECT_INVALID');
    }
  };
  fc.assert(
    fc.property(anyColumn, fc.nat(), fc.nat(255), fc.integer({min: -2, max: 2}), (cells, at, flip, more) => {
      const bytes = encode(cells);
      bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ flip;
      return check(bytes, Math.max(1, cells.length + more));
    }),
    {numRuns: 5000},
  );
  fc.assert(
    fc.property(fc.nat(9), fc.boolean(), fc.uint8Array({maxLength: 40}), fc.nat(300), (tag, nulls, rest, count) =>
      check(Uint8Array.from([tag | (nulls ? 0x80 : 0), ...rest]), count + 1),
    ),
    {numRuns: 5000},
  );
  t.pass();
});

test('references are found without the rest', t => {
  const a = new ContentRef(digest(1), 10, false, false);
  const b = new ContentRef(digest(2), 10, true, true);
  const found = (...cells: Cell[]) => [...refsOf(encode(cells), cells.length)];
  t.deepEqual(found(a, b), [a, b]);
  t.deepEqual(found(a, null, b), [a, b]);
  t.deepEqual(found(a, a), [a]);
  t.deepEqual(found(1, b), [b]);
  t.deepEqual(found('x', 'y'), []);
});

test('what is no cell, or too large, is a bug of the caller', t => {
  t.throws(() => encode([undefined as unknown as Cell]), {instanceOf: TypeError});
  t.throws(() => encode([true as unknown as Cell]), {instanceOf: TypeError});
  t.throws(() => encode(['x'.repeat(MAX_CELL_BYTES + 1)]), {instanceOf: TypeError});
  t.throws(() => encode([1, Buffer.alloc(MAX_CELL_BYTES + 1)]), {instanceOf: TypeError});
  t.notThrows(() => encode(['x'.repeat(MAX_CELL_BYTES)]));
});
