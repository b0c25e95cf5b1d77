/**
 * SIGINT, SIGTERM and SIGHUP while the store is open. Guarantee: the first signal asks the work to stop, gives it a moment to
 * settle, releases the store and ends with 128 + the signal's number; a second one ends at once, which is safe because
 * the store survives a kill at any moment. Layer: cli.
 */
import {constants} from 'node:os';
import {Interrupted} from './failure.js';

const SETTLE_MS = 2000;
/** Whether this process is a shell, which goes on after a command that was interrupted. */
let outlives = false;

/** From now on Ctrl-C ends commands and never the process. */
export function outliveSignals(): void {
  outlives = true;
}

/** Returns whether Ctrl-C must not end the process. */
export function outlivesSignals(): boolean {
  return outlives;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Returns what `work` returns; `release` always runs after it. Throws `Interrupted` if a signal came. */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  release: () => Promise<void>,
): Promise<T> {
  const controller = new AbortController();
  let interrupted: Interrupted | undefined;
  let giveUp: (reason: Interrupted) => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  stopped.catch(() => undefined);
  const onSignal = (name: (typeof SIGNALS)[number]) => {
    if (interrupted !== undefined && !(outlives && name === 'SIGINT')) process.exit(interrupted.exitStatus);
    const failure = new Interrupted(name, constants.signals[name]);
    interrupted = failure;
    controller.abort(failure);
    setTimeout(() => giveUp(failure), SETTLE_MS).unref();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    const result = await Promise.race([work(controller.signal), stopped]);
    if (interrupted !== undefined) throw interrupted;
    return result;
  } catch (error) {
    throw interrupted ?? error;
  } finally {
    await release();
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
