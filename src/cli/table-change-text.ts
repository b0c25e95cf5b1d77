/**
 * Changes of tables in the forms that `diff`, `show`, `log` and `history` print: counts, rows for people, or SQL. Guarantee: in
 * each form but SQL that stands alone, no line can be taken for one of a patch, whatever names, definitions and values hold.
 * Layer: cli.
 */
import {asBuffer, decodeText, encodeText} from '../bytes.js';
import type {ObjectId} from '../objects/id.js';
import type {ObjectReader} from '../objects/store.js';
import {readCell} from '../sql/catalog/cell-value.js';
import {changeScript} from '../sql/diff/change-script.js';
import {
  type RowDelta,
  type RowsDelta,
  type SchemaChange,
  type TableDelta,
  tableDeltas,
} from '../sql/diff/table-delta.js';
import {realLiteral} from '../sql/values/number.js';
import type {Value} from '../sql/values/value.js';
import {quotedName} from '../sql/write/quoted-name.js';
import {plainText, quotePath} from '../state/quote.js';
import {diffBodies} from '../state/textdiff.js';
import {type Cell, ContentRef, Real, sameCell} from '../tree/cell.js';
import {readWhole} from '../tree/content.js';
import type {ChangeForm} from './change-output.js';
import {counted} from './move-text.js';
import {formatBytes, formatCount} from './progress.js';
import type {Style} from './style.js';
import type {TableChangeJson, TableChanges, TableLook} from './table-changes.js';

/** Rows of a table that are shown unless another number is asked for. */
const SHOWN_ROWS = 50;
/** Columns of a row that are shown. */
const SHOWN_COLUMNS = 20;
/** Characters of a value that are shown. */
const SHOWN_LENGTH = 60;
/** What two long values have in common before they differ is left out but for this many characters. */
const COMMON_LENGTH = 12;
/** Larger values outside their rows are not read to be shown. */
const READ_BYTES = 65_536;

/** The tables of two states. */
export class StateTables implements TableChanges {
  private found: readonly TableDelta[] | undefined;

  constructor(
    private readonly reader: ObjectReader,
    private readonly before: ObjectId | undefined,
    private readonly after: ObjectId | undefined,
    private readonly names: ReadonlySet<string> | undefined,
  ) {}

  private get deltas(): readonly TableDelta[] {
    this.found ??= tableDeltas(this.reader, this.before, this.after, this.names);
    return this.found;
  }

  json(): TableChangeJson[] {
    return this.deltas.map(tableJson);
  }

  async *lines(form: ChangeForm, look: TableLook): AsyncGenerator<string> {
    const {reader, before, after, names, deltas} = this;
    if (form === 'patch') yield* scriptLines(changeScript(reader, before, after, names), look);
    else if (form === 'name-status') for (const delta of deltas) yield tableNameStatusLine(delta, look.style);
    else if (form === 'stat') for (const delta of deltas) yield ` ${tableLine(delta, look.style)}`;
    else if (form === 'changes') {
      for (const [index, delta] of deltas.entries()) {
        if (index > 0) yield '';
        yield* tableLines(reader, delta, look);
      }
    }
  }
}

/** Returns a changed table as scripts get it. */
function tableJson({name, kind, change, counts, schema}: TableDelta): TableChangeJson {
  const {added, modified, deleted} = counts;
  return {
    table: name,
    kind,
    change,
    added,
    modified,
    deleted,
    schema: schema.map(({kind: type, name: own, before, after}) => ({
      type,
      name: own,
      old: before ?? null,
      new: after ?? null,
    })),
  };
}

const LETTERS = {added: 'A', modified: 'M', deleted: 'D'} as const;

/** Returns a table as a letter, its name, and what it is, which sets it apart from a file. */
function tableNameStatusLine({name, kind, change}: TableDelta, style: Style): string {
  const paint = change === 'added' ? style.green : change === 'deleted' ? style.red : style.yellow;
  return `${paint(LETTERS[change])}\t${quotePath(name)}\t${kind}`;
}

/** Returns what became of a table: its name and how many rows changed. */
function tableLine({name, kind, change, counts, schema}: TableDelta, style: Style): string {
  const told: string[] = [];
  if (change !== 'modified') told.push(change === 'added' ? 'new' : 'dropped');
  const {added, modified, deleted} = counts;
  for (const [count, word, paint] of [
    [added, 'added', style.green],
    [modified, 'modified', style.yellow],
    [deleted, 'deleted', style.red],
  ] as const) {
    if (count > 0) told.push(paint(`${counted(count, 'row')} ${word}`));
  }
  if (change === 'modified' && schema.length > 0) told.push('schema changed');
  return `${kind} ${quotePath(name)}: ${told.join(', ') || 'stored in another way'}`;
}

async function* tableLines(reader: ObjectReader, delta: TableDelta, look: TableLook): AsyncGenerator<string> {
  const {style, rows: limit = SHOWN_ROWS} = look;
  yield style.bold(tableLine(delta, style));
  for (const change of delta.schema) yield* schemaLines(change, style);
  const {rows} = delta;
  if (rows === undefined) return;
  const {added, modified, deleted} = delta.counts;
  const total = added + modified + deleted;
  let shown = 0;
  if (limit > 0) {
    for (const change of rows.changes()) {
      yield rowLine(reader, rows, change, style);
      if (++shown >= limit) break;
    }
  }
  if (total > shown) yield style.dim(`  … ${formatCount(total - shown)} more ${total - shown === 1 ? 'row' : 'rows'}`);
}

// The second blank keeps what follows a mark from being read as a line of a patch that was sent in a mail (RFC 934).
async function* schemaLines({before, after}: SchemaChange, style: Style): AsyncGenerator<string> {
  const marked = (mark: string, line: string) => {
    const text = `  ${mark}  ${plainText(line)}`;
    return mark === '+' ? style.green(text) : mark === '-' ? style.red(text) : text;
  };
  if (before?.includes('\n') && after?.includes('\n')) {
    const {hunks} = await diffBodies(encodeText(`${before}\n`), encodeText(`${after}\n`));
    for (const {lines} of hunks) {
      for (const line of lines)
        yield marked(line[0] === ' ' ? '|' : (line[0] as string), decodeText(Buffer.from(line.slice(1), 'latin1')));
    }
    return;
  }
  for (const line of before?.split('\n') ?? []) yield marked('-', line);
  for (const line of after?.split('\n') ?? []) yield marked('+', line);
}

/** Returns a changed row: its key, and of a row that stays only what changed. */
export function rowLine(reader: ObjectReader, {columns}: RowsDelta, row: RowDelta, style: Style): string {
  const {change, before, after} = row;
  const cells = change === 'deleted' ? before : after;
  const parts: string[] = [];
  let left = 0;
  const add = (part: () => string) => {
    if (parts.length < SHOWN_COLUMNS) parts.push(part());
    else left++;
  };
  for (const [i, {name, isKey}] of columns.entries()) {
    if (!isKey) continue;
    const cell = cells[i] ?? before[i];
    if (cell !== undefined) add(() => `${columnText(name)}=${shortened(valueText(reader, cell))}`);
  }
  for (const [i, {name, isKey}] of columns.entries()) {
    const [old, now] = [before[i], after[i]];
    if (change !== 'modified') {
      const cell = cells[i];
      if (!isKey && cell !== undefined) add(() => `${columnText(name)}=${shortened(valueText(reader, cell))}`);
      continue;
    }
    if (sameText(old, now)) continue;
    add(() => {
      const [was, is] = shortenedPair(valueText(reader, old ?? null), valueText(reader, now ?? null));
      return `${columnText(name)}: ${style.red(was)} → ${style.green(is)}`;
    });
  }
  if (left > 0) parts.push(`… ${counted(left, 'more column')}`);
  const text = parts.join('  ');
  if (change === 'added') return style.green(`  + ${text}`);
  return change === 'deleted' ? style.red(`  - ${text}`) : `  ${style.yellow('~')} ${text}`;
}

/** Returns a changed row as scripts get it: the values by the names of the columns, as `query --json` has them. */
export function rowJson(reader: ObjectReader, {columns}: RowsDelta, {change, before, after}: RowDelta): object {
  const side = (cells: readonly (Cell | undefined)[]) =>
    Object.fromEntries(
      columns.flatMap(({name}, i) => {
        const cell = cells[i];
        return cell === undefined ? [] : [[name, valueJson(readCell(reader, cell))]];
      }),
    );
  return {
    change,
    old: change === 'added' ? null : side(before),
    new: change === 'deleted' ? null : side(after),
  };
}

function valueJson(value: Value): unknown {
  if (value instanceof Uint8Array) return {base64: asBuffer(value).toString('base64')};
  const plain = value instanceof Real ? value.value : value;
  // JSON has no infinities
  return plain === Number.POSITIVE_INFINITY ? 'Inf' : plain === Number.NEGATIVE_INFINITY ? '-Inf' : plain;
}

function sameText(old: Cell | undefined, now: Cell | undefined): boolean {
  return sameCell(old ?? null, now ?? null);
}

function oneLine(text: string): string {
  return plainText(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

function columnText(name: string): string {
  return oneLine(quotedName(name));
}

function valueText(reader: ObjectReader, cell: Cell): string {
  if (cell === null) return 'NULL';
  if (cell instanceof ContentRef) {
    if (cell.size > READ_BYTES) return `(${cell.text ? 'text' : 'blob'} of ${formatBytes(cell.size)})`;
    const bytes = readWhole(reader, cell);
    return valueText(reader, cell.text ? decodeText(bytes) : bytes);
  }
  if (typeof cell === 'string') return `'${oneLine(cell.replaceAll("'", "''"))}'`;
  if (cell instanceof Uint8Array) return `x'${asBuffer(cell).toString('hex')}'`;
  if (cell instanceof Real) return realLiteral(cell.value);
  return typeof cell === 'number' && !Number.isSafeInteger(cell) ? realLiteral(cell) : `${cell}`;
}

/** Returns the start of a text, not cut within a character. */
function head(text: string, length: number): string {
  const cut = /[\ud800-\udbff]/.test(text[length - 1] ?? '') ? length - 1 : length;
  return text.slice(0, cut);
}

function shortened(text: string): string {
  return text.length <= SHOWN_LENGTH ? text : `${head(text, SHOWN_LENGTH)}…`;
}

/** Returns two values so that one sees where they differ. */
function shortenedPair(was: string, is: string): [was: string, is: string] {
  if (was.length <= SHOWN_LENGTH && is.length <= SHOWN_LENGTH) return [was, is];
  let common = 0;
  while (common < was.length && was[common] === is[common]) common++;
  if (common < SHOWN_LENGTH - COMMON_LENGTH) return [shortened(was), shortened(is)];
  const from = head(was, common - COMMON_LENGTH).length;
  return [`…${shortened(was.slice(from))}`, `…${shortened(is.slice(from))}`];
}

/** Yields the lines of a script; where it does not stand alone, each with a mark before it. */
function* scriptLines(statements: Iterable<string>, {alone, style}: TableLook): Generator<string> {
  let first = true;
  for (const statement of statements) {
    if (alone) {
      yield statement;
      continue;
    }
    if (first) yield style.dim('# The tables, as SQL after the bars; `dbos diff --patch --tables` prints it alone:');
    first = false;
    for (const line of statement.split('\n')) yield `| ${line}`;
  }
}
