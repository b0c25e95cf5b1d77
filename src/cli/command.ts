/**
 * The base of every command: global flags, output for people or as one JSON value, errors to exit statuses, the open repository.
 * Written against oclif's types; in the fast bundle `light-oclif.ts` stands in for oclif, so commands import `Flags` and
 * `Args` from here only. Guarantee: stdout holds the result and nothing else. Layer: cli.
 */
import {statSync} from 'node:fs';
import {resolve} from 'node:path';
import {Command, type Interfaces, Args as OclifArgs, Flags as OclifFlags} from '@oclif/core';
import {DbosError, EXIT, isDbosError} from '../errors.js';
import type {RepoContext} from '../repo/context.js';
import type {StoreLocation} from '../repo/location.js';
import type {NamedTransaction} from '../repo/opentransactions.js';
import type {Repository} from '../repo/repository.js';
import type {Publish} from '../repo/transaction.js';
import type {ReadTracker} from '../sql/write/read-tracker.js';
import {plainText} from '../state/quote.js';
import type {EarlyLook} from '../worktree/earlylook.js';
import {completeFlags, hasSwitch} from './arguments.js';
import type {Completes} from './complete.js';
import {describeFailure, type Failure, failureJson, failureText} from './failure.js';
import {interruptible} from './interrupt.js';
import {NeedsOclif} from './needs-oclif.js';
import {stderr, stdout} from './output.js';
import {type Pager, pagerCommand} from './pager.js';
import {Progress, type ProgressState} from './progress.js';
import {Pump} from './pump.js';
import {createStyle, type Style, wantsColor} from './style.js';

/** Flags that both ways of parsing know; add one to `light-oclif.ts` before it is listed here. */
export const Flags = {boolean: OclifFlags.boolean, string: OclifFlags.string, integer: OclifFlags.integer};

/** Arguments. oclif would fill a missing one from stdin, which hangs or surprises in scripts, so that is off. */
export const Args = {
  string: ((options: object = {}) => OclifArgs.string({ignoreStdin: true, ...options})) as typeof OclifArgs.string,
};

/** The flag of commands that make a commit, whose message may have paragraphs. */
export const messageFlag = {
  message: Flags.string({
    char: 'm',
    description: 'The message; given several times, each is a paragraph.',
    helpValue: 'MSG',
    multiple: true,
    multipleNonGreedy: true,
  }),
};

/** The flag of commands that act inside an open transaction, which DBOS_TXN names where it is not given. */
export const txnFlag = {
  txn: Flags.string({
    description: 'Act inside this open transaction; the one that DBOS_TXN names unless given.',
    helpValue: 'ID',
  }),
};

/** A result that is on stdout already: see `streamJson` and `streamParts`. */
const PRINTED = Symbol('printed');
/** JSON of a stream is held back up to this size, so that a failure until then still prints one JSON value. */
const HELD_JSON = 16 * 1024 * 1024;
/** The event loop gets a turn this often while lines are printed, so that signals and the pager are served. */
const TURN_MS = 50;

type Lines = Iterable<string> | AsyncIterable<string>;
type ParseInput<F extends object, B extends object, A extends object> = Interfaces.Input<F, B, A>;
type ParseResult<F extends object, B extends object, A extends object> = Interfaces.ParserOutput<F, B, A> & {
  /** What stood after `--`, where the command takes paths. */
  readonly paths: readonly string[];
};

/** The program's configuration, as far as commands use it. */
interface ProgramSource {
  showHelp(words: readonly string[]): Promise<void>;
  /** Runs the program with arguments, as a process would. */
  runProgram(argv: readonly string[]): Promise<void>;
}

interface GlobalFlags {
  readonly directory?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly 'no-color'?: boolean;
  readonly txn?: string;
}

export abstract class StoreCommand extends Command {
  static override baseFlags = {
    directory: OclifFlags.string({
      char: 'C',
      description: 'Run as if started in this directory.',
      helpGroup: 'GLOBAL',
      helpValue: 'DIR',
    }),
    json: OclifFlags.boolean({description: 'Print one JSON value on stdout.', helpGroup: 'GLOBAL'}),
    'no-color': OclifFlags.boolean({description: 'Print without colours.', helpGroup: 'GLOBAL'}),
    quiet: OclifFlags.boolean({char: 'q', description: 'Print no messages and no progress.', helpGroup: 'GLOBAL'}),
  };

  /** Exit statuses beside 0, 1 and 2 that the help lists. */
  static exits: readonly number[] = [];
  /** Whether `-- PATH…` is taken; what stands there comes as `paths`. */
  static takesPaths = false;
  /** Flags that may stand without a value, as the last word or before another flag, with the value that they then have. */
  static lenient: Readonly<Record<string, string>> = {};
  /** Whether long output goes through the pager. */
  static pages = false;
  /** Whether HEAD is what an open transaction is at, where one is named; else the command is about the transaction itself. */
  static looksInside = true;
  /** What the shell completes for each argument and flag; `paths` stands for what follows `--`. */
  static completes: Completes = {};

  /** The exit status of a command that did its work and found something amiss. */
  protected exitStatus: number = EXIT.done;
  protected json = false;
  protected quiet = false;
  /** Where the command runs: an absolute path. */
  protected directory = '';
  /** The transaction that the command is to act in, as it was typed; only of a command with `txnFlag`. */
  protected txn: string | undefined;
  /** That transaction, once the repository is open. */
  protected transaction: NamedTransaction | undefined;
  /** Takes note of what is read in it where that has to be known. */
  protected reads: ReadTracker | undefined;
  /** Whether `--` stands before the paths. */
  protected separated = false;
  private noColor = false;
  private pager: Pager | undefined;
  private painted: Style | undefined;
  private progressLine: Progress | undefined;
  private repository: Repository | undefined;
  /** Whether stdout has the beginning of a JSON value, so that an error cannot be printed there. */
  private begun = false;

  /** Returns the arguments; call it first. The global flags are in force from here on. */
  protected override async parse<F extends object, B extends object, A extends object>(
    options?: ParseInput<F, B, A>,
    argv: string[] = this.argv,
  ): Promise<ParseResult<F, B, A>> {
    const own = this.constructor as typeof StoreCommand;
    const cut = own.takesPaths ? argv.indexOf('--') : -1;
    const words = completeFlags(cut < 0 ? argv : argv.slice(0, cut), own.lenient);
    const parsed = await super.parse<F, B, A>(options, words);
    const flags = parsed.flags as GlobalFlags;
    if ('txn' in (own.flags ?? {})) this.txn = this.transactionNamed(flags.txn);
    this.json = flags.json === true;
    this.quiet = flags.quiet === true;
    this.noColor = flags['no-color'] === true;
    this.directory = flags.directory ?? '';
    this.separated = cut >= 0;
    return {...parsed, paths: cut < 0 ? [] : argv.slice(cut + 1)};
  }

  /** Returns the transaction that the user names: the one given, else that of DBOS_TXN. */
  protected transactionNamed(given: string | undefined): string | undefined {
    return given ?? (process.env.DBOS_TXN || undefined);
  }

  /** Runs the command to its end: prints the result or the error and sets the exit status. Throws `NeedsOclif` only. */
  protected override async _run<T>(): Promise<T> {
    // Until the arguments are parsed, the way to print an error is read off them.
    this.json = hasSwitch(this.argv, '--json');
    this.noColor = hasSwitch(this.argv, '--no-color');
    let result: unknown;
    try {
      result = await this.run();
      if (this.json && result !== PRINTED) this.printJson(result ?? null);
      process.exitCode = this.exitStatus;
    } catch (error) {
      if (error instanceof NeedsOclif) throw error;
      this.progressLine?.finish();
      this.fail(await this.describe(error));
    }
    this.progressLine?.finish();
    await this.finishPager();
    stdout.flush();
    stderr.flush();
    return result as T;
  }

  private async describe(error: unknown): Promise<Failure> {
    const {id, takesPaths} = this.constructor as typeof StoreCommand;
    const failure = describeFailure(error, id);
    if (failure.code !== 'USAGE' && failure.code !== 'REVISION_UNKNOWN') return failure;
    const {familiarHint} = await import('./familiar.js');
    const hint = familiarHint(error, {id, takesPaths, directory: resolve(this.directory)});
    return hint === undefined ? failure : {...failure, hint};
  }

  /** Writes an error on stderr that does not end the command. */
  protected failure(error: unknown): void {
    const failure = describeFailure(error, (this.constructor as typeof StoreCommand).id);
    if (this.json) stderr.write(`${JSON.stringify(failureJson(failure))}\n`);
    else this.writeFailure(failure);
    stderr.flush();
  }

  private writeFailure(failure: Failure): void {
    stdout.flush();
    const style = createStyle(this.wantsColor(() => stderr.isTerminal));
    stderr.write(failureText(failure, style, Boolean(process.env.DBOS_DEBUG)));
  }

  private fail(failure: Failure): void {
    process.exitCode = failure.exitStatus;
    if (this.json && this.begun) stderr.write(`${JSON.stringify(failureJson(failure))}\n`);
    else if (this.json) this.printJson(failureJson(failure));
    if (this.json && !process.env.DBOS_DEBUG) return;
    this.writeFailure(failure);
  }

  private wantsColor(terminal: () => boolean): boolean {
    const setting = this.repository?.config.get('color.ui');
    return wantsColor({noColor: this.noColor, terminal, env: process.env, setting});
  }

  /** Returns the colours for stdout. */
  protected get style(): Style {
    this.painted ??= createStyle(this.wantsColor(() => stdout.isTerminal));
    return this.painted;
  }

  /** The width of the terminal in columns. */
  protected get columns(): number {
    return stdout.columns;
  }

  /** Writes a line of the result on stdout. Does nothing with `--json`. */
  protected print(line: string): void {
    if (!this.json) stdout.write(`${line}\n`);
  }

  /** Writes the lines of a long result on stdout, through the pager if the command pages; stops when nobody reads. */
  protected async printLines(lines: Lines): Promise<void> {
    if (this.json) return;
    let turn = performance.now();
    let isFirst = true;
    for await (const line of lines) {
      // not before there is something to read: Ctrl-C would leave the user in an empty pager
      if (isFirst) await this.startPager();
      isFirst = false;
      stdout.write(`${line}\n`);
      if (stdout.isFull || performance.now() - turn > TURN_MS) {
        await this.turn();
        turn = performance.now();
      }
      if (stdout.closed || this.pager?.closed) return;
    }
  }

  private async startPager(): Promise<void> {
    if (!(this.constructor as typeof StoreCommand).pages || this.pager !== undefined || !stdout.isTerminal) return;
    const command = pagerCommand(process.env, this.repository?.config.get('core.pager'));
    if (command === undefined) return;
    this.pager = await (await import('./pager.js')).Pager.start(command, stdout, process.env);
  }

  /** Shows what was printed so far and gives the event loop a turn. */
  protected async turn(): Promise<void> {
    if (this.pager !== undefined) return this.pager.show();
    stdout.flush();
    await new Promise(done => setImmediate(done));
  }

  /** Writes bytes on stdout as they are, in order with `print`. Returns whether anybody still reads. */
  protected printBytes(bytes: Uint8Array): boolean {
    stdout.writeBytes(bytes);
    return !stdout.closed;
  }

  /** Writes the parts of a body on stdout as they are, while they are read; stops when nobody reads. */
  protected async printChunks(chunks: Iterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    let turn = performance.now();
    for (const chunk of chunks) {
      if (!this.printBytes(chunk)) return;
      if (performance.now() - turn > TURN_MS) {
        await this.turn();
        turn = performance.now();
        signal.throwIfAborted();
      }
    }
  }

  /** Writes what was done on stdout, for people: not with `--json` or `--quiet`. */
  protected report(line: string): void {
    if (!this.quiet) this.print(line);
  }

  /** Writes a message on stderr, unless `--quiet` is given: what was done, how to go on. */
  protected note(line: string): void {
    if (this.quiet) return;
    stdout.flush();
    stderr.write(`${plainText(line)}\n`);
    stderr.flush();
  }

  /** Writes a warning on stderr. */
  protected warning(line: string): void {
    stdout.flush();
    stderr.write(`${createStyle(this.wantsColor(() => stderr.isTerminal)).yellow('warning:')} ${plainText(line)}\n`);
    stderr.flush();
  }

  /** Returns the line of progress on stderr; it shows itself only on a terminal and when the work lasts. */
  protected get progress(): Progress {
    this.progressLine ??= new Progress(stderr, !this.quiet);
    return this.progressLine;
  }

  /** Shows how far long work is: what the library takes as `progress`. */
  protected readonly showProgress = (state: ProgressState): void => {
    this.progress.update(state);
  };

  private printJson(value: unknown): void {
    stdout.write(`${JSON.stringify(value, jsonValue, stdout.isTerminal ? 2 : 0)}\n`);
  }

  /** Writes a line of JSON on stdout at once, while the command goes on; return what this returns from `run`. */
  protected printEvent(line: string): typeof PRINTED {
    this.begun = true;
    stdout.write(line);
    stdout.flush();
    return PRINTED;
  }

  /** Writes a JSON array, an element a line, while it is produced; return what this returns from `run`. */
  protected async streamJson(elements: Iterable<unknown> | AsyncIterable<unknown>): Promise<typeof PRINTED> {
    let held = '';
    let size = 0;
    let turn = performance.now();
    for await (const element of elements) {
      const text = `${size === 0 ? '[\n' : ',\n'}${JSON.stringify(element, jsonValue)}`;
      size += text.length;
      held += text;
      if (size > HELD_JSON) {
        this.begun = true;
        stdout.write(held);
        held = '';
      }
      if (stdout.closed) return PRINTED;
      if (performance.now() - turn > TURN_MS) {
        await new Promise(done => setImmediate(done));
        turn = performance.now();
      }
    }
    stdout.write(`${held}${size === 0 ? '[]\n' : '\n]\n'}`);
    return PRINTED;
  }

  /**
   * Writes the parts of a result on stdout beside the work that makes them; stops when nobody reads. A part may use the
   * memory of the one before. `made` is called when there are no more, or one failed, before the last of them are written.
   * Return what this returns from `run`.
   */
  protected async streamParts(parts: AsyncIterable<Uint8Array>, made: () => Promise<void>): Promise<typeof PRINTED> {
    stdout.flush();
    const pump = stdout.isDiverted ? new Diversion() : new Pump(1);
    let held: Uint8Array[] | undefined = this.json ? [] : undefined;
    let size = 0;
    try {
      for await (const part of parts) {
        held?.push(Buffer.from(part));
        size += part.length;
        if (held === undefined) await pump.push(part);
        else if (size > HELD_JSON) {
          this.begun = true;
          for (const early of held) await pump.push(early);
          held = undefined;
        }
        if (pump.closed) break;
      }
    } catch (error) {
      await made();
      await pump.finish();
      throw error;
    }
    await made();
    for (const late of held ?? []) await pump.push(late);
    await pump.finish();
    return PRINTED;
  }

  /** Whether stdout is a terminal. */
  protected get onTerminal(): boolean {
    return stdout.isTerminal;
  }

  /** Writes the help for a command or a topic, or of all; return what this returns from `run`. */
  protected async showHelp(words: readonly string[]): Promise<typeof PRINTED> {
    await (this.config as unknown as ProgramSource).showHelp(words);
    return PRINTED;
  }

  /** Runs another command of the program in this process; `process.exitCode` is set when it returns. */
  protected runProgram(argv: readonly string[]): Promise<void> {
    return (this.config as unknown as ProgramSource).runProgram(argv);
  }

  /** Returns where the command runs. Throws PATH_UNKNOWN if `-C` names no directory. */
  protected workingDirectory(): string {
    const path = resolve(this.directory);
    if (this.directory !== '' && !statSync(path, {throwIfNoEntry: false})?.isDirectory()) {
      throw new DbosError('PATH_UNKNOWN', `There is no directory ${path}.`, {hint: 'Check what follows -C.'});
    }
    return path;
  }

  /**
   * Returns what `work` returns, given the repository of the nearest store: opens it (waits for its lock), closes it
   * whatever happens. `signal` aborts when the user interrupts; `found` hears where the store is before it is opened.
   * Throws STORE_NOT_FOUND, STORE_LOCKED.
   */
  protected async withRepository<T>(
    work: (repository: Repository, signal: AbortSignal) => Promise<T>,
    found?: (location: StoreLocation) => void,
  ): Promise<T> {
    const repository = await this.openRepository(found);
    return interruptible(
      signal => work(repository, signal).catch(error => this.rethrow(repository, error)),
      () => this.leave(repository),
    );
  }

  /** Throws an error of the work, with another hint where a table was named like a file, or is there no more. */
  protected async rethrow(repository: Repository, error: unknown): Promise<never> {
    if (!isDbosError(error, 'PATH_UNKNOWN') && !isDbosError(error, 'TABLE_UNKNOWN')) throw error;
    const {tableInstead} = await import('./familiar.js');
    throw tableInstead(repository, error, (this.constructor as typeof StoreCommand).id);
  }

  /** Has the transaction know what was read in it, and closes the repository. */
  protected async leave(repository: Repository): Promise<void> {
    const {reads, transaction} = this;
    this.reads = undefined;
    try {
      if (reads && transaction)
        await (await import('../sql/write/read-tracker.js')).publishReads(repository, transaction, reads);
    } finally {
      await repository.close();
    }
  }

  /** Returns the repository of the nearest store, open, for work that leaves it itself and leaves signals as they are. */
  protected async openRepository(found?: (location: StoreLocation) => void): Promise<Repository> {
    const {openRepository} = await import('./repository.js');
    const repository = await openRepository(this.workingDirectory(), await this.context(), found);
    this.repository = repository;
    if (this.txn === undefined) return repository;
    try {
      const {enterTransaction, resolveTransaction} = await import('../repo/opentransactions.js');
      this.transaction = resolveTransaction(repository, this.txn);
      if (!(this.constructor as typeof StoreCommand).looksInside) return repository;
      if (this.transaction.transaction.isolation === 'serializable')
        this.reads = (await import('../sql/write/read-tracker.js')).ReadTracker.of(this.transaction);
      enterTransaction(repository, this.transaction);
    } catch (error) {
      await repository.close();
      throw error;
    }
    return repository;
  }

  /**
   * Returns what `work` returns, given the repository and the open transaction that the command is about. Throws USAGE if none
   * is named, TRANSACTION_UNKNOWN, and as `withRepository`.
   */
  protected async withTransaction<T>(
    work: (repository: Repository, transaction: NamedTransaction, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.txn === undefined) throw this.usage('Name the transaction with --txn, or in DBOS_TXN.');
    return this.withRepository((repository, signal) => work(repository, this.transaction as NamedTransaction, signal));
  }

  /** Returns what publishes and lets the work tree follow, and tells what is to be told of that. */
  protected following(repository: Repository, signal: AbortSignal): Publish {
    return async (transaction, publication) => {
      const [{publishAndFollow}, {moveWarnings}] = await Promise.all([
        import('../worktree/follow.js'),
        import('./move-text.js'),
      ]);
      const move = await publishAndFollow(repository, publication, {
        transaction,
        signal,
        progress: this.showProgress,
      });
      this.progress.finish();
      for (const line of moveWarnings(move)) this.warning(line);
      return move.operation;
    };
  }

  /** Returns the error for arguments that fit the flags but not each other. */
  protected usage(message: string): DbosError {
    const id = (this.constructor as typeof StoreCommand).id ?? '';
    return new DbosError('USAGE', message, {hint: `See \`dbos help ${id.replaceAll(':', ' ')}\`.`});
  }

  /** Returns what the library gets to know from outside. */
  protected async context(): Promise<RepoContext> {
    const {createContext} = await import('./repository.js');
    const id = (this.constructor as typeof StoreCommand).id ?? '';
    const words = [...id.split(':'), ...this.argv];
    return createContext(process.env, words, key => this.repository?.config.get(key));
  }

  /** As `withRepository`, for a command that looks at the whole work tree: the look begins while the store is opened. */
  protected async withWorkTree<T>(
    work: (repository: Repository, signal: AbortSignal, early: EarlyLook | undefined) => Promise<T>,
  ): Promise<T> {
    const {EarlyLook} = await import('../worktree/earlylook.js');
    let early: EarlyLook | undefined;
    try {
      return await this.withRepository(
        (repository, signal) => work(repository, signal, early),
        location => {
          early = EarlyLook.start(location);
        },
      );
    } finally {
      early?.stop();
    }
  }

  /** Waits until the reader has quit the pager, if there is one. */
  protected async finishPager(): Promise<void> {
    if (this.pager === undefined) return;
    // The terminal sends SIGINT to the pager too, which decides what it means.
    const ignore = () => undefined;
    process.on('SIGINT', ignore);
    await this.pager.finish();
    process.off('SIGINT', ignore);
    this.pager = undefined;
  }
}

/** Parts that go where stdout was diverted to, as a `Pump` takes them. */
class Diversion implements Pick<Pump, 'push' | 'finish' | 'closed'> {
  readonly closed = false;

  async push(bytes: Uint8Array): Promise<void> {
    stdout.writeBytes(bytes);
  }

  async finish(): Promise<void> {}
}

/** JSON has no 64-bit integers: those that a double cannot hold are printed as text. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : `${value}`;
}
