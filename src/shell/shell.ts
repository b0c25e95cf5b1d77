/**
 * The interactive shell: reads lines, carries out what they say, and never holds the store while it waits. Lines are commands
 * of its own, commands of the program, or SQL. From a terminal an error is shown and the session goes on; in a script it ends
 * the run, with its line. Layer: shell.
 */
import {DbosError, EXIT} from '../errors.js';
import {formatId} from '../objects/id.js';
import {nearestNames} from '../repo/nearest.js';
import {backOff} from '../repo/retry.js';
import {nameOf} from '../state/path.js';
import {readArguments} from './builtin.js';
import {BUILTINS, GROUPS} from './builtins.js';
import {writeOutput} from './editing.js';
import type {History} from './history.js';
import type {ShellHost} from './host.js';
import {readInput} from './input.js';
import type {LineSource} from './lines.js';
import {expandPattern} from './pattern.js';
import type {Session} from './session.js';
import {setting} from './settings.js';
import {isPattern, type ShellCommand, textOf, type Word} from './words.js';
import {readOnly, Workspace} from './workspace.js';

export interface ShellOptions {
  readonly host: ShellHost;
  readonly session: Session;
  readonly history: History;
  readonly lines: LineSource;
  /** Goes on after an error in a script. */
  readonly keepGoing: boolean;
  /** How often a transaction of a script is carried out again after a conflict. */
  readonly retries: number;
}

/** The texts of a script since a transaction was opened, which may be carried out again. */
interface Repeatable {
  readonly texts: {readonly text: string; readonly from: number}[];
  /** The session before the first one. */
  readonly before: Session;
  /** What they printed, which is held back until they are done. */
  held: Uint8Array[];
}

/** The longest wait before a transaction is carried out again for the first time, in milliseconds. */
const FIRST_WAIT = 100;

/** Commands of the program that show and change nothing, and the words with which they change something after all. */
const SHOWING: Readonly<Record<string, (words: readonly string[]) => boolean>> = {
  log: () => false,
  show: () => false,
  diff: () => false,
  status: () => false,
  history: () => false,
  help: () => false,
  fsck: () => false,
  schema: () => false,
  audit: () => false,
  query: () => false,
  op: words => words[0] === 'restore',
  txn: () => false,
  table: () => false,
  branch: words => words.some(word => !/^(--json|-v|--verbose)$/.test(word)),
  tag: words => words.some(word => word !== '--json'),
};
/** Commands of the program that take a moment. */
const TAKE_MOMENT = new Set(['query', 'schema', 'table']);
/** What ends a session. */
const LEAVE = new Set(['exit', 'quit']);

export class Shell {
  private leaving = false;
  private repeatable: Repeatable | undefined;

  constructor(private readonly options: ShellOptions) {}

  /** Carries out lines until there are no more; returns the exit status. */
  async run(): Promise<number> {
    const {lines, host, session, history, keepGoing} = this.options;
    let failed: number = EXIT.done;
    let text = '';
    let from = 1;
    while (!this.leaving) {
      if (lines.interactive && text === '') await this.look();
      const line = await lines.next(text === '' ? session.prompt : '   ...> ');
      if (line === 'cancelled') {
        text = '';
        continue;
      }
      if (line === 'ended') {
        if (text !== '') {
          failed = this.report(unfinished(text), from);
          break;
        }
        if (lines.interactive && !(await this.mayLeave())) continue;
        break;
      }
      if (text === '') from = line.number;
      if (lines.interactive) history.add(line.text);
      text += text === '' ? line.text : `\n${line.text}`;
      const status = await this.carryOut(text, from);
      if (status === 'open') continue;
      text = '';
      if (status === EXIT.done) continue;
      failed = status;
      if (!lines.interactive && !keepGoing) break;
    }
    this.release();
    if (session.transaction !== undefined) {
      host.note(`The transaction ${session.transaction} is still open: \`dbos txn ls\` lists it.`);
    }
    return lines.interactive ? EXIT.done : failed;
  }

  // -------------------------------------------------------------------------------------------------- again after a conflict

  /** Carries out a text as `attempt` does; a transaction that is open after it may be carried out again until it is committed. */
  private async carryOut(text: string, from: number): Promise<number | 'open'> {
    const {session, keepGoing, retries} = this.options;
    if (retries === 0) return this.attempt(text, from);
    this.repeatable ??= {texts: [], before: session.copy(), held: []};
    const {repeatable} = this;
    let status = await this.hold(repeatable, text, from);
    if (status === 'open') return status;
    repeatable.texts.push({text, from});
    if (status === EXIT.conflict && session.transaction !== undefined) status = await this.again(repeatable);
    const goesOn = status === EXIT.done || keepGoing;
    if (session.transaction === undefined || !goesOn) this.release();
    return status;
  }

  /** Carries out a text and keeps what it prints. */
  private async hold(repeatable: Repeatable, text: string, from: number): Promise<number | 'open'> {
    let status: number | 'open' = EXIT.done;
    const {bytes} = await this.options.host.capture(async () => {
      status = await this.attempt(text, from);
      return EXIT.done;
    });
    repeatable.held.push(bytes);
    return status;
  }

  /** Carries out the texts of a transaction that met a conflict until none is met; returns the status of the last one. */
  private async again(repeatable: Repeatable): Promise<number> {
    const {session, host, keepGoing, retries} = this.options;
    const [{from: first} = {from: 0}] = repeatable.texts;
    let status: number = EXIT.conflict;
    for (let attempt = 0; attempt < retries; attempt++) {
      if (status !== EXIT.conflict || session.transaction === undefined) break;
      await host.capture(() => new Workspace(host, session, 'rollback').program(['rollback']));
      session.restore(repeatable.before);
      await backOff(attempt, FIRST_WAIT);
      host.note(`The transaction that begins in line ${first} is carried out again.`);
      repeatable.held = [];
      for (const {text, from} of repeatable.texts) {
        status = (await this.hold(repeatable, text, from)) as number;
        if (status !== EXIT.done && !keepGoing) break;
      }
    }
    return status;
  }

  /** Prints what was held back. */
  private release(): void {
    const {host} = this.options;
    for (const bytes of this.repeatable?.held ?? []) host.write(bytes);
    this.repeatable = undefined;
    host.settle();
  }

  /** Carries out a text, or returns that it is not finished. */
  private async attempt(text: string, from: number): Promise<number | 'open'> {
    try {
      const input = readInput(text);
      if (input.kind === 'open') return 'open';
      if (input.kind === 'sql') return await this.sql(input.sql, text);
      if (input.kind === 'setting') return await this.setting(input.name, input.rest);
      return await this.commands(input.commands);
    } catch (error) {
      return this.report(error, from);
    } finally {
      this.options.host.settle();
    }
  }

  private report(error: unknown, line: number): number {
    const {host, lines} = this.options;
    const status = host.fail(error);
    if (!lines.interactive) host.note(`It stands in line ${line}.`);
    return status;
  }

  /** Notes the branch, for the prompt, and that the directory is still there. */
  private async look(): Promise<void> {
    const {session, host} = this.options;
    try {
      await new Workspace(host, session, '').look();
    } catch (error) {
      host.fail(error);
    }
  }

  private async mayLeave(): Promise<boolean> {
    const {session, lines, host} = this.options;
    if (session.transaction === undefined) return true;
    const answer = await lines.next(`\n${session.transaction} is open. Commit it, abort it, or keep it open? [c/a/k] `);
    const word = typeof answer === 'string' ? '' : answer.text.trim().toLowerCase();
    if (word === '') return answer === 'ended';
    if ('commit'.startsWith(word)) return (await this.attempt('commit', 0)) === EXIT.done;
    if ('abort'.startsWith(word)) return (await this.attempt('abort', 0)) === EXIT.done;
    if ('keep'.startsWith(word)) return true;
    host.note('Nothing was done.');
    return false;
  }

  // -------------------------------------------------------------------------------------------------- commands

  private async commands(commands: readonly ShellCommand[]): Promise<number> {
    const {lines, keepGoing} = this.options;
    let status: number = EXIT.done;
    let worst: number = EXIT.done;
    for (const command of commands) {
      if (this.leaving) break;
      if (command.dependent && status !== EXIT.done) continue;
      status = await this.command(command);
      if (status !== EXIT.done) worst = status;
      if (status !== EXIT.done && !lines.interactive && !keepGoing) break;
    }
    return worst;
  }

  private async command({words, redirection, text}: ShellCommand): Promise<number> {
    const {session, host} = this.options;
    const workspace = new Workspace(host, session, text);
    if (redirection === undefined) return this.execute(words, workspace);
    if (session.past !== undefined) throw readOnly(session.past.label);
    const {status, bytes} = await host.capture(() => this.execute(words, workspace));
    if (status === EXIT.done)
      await writeOutput({session, workspace}, textOf(redirection.target), redirection.append, bytes);
    return status;
  }

  private async execute(words: readonly Word[], workspace: Workspace): Promise<number> {
    const {session, host, history} = this.options;
    const [name = '', ...typed] = await this.expand(words, workspace);
    if (LEAVE.has(name)) {
      this.leaving = true;
      return EXIT.done;
    }
    if (name === 'help' || name === '?') return this.help(typed);
    if (name === 'history' && typed.length === 0) {
      const all = [...history.lines].reverse();
      for (const [i, line] of all.entries()) host.write(`${String(i + 1).padStart(5)}  ${line}\n`);
      return EXIT.done;
    }
    if (name === 'dbos') return this.program(typed, workspace);
    const builtin = BUILTINS.get(name);
    if (builtin === undefined) return this.program([name, ...typed], workspace);
    if (builtin.changes && session.past !== undefined) throw readOnly(session.past.label);
    const {args, flags} = readArguments(name, builtin, typed);
    const status = await builtin.run({host, session, workspace, args, flags});
    return status ?? EXIT.done;
  }

  private async expand(words: readonly Word[], workspace: Workspace): Promise<string[]> {
    const {session} = this.options;
    if (!words.some(isPattern)) return words.map(textOf);
    return workspace.read(files =>
      words.flatMap(word => {
        if (!isPattern(word)) return [textOf(word)];
        const found = expandPattern(
          word,
          {
            exists: path => path === '' || files.find(path) !== undefined,
            list: directory =>
              files.isDirectory(directory) ? [...files.list(directory)].map(row => nameOf(row.path)) : [],
          },
          path => session.resolve(path),
        );
        return found.length > 0 ? found : [textOf(word)];
      }),
    );
  }

  /** Runs a command of the program. */
  private async program(words: readonly string[], workspace: Workspace): Promise<number> {
    const {session, host} = this.options;
    const [name = '', ...rest] = words;
    if (!host.commands.includes(name)) throw unknownCommand(name, host.commands);
    const placed = this.placed(name, rest, workspace);
    if (session.past === undefined) return workspace.program(placed);
    const changes = Object.hasOwn(SHOWING, name) ? SHOWING[name] : undefined;
    if (changes === undefined || changes(rest)) throw readOnly(session.past.label);
    if (name !== 'log') return workspace.program(placed, TAKE_MOMENT.has(name));
    // the log of that moment, unless it is asked for another one
    const begun = rest[0] === undefined || rest[0].startsWith('-');
    return workspace.program(begun ? ['log', formatId(session.past.commit), ...placed.slice(1)] : placed, false);
  }

  /** Paths of commands that take some begin at the directory of the shell. */
  private placed(name: string, words: readonly string[], workspace: Workspace): string[] {
    if (name === 'history') {
      const at = words.findIndex(word => !word.startsWith('-'));
      return [name, ...words.map((word, i) => (i === at ? workspace.programPath(word) : word))];
    }
    const cut = words.indexOf('--');
    if (cut < 0) return [name, ...words];
    return [name, ...words.slice(0, cut + 1), ...words.slice(cut + 1).map(path => workspace.programPath(path))];
  }

  private async sql(sql: string, text: string): Promise<number> {
    const {session, host} = this.options;
    const {mode, timing} = session;
    const flags = [...(mode === undefined ? [] : ['--format', mode]), ...(timing ? ['--timing'] : [])];
    // a comment at the beginning is no flag
    return new Workspace(host, session, text).program(['query', ...flags, ` ${sql}`]);
  }

  private async setting(name: string, rest: string): Promise<number> {
    const {session, host} = this.options;
    const words = setting(name, rest, session, line => host.write(`${line}\n`));
    return words === undefined ? EXIT.done : new Workspace(host, session, `.${name} ${rest}`.trim()).program(words);
  }

  private async help([name, ...more]: readonly string[]): Promise<number> {
    const {host, session} = this.options;
    const builtin = name === undefined ? undefined : BUILTINS.get(name);
    if (name !== undefined && builtin === undefined) {
      return new Workspace(host, session, `help ${name}`).program(['help', name, ...more], false);
    }
    if (name !== undefined && builtin !== undefined) {
      host.write(`${name} ${builtin.usage}\n  ${builtin.summary}\n`);
      return EXIT.done;
    }
    for (const [title, builtins] of GROUPS) {
      host.write(`${title}\n`);
      for (const [each, {summary}] of Object.entries(builtins)) host.write(`  ${each.padEnd(10)} ${summary}\n`);
      host.write('\n');
    }
    host.write(
      'SQL\n  SELECT …;  Any statement that ends with ;, over as many lines as it takes; or: query SELECT …\n',
    );
    host.write('  .tables .schema [TABLE] .dump [TABLE] .mode [FORMAT] .timing [on|off]\n\n');
    host.write(
      'Every command of dbos, too: log, diff, show, branch, switch, tag, undo, redo, history PATH, … (`help log`).\n',
    );
    host.write('history lists the lines entered; exit leaves.\n');
    return EXIT.done;
  }
}

function unfinished(text: string): DbosError {
  const input = readInput(text);
  const until = input.kind === 'open' ? input.until : '';
  return new DbosError('SHELL_SYNTAX', 'The last command is not finished.', {hint: `It would go on until ${until}`});
}

function unknownCommand(name: string, known: readonly string[]): DbosError {
  const near = nearestNames(name, [...BUILTINS.keys(), ...known]);
  return new DbosError('USAGE', `There is no command ${name}.`, {
    hint:
      near.length > 0 ? `Did you mean ${near.slice(0, 3).join(', ')}?` : '`help` lists all of them; SQL ends with ;',
  });
}
