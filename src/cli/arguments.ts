/**
 * The command line before any command sees it: the words as texts that keep every byte, the global flags that may stand
 * before the command, and the command that the words name. Layer: cli.
 */
import {readFileSync} from 'node:fs';
import {decodeText} from '../bytes.js';

/**
 * Returns the arguments of this process. Node replaces bytes that are not UTF-8 by U+FFFD, which would name another
 * file; where the system shows the arguments as they were given (Linux), they are read from there.
 */
export function readArguments(argv: readonly string[]): string[] {
  if (!argv.some(word => word.includes('\ufffd'))) return [...argv];
  let raw: Buffer;
  try {
    raw = readFileSync('/proc/self/cmdline');
  } catch {
    return [...argv];
  }
  const words: string[] = [];
  let from = 0;
  for (let end = raw.indexOf(0); end >= 0; end = raw.indexOf(0, from)) {
    words.push(decodeText(raw.subarray(from, end)));
    from = end + 1;
  }
  return words.slice(words.length - argv.length);
}

export interface CommandLine {
  /** The command's id, topics joined with a colon (`op:log`); undefined if the words name no command. */
  readonly id: string | undefined;
  /** The words that were looked up: the command's name, or what was meant to be one. */
  readonly words: readonly string[];
  /** What remains for the command, with the global flags that stood before its name. */
  readonly argv: string[];
}

const GLOBAL_SWITCHES = new Set(['--json', '--no-color', '--quiet', '-q']);

/** Returns the command that the arguments name, the longest of `ids` that matches, and the arguments that are left. */
export function findCommand(argv: readonly string[], has: (id: string) => boolean): CommandLine {
  const globals: string[] = [];
  let at = 0;
  for (; at < argv.length; at++) {
    const word = argv[at] as string;
    if (GLOBAL_SWITCHES.has(word) || /^(-C.|--directory=)/.test(word)) globals.push(word);
    else if ((word === '-C' || word === '--directory') && at + 1 < argv.length)
      globals.push(word, argv[++at] as string);
    else break;
  }
  const words: string[] = [];
  for (const word of argv.slice(at, at + 2)) {
    if (word.startsWith('-') || word.includes(':')) break;
    words.push(word);
  }
  for (let count = words.length; count > 0; count--) {
    const id = words.slice(0, count).join(':');
    if (has(id)) return {id, words: words.slice(0, count), argv: [...globals, ...argv.slice(at + count)]};
  }
  return {id: undefined, words, argv: [...globals, ...argv.slice(at)]};
}

/** Returns whether a switch is among the arguments, before any `--`. */
export function hasSwitch(argv: readonly string[], ...names: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).some(word => names.includes(word));
}

/**
 * Returns the arguments with the value that each of some flags has where none is given: where it is the last word, or another
 * flag or `--` follows. Any other word after it is its value.
 */
export function completeFlags(argv: readonly string[], values: Readonly<Record<string, string>>): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, at) => {
    const name = word.startsWith('--') && (end < 0 || at < end) ? word.slice(2) : '';
    if (!Object.hasOwn(values, name)) return word;
    return argv[at + 1]?.startsWith('-') === false ? word : `${word}=${values[name]}`;
  });
}
