/**
 * What can stand at the end of a command line: commands, flags, and the names in the store. The shell scripts of
 * `completion.ts` ask for it. Layer: cli.
 */
import {findCommand} from './arguments.js';

/** What an argument or a flag's value names. `tracked` is a path in the current commit. */
export type CompletionKind =
  | 'branch'
  | 'tag'
  | 'revision'
  | 'tracked'
  | 'table'
  | 'remote'
  | 'transaction'
  | 'setting'
  | 'operation'
  | 'command'
  | 'file'
  | 'directory'
  | 'none';

/** What each argument and flag names; of an argument that is several words what each of them does, the last kind also for more. */
export type Completes = Readonly<Record<string, CompletionKind | readonly [CompletionKind, ...CompletionKind[]]>>;

export interface Candidate {
  readonly value: string;
  readonly description?: string | undefined;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Paths that the shell itself adds. */
  readonly files?: 'files' | 'directories' | undefined;
}

interface SurfaceFlag {
  readonly name: string;
  readonly char?: string;
  readonly type: 'option' | 'boolean';
  readonly multiple?: boolean;
  readonly hidden?: boolean;
  readonly options?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
}

interface SurfaceArg {
  readonly name: string;
  readonly multiple?: boolean;
  readonly options?: readonly string[];
}

interface SurfaceCommand {
  readonly id: string;
  readonly hidden?: boolean;
  readonly summary?: string;
  readonly flags: Readonly<Record<string, SurfaceFlag>>;
  readonly args: Readonly<Record<string, SurfaceArg>>;
  readonly takesPaths?: boolean;
  readonly completes?: Completes;
}

/** The commands with their flags and arguments, as the build writes them down in `manifest.json`. */
export interface Surface {
  readonly commands: Readonly<Record<string, SurfaceCommand>>;
}

/** Reads the names of one kind in the store that start with a prefix. */
export type NameSource = (kind: CompletionKind, prefix: string) => Promise<readonly Candidate[]>;

const describe = ({summary, description}: {summary?: string; description?: string}) =>
  (summary ?? description)?.split('\n')[0];

/** bash hands over `--flag=value` as three words. */
function joinEquals(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const before = joined.at(-1);
    if (words[i] === '=' && before?.startsWith('--')) joined[joined.length - 1] = `${before}=${words[++i] ?? ''}`;
    else joined.push(words[i] as string);
  }
  return joined;
}

/** Returns the directory that `-C` or `--directory` names among the words, or undefined. */
export function directoryOf(words: readonly string[]): string | undefined {
  const typed = joinEquals(words).slice(0, -1);
  let found: string | undefined;
  for (const [at, word] of typed.entries()) {
    if (word === '--') break;
    if (word === '-C' || word === '--directory') found = typed[at + 1];
    else found = /^(?:-C=?|--directory=)(.+)$/s.exec(word)?.[1] ?? found;
  }
  return found;
}

/** Returns the commands whose name starts with what was typed so far; of a topic's commands the next word. */
function completeCommand(surface: Surface, before: readonly string[], current: string): Completion {
  const prefix = before.map(word => `${word}:`).join('');
  const found = new Map<string, string | undefined>();
  for (const command of Object.values(surface.commands)) {
    if (command.hidden || !command.id.startsWith(prefix)) continue;
    const [word, ...rest] = command.id.slice(prefix.length).split(':');
    if (word === undefined || !word.startsWith(current)) continue;
    found.set(word, rest.length === 0 ? describe(command) : found.get(word));
  }
  return {candidates: [...found].map(([value, description]) => ({value, description}))};
}

async function completeValue(
  kind: CompletionKind | undefined,
  options: readonly string[] | undefined,
  current: string,
  context: {surface: Surface; names: NameSource},
): Promise<Completion> {
  if (options) return {candidates: options.filter(value => value.startsWith(current)).map(value => ({value}))};
  if (kind === 'file') return {candidates: [], files: 'files'};
  if (kind === 'directory') return {candidates: [], files: 'directories'};
  if (kind === 'command') return completeCommand(context.surface, [], current);
  if (kind === undefined || kind === 'none') return {candidates: []};
  return {candidates: await context.names(kind, current)};
}

function completeFlag(command: SurfaceCommand, current: string): Completion {
  const candidates: Candidate[] = [];
  for (const flag of Object.values(command.flags)) {
    if (flag.hidden || !`--${flag.name}`.startsWith(current)) continue;
    candidates.push({value: `--${flag.name}`, description: describe(flag)});
  }
  if ('--help'.startsWith(current)) candidates.push({value: '--help', description: 'Show the help of the command.'});
  return {candidates};
}

/** Returns what can replace the last of the words after `dbos`; `names` looks into the store. */
export async function complete(words: readonly string[], surface: Surface, names: NameSource): Promise<Completion> {
  const typed = joinEquals(words);
  const current = typed.at(-1) ?? '';
  const line = findCommand(typed.slice(0, -1), id => Object.hasOwn(surface.commands, id));
  if (line.id === undefined) {
    const before = line.argv.at(-1);
    if (before === '-C' || before === '--directory') return {candidates: [], files: 'directories'};
    return completeCommand(surface, line.words, current);
  }
  const command = surface.commands[line.id] as SurfaceCommand;
  const context = {surface, names};
  const flagOf = (word: string) =>
    Object.values(command.flags).find(flag => word === `--${flag.name}` || (flag.char && word === `-${flag.char}`));
  const everywhere: Completes = {directory: 'directory', txn: 'transaction'};
  const kindOf = (name: string, at = 0): CompletionKind | undefined => {
    const kinds = (Object.hasOwn(everywhere, name) ? everywhere : command.completes)?.[name];
    return typeof kinds === 'object' ? kinds[Math.min(at, kinds.length - 1)] : kinds;
  };
  if (line.argv.includes('--')) {
    return completeValue(command.takesPaths ? (kindOf('paths') ?? 'file') : undefined, undefined, current, context);
  }
  const pending = flagOf(line.argv.at(-1) ?? '');
  if (pending?.type === 'option') return completeValue(kindOf(pending.name), pending.options, current, context);
  const equals = current.startsWith('--') ? current.indexOf('=') : -1;
  if (equals > 0) {
    const flag = flagOf(current.slice(0, equals));
    if (flag === undefined) return {candidates: []};
    return completeValue(kindOf(flag.name), flag.options, current.slice(equals + 1), context);
  }
  if (current.startsWith('-')) return completeFlag(command, current);
  let position = 0;
  for (let i = 0; i < line.argv.length; i++) {
    const word = line.argv[i] as string;
    if (!word.startsWith('-')) position++;
    else if (flagOf(word)?.type === 'option') i++;
  }
  const args = Object.values(command.args);
  const index = Math.min(position, args.length - 1);
  const arg = args[index];
  if (arg === undefined || (position >= args.length && !arg.multiple)) {
    return position === 0 ? completeCommand(surface, line.words, current) : {candidates: []};
  }
  return completeValue(kindOf(arg.name, position - index), arg.options, current, context);
}
