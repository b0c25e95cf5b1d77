/**
 * Commands of the shell itself: what each is called with, and how its words are read. Layer: shell.
 */
import {type ParseArgsConfig, parseArgs} from 'node:util';
import {DbosError} from '../errors.js';
import type {ShellHost} from './host.js';
import type {Session} from './session.js';
import type {Workspace} from './workspace.js';

/** What the last word of a command stands for, to complete it. */
export type WordKind = 'path' | 'directory' | 'host' | 'revision' | 'command' | 'none';

type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** A command that was entered. */
export interface Call {
  readonly host: ShellHost;
  readonly session: Session;
  readonly workspace: Workspace;
  /** The words after the command that are no flags. */
  readonly args: readonly string[];
  readonly flags: Flags;
}

export interface Builtin {
  /** How it is called, after its name. */
  readonly usage: string;
  readonly summary: string;
  readonly options?: NonNullable<ParseArgsConfig['options']>;
  /** How many words it takes besides flags. */
  readonly least: number;
  readonly most: number;
  /** Takes the words as they are: there are no flags. */
  readonly plain?: boolean;
  readonly completes: WordKind;
  /** Whether it changes the state, which the past does not allow. */
  readonly changes?: boolean;
  /** Runs it; a status other than 0 is that of a command of the program, whose error is reported already. */
  readonly run: (call: Call) => Promise<number | undefined>;
}

/** Returns the words of a command as it wants them. Throws USAGE. */
export function readArguments(
  name: string,
  builtin: Builtin,
  words: readonly string[],
): {readonly args: readonly string[]; readonly flags: Flags} {
  const {options = {}, least, most, plain = false} = builtin;
  let args = words;
  let flags: Flags = {};
  if (!plain) {
    try {
      const parsed = parseArgs({args: [...words], options, allowPositionals: true, strict: true});
      args = parsed.positionals;
      flags = parsed.values as Flags;
    } catch (error) {
      const [reason = ''] = (error as Error).message.split('. ');
      throw usage(name, builtin, `${reason.replace(/\.$/, '')}.`);
    }
  }
  if (args.length < least)
    throw usage(name, builtin, `${name} needs ${least === 1 ? 'a word' : `${least} words`} more.`);
  if (args.length > most) throw usage(name, builtin, `${name} does not take '${args[most]}'.`);
  return {args, flags};
}

export function usage(name: string, {usage: words}: Pick<Builtin, 'usage'>, message: string): DbosError {
  return new DbosError('USAGE', message, {hint: `It is called as: ${`${name} ${words}`.trim()}`});
}
