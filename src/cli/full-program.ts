/**
 * The program with oclif: help, versions, errors of usage with suggestions, and every command once more, for arguments
 * that are not plain. Guarantee: commands and flags come from the manifest of the build, no directory is scanned.
 * Layer: cli.
 */
import {readFileSync} from 'node:fs';
import {type Command, Config, type Interfaces} from '@oclif/core';
import {DbosError} from '../errors.js';
import {didYouMean, nearestNames} from '../repo/nearest.js';
import {findCommand, hasSwitch} from './arguments.js';
import {describeFailure, failureJson, failureText} from './failure.js';
import {familiarCommand} from './familiar.js';
import {renderHelp} from './help.js';
import type {CommandTable} from './light-program.js';
import {stderr, stdout} from './output.js';
import {createStyle, wantsColor} from './style.js';

interface Manifest {
  readonly commands: Readonly<Record<string, Command.Cached>>;
}

type CommandClass = new (
  argv: string[],
  config: Config,
) => {_run(): Promise<unknown>; parse(options: unknown): Promise<unknown>};

/** What the bundle has beside the commands: the package's folder and the manifest. */
interface Place {
  readonly root: string;
  readonly manifest: Manifest;
}

/** oclif's configuration with the commands of this bundle. */
class ProgramConfig extends Config {
  json = false;
  plain = false;

  /** Writes the help of what the words name on stdout. Throws USAGE if they name nothing. */
  async showHelp(words: readonly string[]): Promise<void> {
    const id = words.join(':');
    if (id !== '' && !this.findCommand(id) && !this.findTopic(id)) throw unknownCommand(words, this.visibleCommands());
    const color = !this.plain && wantsColor({noColor: this.plain, terminal: () => stdout.isTerminal, env: process.env});
    const help = await renderHelp(this, words, color);
    if (!this.json) stdout.write(help);
    else stdout.write(`${JSON.stringify({help})}\n`);
  }

  /** Set when the program runs. */
  runProgram: (argv: readonly string[]) => Promise<void> = async () => undefined;

  visibleCommands(): string[] {
    return this.commands.filter(command => !command.hidden).map(command => command.id.replaceAll(':', ' '));
  }
}

function unknownCommand(words: readonly string[], known: readonly string[]): DbosError {
  const typed = words.join(' ');
  const [first = ''] = words;
  const near = didYouMean(
    [...new Set([...nearestNames(typed, known), ...nearestNames(words[0] ?? '', known)])].slice(0, 3),
  );
  return new DbosError('USAGE', `There is no command ${typed}.`, {
    hint: familiarCommand(first) ?? near ?? 'See `dbos help` for all commands.',
    data: {command: typed},
  });
}

async function loadConfig(table: CommandTable, {root, manifest}: Place): Promise<ProgramConfig> {
  const pjson = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as Interfaces.PJSON;
  const commands = Object.entries(manifest.commands).map(([id, cached]) => ({
    ...cached,
    load: async () => Object.assign((await table[id]?.())?.default as Command.Class, {id}),
  }));
  const {topics = {}} = pjson.oclif as {topics?: Record<string, {description?: string}>};
  const plugin: Partial<Interfaces.Plugin> = {
    name: pjson.name,
    version: pjson.version,
    root,
    pjson,
    commands,
    topics: Object.entries(topics).map(([name, topic]) => ({...topic, name})),
    commandIDs: Object.keys(manifest.commands),
    hooks: {},
    isRoot: true,
    valid: true,
    type: 'core',
    moduleType: 'commonjs',
  };
  const config = new ProgramConfig({root, plugins: new Map([[pjson.name, plugin as Interfaces.Plugin]])});
  await config.load();
  return config;
}

async function dispatch(config: ProgramConfig, argv: readonly string[]): Promise<void> {
  const {id, words, argv: rest} = findCommand(argv, name => config.findCommand(name) !== undefined);
  config.json = hasSwitch(rest, '--json');
  config.plain = hasSwitch(rest, '--no-color');
  if (id !== undefined && !hasSwitch(rest, '--help', '-h')) {
    const found = (await config.findCommand(id, {must: true}).load()) as unknown as CommandClass;
    await new found(rest, config)._run();
    return;
  }
  if (id !== undefined || words.length === 0 || config.findTopic(words.join(':'))) {
    if (words.length > 0 || !hasSwitch(rest, '--version')) await config.showHelp(words);
    else if (config.json) stdout.write(`${JSON.stringify({name: config.name, version: config.version})}\n`);
    else stdout.write(`${config.userAgent}\n`);
    return;
  }
  throw unknownCommand(words, config.visibleCommands());
}

/** Runs the arguments; the exit status is set when it returns, and all output is written. */
export async function main(table: CommandTable, argv: readonly string[], place: Place): Promise<void> {
  try {
    const config = await loadConfig(table, place);
    config.runProgram = words => main(table, words, place);
    await dispatch(config, argv);
  } catch (error) {
    const failure = describeFailure(error);
    process.exitCode = failure.exitStatus;
    if (hasSwitch(argv, '--json')) stdout.write(`${JSON.stringify(failureJson(failure))}\n`);
    else stderr.write(failureText(failure, createStyle(false), Boolean(process.env.DBOS_DEBUG)));
  }
  stdout.flush();
  stderr.flush();
}

/** Returns what the command that the arguments name gets from oclif's parser. Throws what oclif throws. */
export async function parse(table: CommandTable, argv: readonly string[], place: Place): Promise<unknown> {
  const config = await loadConfig(table, place);
  const {id, argv: rest} = findCommand(argv, name => config.findCommand(name) !== undefined);
  const found = config.findCommand(id ?? '', {must: true});
  const command = new ((await found.load()) as unknown as CommandClass)(rest, config);
  return command.parse(command.constructor);
}
