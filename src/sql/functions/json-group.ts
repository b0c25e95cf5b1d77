/**
 * json_group_array() and json_group_object(). Both work in frames that slide: the row that came in first can leave.
 * Layer: sql.
 */
import {toText} from '../values/convert.js';
import type {Value} from '../values/value.js';
import type {Accumulator, AggregateFunction} from './function.js';
import {JsonText, type JsonValue, jsonOf, quoteJson} from './json-text.js';

/** Collects pieces of JSON; of those before `from` the rows have left. */
class Group implements Accumulator {
  private pieces: string[] = [];
  private from = 0;

  constructor(
    private readonly open: string,
    private readonly close: string,
    /** Returns the piece of a row, undefined for a row that has none. */
    private readonly piece: (...args: JsonValue[]) => string | undefined,
  ) {}

  step(...args: JsonValue[]): void {
    const piece = this.piece(...args);
    if (piece !== undefined) this.pieces.push(piece);
  }

  inverse(...args: JsonValue[]): void {
    if (this.piece(...args) === undefined) return;
    this.from++;
    if (this.from < 1000 || this.from * 2 < this.pieces.length) return;
    this.pieces = this.pieces.slice(this.from);
    this.from = 0;
  }

  value(): Value {
    const pieces = this.from === 0 ? this.pieces : this.pieces.slice(this.from);
    return this.open + pieces.join(',') + this.close;
  }
}

/** Returns a member; none for the key NULL. */
function member(key?: JsonValue, value?: JsonValue): string | undefined {
  const text = key instanceof JsonText ? key.text : toText(key ?? null);
  return text === null ? undefined : `${quoteJson(text)}:${jsonOf(value ?? null)}`;
}

/** json_group_array(X) and json_group_object(KEY, X). */
export const JSON_AGGREGATES: readonly AggregateFunction[] = [
  {
    name: 'json_group_array',
    minArgs: 1,
    maxArgs: 1,
    returns: 'text',
    create: () => new Group('[', ']', value => jsonOf(value ?? null)),
  },
  {
    name: 'json_group_object',
    minArgs: 2,
    maxArgs: 2,
    returns: 'text',
    create: () => new Group('{', '}', member),
  },
];
