/**
 * What takes the place of `@oclif/core` in the fast bundle: flag and argument definitions of the same shape, and a parser
 * for plain arguments. Guarantee: where it returns a result, oclif returns the same (`test/cli/parse.test.ts` compares
 * them); for everything else, errors above all, it throws `NeedsOclif`. Loading oclif costs some 90 ms, this under 1 ms.
 * Layer: cli.
 */
import {NeedsOclif} from './needs-oclif.js';

interface FlagDefinition {
  readonly type: 'option' | 'boolean';
  readonly char?: string;
  readonly default?: unknown;
  readonly options?: readonly string[];
  readonly multiple?: boolean;
  readonly multipleNonGreedy?: boolean;
  readonly required?: boolean;
  readonly exclusive?: readonly string[];
  readonly dependsOn?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly parse: (input: string | boolean, context: unknown, definition: FlagDefinition) => Promise<unknown>;
}

interface ArgDefinition {
  readonly default?: unknown;
  readonly options?: readonly string[];
  readonly multiple?: boolean;
  readonly required?: boolean;
  readonly ignoreStdin?: boolean;
  readonly parse: (input: string, context: unknown, definition: ArgDefinition) => Promise<unknown>;
}

interface Definitions {
  readonly flags?: Record<string, FlagDefinition>;
  readonly baseFlags?: Record<string, FlagDefinition>;
  readonly args?: Record<string, ArgDefinition>;
  readonly strict?: boolean;
}

interface Parsed {
  readonly flags: Record<string, unknown>;
  readonly args: Record<string, unknown>;
}

type Options = Record<string, unknown>;

async function same(input: unknown): Promise<unknown> {
  return input;
}

async function parseInteger(input: string, _context: unknown, {min, max}: FlagDefinition): Promise<number> {
  if (!/^-?\d+$/.test(input)) throw new NeedsOclif('not an integer');
  const value = Number.parseInt(input, 10);
  if ((min !== undefined && value < min) || (max !== undefined && value > max)) throw new NeedsOclif('out of range');
  return value;
}

const option =
  (parse: unknown) =>
  (options: Options = {}) => ({
    parse,
    ...options,
    input: [],
    multiple: options.multiple === true,
    type: 'option',
  });

export const Flags = {
  boolean: (options: Options = {}) => ({
    parse: same,
    ...options,
    allowNo: options.allowNo === true,
    type: 'boolean',
  }),
  string: option(same),
  integer: option(parseInteger),
};

export const Args = {
  string: (options: Options = {}) => ({parse: same, ...options, input: [], type: 'option'}),
};

/** What a definition may hold for this parser to handle it; a flag with anything else that matters is left to oclif. */
const PLAIN_FLAG = new Set(
  `allowNo char default dependsOn description exclusive helpGroup helpLabel helpValue hidden input max min multiple
  multipleNonGreedy name options parse required summary type`.split(/\s+/),
);

function checkPlain(name: string, flag: FlagDefinition): void {
  for (const property in flag) if (!PLAIN_FLAG.has(property)) throw new NeedsOclif(`--${name} has ${property}`);
  if (flag.multiple && !flag.multipleNonGreedy) throw new NeedsOclif(`--${name} takes all that follows`);
}

interface Tokens {
  readonly values: Map<string, string[]>;
  readonly positional: string[];
}

/** Splits arguments into the values of flags and the rest; `--flag value`, `--flag=value`, `-f value`, `-fvalue`. */
function tokenize(argv: readonly string[], flags: Record<string, FlagDefinition>): Tokens {
  const values = new Map<string, string[]>();
  const positional: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const token = argv[i] as string;
    if (token === '--') {
      for (i++; i < argv.length; i++) positional.push(argv[i] as string);
      break;
    }
    if (!token.startsWith('-') || token === '-') {
      positional.push(token);
      continue;
    }
    const isLong = token.startsWith('--');
    const equals = isLong ? token.indexOf('=') : -1;
    const name = isLong
      ? token.slice(2, equals < 0 ? undefined : equals)
      : Object.keys(flags).find(key => flags[key]?.char === token[1]);
    const flag = name !== undefined && Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (name === undefined || flag === undefined) throw new NeedsOclif(`unknown flag ${token}`);
    checkPlain(name, flag);
    let value: string | undefined;
    if (flag.type === 'boolean') {
      if (isLong ? equals >= 0 : token.length > 2) throw new NeedsOclif(`${token} joins several`);
      value = token;
    } else {
      if (isLong) value = equals < 0 ? argv[++i] : token.slice(equals + 1);
      else value = token.length === 2 ? argv[++i] : token.slice(token[2] === '=' ? 3 : 2);
      if (value === undefined || value.startsWith('-')) throw new NeedsOclif(`${token} without a plain value`);
      if (flag.options && !flag.options.includes(value)) throw new NeedsOclif(`no such ${token}`);
      if (values.has(name) && !flag.multiple) throw new NeedsOclif(`${token} twice`);
    }
    const list = values.get(name);
    if (list === undefined) values.set(name, [value]);
    else list.push(value);
  }
  return {values, positional};
}

async function parseFlags(values: Tokens['values'], flags: Record<string, FlagDefinition>): Promise<Parsed['flags']> {
  const result: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const given = values.get(name);
    if (given === undefined) {
      if (flag.required) throw new NeedsOclif(`--${name} is missing`);
      if (typeof flag.default === 'function' || 'env' in flag) throw new NeedsOclif(`--${name} has a computed default`);
      if (flag.default !== undefined) result[name] = flag.default;
    } else if (flag.type === 'boolean') {
      result[name] = await flag.parse(true, undefined, flag);
    } else if (flag.multiple) {
      result[name] = await Promise.all(given.map(value => flag.parse(value, undefined, flag)));
    } else {
      result[name] = await flag.parse(given[0] as string, undefined, flag);
    }
  }
  for (const name of values.keys()) {
    const flag = flags[name] as FlagDefinition;
    if (flag.exclusive?.some(other => other !== name && values.has(other)))
      throw new NeedsOclif(`--${name} and another`);
    if (flag.dependsOn?.some(other => result[other] === undefined)) throw new NeedsOclif(`--${name} alone`);
  }
  return result;
}

async function parseArgs(positional: readonly string[], definitions: Definitions): Promise<Parsed['args']> {
  const entries = Object.entries(definitions.args ?? {});
  const variadic = entries.findIndex(([, arg]) => arg.multiple);
  if (variadic < 0 && positional.length > entries.length) throw new NeedsOclif('too many arguments');
  if (variadic >= 0 && variadic !== entries.length - 1) throw new NeedsOclif('arguments after a variadic one');
  const result: Record<string, unknown> = {};
  for (const [at, [name, arg]] of entries.entries()) {
    const inputs = at === variadic ? positional.slice(at) : positional.slice(at, at + 1);
    if (inputs.length === 0) {
      if (arg.required || !arg.ignoreStdin) throw new NeedsOclif(`${name} is missing`);
      if (typeof arg.default === 'function') throw new NeedsOclif(`${name} has a computed default`);
      if (arg.default || arg.default === false) result[name] = arg.default;
      continue;
    }
    const parsed: unknown[] = [];
    for (const input of inputs) {
      if (arg.options && !arg.options.includes(input)) throw new NeedsOclif(`no such ${name}`);
      parsed.push(await arg.parse(input, undefined, arg));
    }
    result[name] = at === variadic ? parsed : parsed[0];
  }
  return result;
}

/** The base class in place of oclif's: holds the arguments and parses them if they are plain. */
export class Command {
  readonly argv: string[];
  readonly config: unknown;

  constructor(argv: string[], config: unknown) {
    this.argv = argv;
    this.config = config;
  }

  async parse(definitions: Definitions, argv: readonly string[] = this.argv): Promise<Parsed> {
    if (definitions.strict === false) throw new NeedsOclif('a command that is not strict');
    const flags = {...definitions.baseFlags, ...definitions.flags};
    const tokens = tokenize(argv, flags);
    try {
      return {flags: await parseFlags(tokens.values, flags), args: await parseArgs(tokens.positional, definitions)};
    } catch {
      // A value that the definition's own `parse` refuses: oclif words the error.
      throw new NeedsOclif('a value was refused');
    }
  }
}
