/**
 * The program as it runs nearly always: finds the command, which parses its plain arguments itself. Guarantee: whatever is not
 * plain (help, wrong usage, an unknown command) goes to the full program with oclif, before anything was done. Layer: cli.
 */

import {hasStore} from '../repo/location.js';
import {findCommand} from './arguments.js';
import {describeFailure, failureText} from './failure.js';
import type {Command} from './light-oclif.js';
import {NeedsOclif} from './needs-oclif.js';
import {isTerminal, stderr} from './output.js';
import {createStyle} from './style.js';

/** A command class, as far as the program uses it. */
type LightClass = {id?: string} & (new (argv: string[], config: unknown) => Command & {_run(): Promise<unknown>});

/** The commands by id; each is initialised when it is loaded. */
export type CommandTable = Readonly<Record<string, () => Promise<{default: unknown}>>>;

/** The parts of the full program that are used from here. */
export interface FullProgram {
  main(argv: readonly string[]): Promise<void>;
}

/** What commands get of the program. */
interface LightConfig {
  readonly showHelp: () => Promise<void>;
  readonly runProgram: (argv: readonly string[]) => Promise<void>;
}

const PARSING: LightConfig = {showHelp: unavailable, runProgram: unavailable};

async function unavailable(): Promise<void> {
  throw new NeedsOclif('help');
}

/** Returns the command, ready to run, or undefined if the words name none. */
async function createCommand(table: CommandTable, argv: readonly string[], config: LightConfig) {
  const {id, argv: rest} = findCommand(argv, name => Object.hasOwn(table, name));
  const load = id === undefined ? undefined : table[id];
  if (id === undefined || load === undefined) return undefined;
  const found = (await load()).default as LightClass;
  found.id = id;
  return new found(rest, config);
}

/** Runs the command that the arguments name; the exit status is set when it returns, and all output is written. */
export async function main(table: CommandTable, argv: readonly string[], full: () => FullProgram): Promise<void> {
  const config = {showHelp: unavailable, runProgram: (words: readonly string[]) => main(table, words, full)};
  try {
    const command = await createCommand(table, startsShell(argv) ? [...argv, 'shell'] : argv, config);
    if (command !== undefined) {
      await command._run();
      return;
    }
  } catch (error) {
    if (!(error instanceof NeedsOclif)) throw error;
  }
  await full().main(argv);
}

/** Returns whether somebody at a terminal named no command, where there is a store. */
function startsShell(argv: readonly string[]): boolean {
  const {id, words, argv: rest} = findCommand(argv, () => false);
  const plain =
    id === undefined && words.length === 0 && (rest.length === 0 || (rest.length === 2 && rest[0] === '-C'));
  return plain && isTerminal(0) && isTerminal(1) && hasStore(rest[1] ?? '.');
}

/** Returns what the command that the arguments name gets from its parser, or undefined if they are not plain. */
export async function parse(table: CommandTable, argv: readonly string[]): Promise<unknown> {
  try {
    const command = await createCommand(table, argv, PARSING);
    return command && (await command.parse(command.constructor as never));
  } catch (error) {
    if (error instanceof NeedsOclif) return undefined;
    throw error;
  }
}

/** Ends the process for an error that no command caught. */
export function crash(error: unknown): never {
  const failure = describeFailure(error);
  stderr.write(failureText(failure, createStyle(false), Boolean(process.env.DBOS_DEBUG)));
  stderr.flush();
  process.exit(failure.exitStatus);
}
