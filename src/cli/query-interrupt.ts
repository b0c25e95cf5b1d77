/**
 * Ctrl-C while a query runs, which gives the event loop no turn: a listener for the signal would not be called before the
 * query ends. Where nothing is to be cleaned up, the signal keeps its default action, which ends the process at once;
 * elsewhere the query runs in here. Guarantee: the query stops within an instant, and whoever called it goes on. Layer: cli.
 */
import {constants} from 'node:os';
import {type Context, createContext, Script} from 'node:vm';
import {Interrupted} from './failure.js';

/** Node stops a script for Ctrl-C in the middle of it, and only a script. */
const SCRIPT = new Script('work()');

export class InterruptGuard {
  private readonly context: Context = createContext({work: undefined});
  private readonly controller = new AbortController();
  private readonly listener = (): void => this.controller.abort(interruption());

  /** Returns what aborts work that waits. */
  get signal(): AbortController['signal'] {
    return this.controller.signal;
  }

  constructor() {
    process.on('SIGINT', this.listener);
  }

  /** Returns what `work` returns. Throws `Interrupted` if Ctrl-C was typed now or since the last call. */
  run<T>(work: () => T): T {
    this.signal.throwIfAborted();
    this.context.work = work;
    try {
      return SCRIPT.runInContext(this.context, {breakOnSigint: true, displayErrors: false}) as T;
    } catch (error) {
      throw isStop(error) ? interruption() : error;
    }
  }

  /** Yields the items; each is made under the guard. */
  async *each<T>(items: Generator<T, void>): AsyncGenerator<T, void> {
    let stopped = false;
    try {
      for (;;) {
        // a signal that came since the last one reaches the listener only in a turn of the event loop
        await new Promise(done => setImmediate(done));
        const next = this.run(() => items.next());
        if (next.done) return;
        yield next.value;
      }
    } catch (error) {
      stopped = error instanceof Interrupted;
      throw error;
    } finally {
      // V8 stops a generator without a word to it: it counts as running for ever
      if (!stopped) items.return();
    }
  }

  /** Gives the signal back its default action. */
  release(): void {
    process.off('SIGINT', this.listener);
  }
}

/** The error is one of the script's own world, so it is no `Error` of this one. */
function isStop(error: unknown): boolean {
  return (error as {code?: unknown} | undefined)?.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED';
}

function interruption(): Interrupted {
  return new Interrupted('SIGINT', constants.signals.SIGINT);
}
