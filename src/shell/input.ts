/**
 * What a typed text is: SQL, a setting, a command of the shell, or not finished yet. Words that both SQL and the shell have
 * (BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE) mean the shell's transaction, however they are spelled. Layer: shell.
 */
import {isComplete} from '../sql/parser/parser.js';
import {readCommands, type ShellCommand} from './words.js';

export type Input =
  | {readonly kind: 'commands'; readonly commands: readonly ShellCommand[]}
  /** One or more statements. */
  | {readonly kind: 'sql'; readonly sql: string}
  /** `.name rest` */
  | {readonly kind: 'setting'; readonly name: string; readonly rest: string}
  /** More lines must follow. */
  | {readonly kind: 'open'; readonly until: string};

const SQL_WORDS = new Set(
  'SELECT VALUES WITH INSERT REPLACE UPDATE DELETE CREATE DROP ALTER EXPLAIN PRAGMA REINDEX ANALYZE VACUUM'.split(' '),
);
/** What the sqlite3 shell writes with a dot, and this one also without. */
const COMMANDS_WITH_DOT = new Set(['exit', 'help', 'quit']);
/** SQL's words for transactions, which become commands of the shell. */
const TRANSACTION = /^\s*(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)\b([^;'"]*);\s*$/i;

/** Returns what a text is; comments of SQL may stand before a statement. Throws SHELL_SYNTAX. */
export function readInput(text: string): Input {
  const setting = /^\s*\.([a-z]+)(?:\s+(.*?))?\s*$/s.exec(text);
  if (setting) {
    const [, name = '', rest = ''] = setting;
    if (!COMMANDS_WITH_DOT.has(name)) return {kind: 'setting', name, rest};
    return readInput(name === 'help' ? `help ${rest}` : name);
  }
  const query = /^\s*query\s+(?=[^\s'"-])(.*)$/is.exec(text);
  if (query) return {kind: 'sql', sql: query[1] as string};
  if (isSql(text)) {
    return isComplete(text) ? {kind: 'sql', sql: text} : {kind: 'open', until: ';'};
  }
  const transaction = TRANSACTION.exec(text);
  const {commands, open} = readCommands(transaction ? transactionLine(transaction) : text);
  return commands === undefined ? {kind: 'open', until: open} : {kind: 'commands', commands};
}

/** Returns whether a text is a statement, as far as its first word tells. */
export function isSql(text: string): boolean {
  const word = /^(?:\s|--[^\n]*(?:\n|$)|\/\*.*?\*\/)*([a-z]+)\b/is.exec(text)?.[1];
  return word !== undefined && SQL_WORDS.has(word.toUpperCase());
}

/** Returns SQL's statement about a transaction in the words of the shell. */
function transactionLine([, verb = '', rest = '']: RegExpExecArray): string {
  const words = rest
    .trim()
    .split(/\s+/)
    .filter(word => !/^(|transaction|deferred|immediate|exclusive|savepoint)$/i.test(word));
  const command = verb.toLowerCase();
  return [command === 'end' ? 'commit' : command, ...words].join(' ');
}
