/**
 * Running again what met a conflict with what others have committed meanwhile: from the beginning, on what there is then, after
 * a wait that keeps those apart that met each other. Layer: repo.
 */
import {isDbosError} from '../errors.js';

export interface RetryOptions {
  /** How often it is run again. */
  readonly retries: number;
  /** The longest wait before it is run again for the first time, in milliseconds; it grows with each time. */
  readonly firstWait: number;
}

/** Returns what `work` returns; it is told how often it was run before. Throws what it throws, TRANSACTION_CONFLICT after the last retry. */
export async function retryConflicts<T>(
  work: (attempt: number) => Promise<T>,
  {retries, firstWait}: RetryOptions,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      if (!isDbosError(error, 'TRANSACTION_CONFLICT') || attempt >= retries) throw error;
    }
    await backOff(attempt, firstWait);
  }
}

/** Waits before something is run again that was run `attempt` times before: at most `firstWait` milliseconds, and more each time. */
export async function backOff(attempt: number, firstWait: number): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, Math.random() * firstWait * (attempt + 1)));
}
