// Tells which lines of src/ and commands/ ran, from what V8 counted in each process (NODE_V8_COVERAGE), in dist/ and in the bundles
// alike. A line is one that the compiler made code of, in a file that any process loaded or in one that none did; it ran if any
// piece of that code did, by the innermost range that V8 counted. Nothing is taken to have run because its place is not known.
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join, relative, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {decode} from '@jridgewell/sourcemap-codec';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Returns the mapped pieces of a built file, in order: where each begins, and the source and line (from 1) that it is from. */
function piecesOf(path) {
  const text = readFileSync(path, 'utf8');
  const map = JSON.parse(readFileSync(`${path}.map`, 'utf8'));
  const sources = map.sources.map(source => relative(root, resolve(dirname(path), map.sourceRoot ?? '', source)));
  const pieces = {starts: [], sources: [], lines: []};
  let lineStart = 0;
  for (const segments of decode(map.mappings)) {
    for (const [column, source, line] of segments) {
      pieces.starts.push(lineStart + column);
      pieces.sources.push(source === undefined ? undefined : sources[source]);
      pieces.lines.push(line + 1);
    }
    lineStart = text.indexOf('\n', lineStart) + 1;
  }
  return {...pieces, ran: new Uint8Array(pieces.starts.length)};
}

/** Returns the number of the first piece that begins at or after an offset. */
function pieceAt(starts, offset) {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Notes what ran by one process's count of a built file. */
function addCounts({starts, ran}, functions) {
  const ranges = functions.flatMap(({ranges}) => ranges);
  // the sort keeps the order of equal ones, so what is inside comes after what is around it
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const now = new Uint8Array(ran.length);
  for (const {startOffset, endOffset, count} of ranges) {
    now.fill(count > 0 ? 1 : 0, pieceAt(starts, startOffset), pieceAt(starts, endOffset));
  }
  for (let i = 0; i < ran.length; i++) ran[i] |= now[i];
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).result;
  } catch (error) {
    // a process that a test killed may have left half a report
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

function filesBelow(folder, ending) {
  const names = readdirSync(join(root, folder), {recursive: true}).map(String);
  return names.filter(name => name.endsWith(ending)).map(name => join(folder, name));
}

/** Returns the lines of each source with whether they ran: `Map<source, Map<line, boolean>>`. */
export function linesRun(folder) {
  const built = ['dist/src', 'dist/commands'].flatMap(name => filesBelow(name, '.js'));
  const scripts = new Map(built.map(name => [join(root, name), piecesOf(join(root, name))]));
  for (const name of readdirSync(join(root, 'dist/bin'))) {
    const path = join(root, 'dist/bin', name);
    if (/\.c?js$/.test(name)) scripts.set(path, piecesOf(path));
  }
  let reports = 0;
  for (const name of readdirSync(folder)) {
    reports++;
    for (const {url, functions} of readReport(join(folder, name))) {
      const script = url.startsWith('file:') ? scripts.get(fileURLToPath(url)) : undefined;
      if (script !== undefined) addCounts(script, functions);
    }
  }
  const lines = new Map();
  for (const name of built) {
    const pieces = scripts.get(join(root, name));
    for (const [i, source] of pieces.sources.entries()) {
      if (source === undefined) continue;
      if (!lines.has(source)) lines.set(source, new Map());
      lines.get(source).set(pieces.lines[i], false);
    }
  }
  for (const {sources, lines: numbers, ran} of scripts.values()) {
    for (const [i, source] of sources.entries()) {
      const ofSource = ran[i] === 1 ? lines.get(source) : undefined;
      if (ofSource?.has(numbers[i])) ofSource.set(numbers[i], true);
    }
  }
  return {lines, reports};
}

const WORST = 12;

/** Reads the reports in a folder, writes `lcov.info` beside it, prints a summary, and returns the share of lines that ran, in percent. */
export function reportCoverage(folder) {
  const {lines, reports} = linesRun(folder);
  const files = [...lines].sort(([a], [b]) => (a < b ? -1 : 1));
  const lcov = files.map(([source, ofSource]) => {
    const sorted = [...ofSource].sort(([a], [b]) => a - b);
    const data = sorted.map(([line, ran]) => `DA:${line},${ran ? 1 : 0}\n`).join('');
    return `SF:${source}\n${data}end_of_record\n`;
  });
  writeFileSync(join(dirname(folder), 'lcov.info'), lcov.join(''));
  const table = files.map(([source, ofSource]) => {
    const ran = [...ofSource.values()].filter(Boolean).length;
    return {source, ran, of: ofSource.size};
  });
  const ran = table.reduce((sum, row) => sum + row.ran, 0);
  const of = table.reduce((sum, row) => sum + row.of, 0);
  const missing = table.filter(row => row.ran < row.of).sort((a, b) => a.ran / a.of - b.ran / b.of);
  for (const row of missing.slice(0, WORST)) {
    console.log(
      `${((100 * row.ran) / row.of).toFixed(1).padStart(6)} %  ${row.of - row.ran} of ${row.of} lines did not run: ${row.source}`,
    );
  }
  const share = (100 * ran) / of;
  console.log(`${share.toFixed(2)} % of ${of} lines in ${table.length} files ran, by ${reports} reports`);
  return share;
}
