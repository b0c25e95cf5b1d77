/** How long work goes on: it tells how far it is, and gives the event loop its turns, so that signals are heard. Layer: sql. */

export interface TransferProgress {
  readonly label: string;
  /** Rows, or bytes of the file where it is only looked at. */
  readonly done: number;
  readonly total?: number | undefined;
  readonly bytes?: number | undefined;
}

export interface PaceOptions {
  readonly progress?: (state: TransferProgress) => void;
  readonly signal?: AbortSignal;
}

const TURN_MS = 50;

export class Pace {
  private turn = performance.now();
  /** What the last step said. */
  done = 0;

  constructor(private readonly options: PaceOptions) {}

  /** Takes note of what has been done. Throws the reason of the signal. */
  async step(state: TransferProgress): Promise<void> {
    const {progress, signal} = this.options;
    this.done = state.done;
    progress?.(state);
    if (performance.now() - this.turn < TURN_MS) return;
    await new Promise(done => setImmediate(done));
    signal?.throwIfAborted();
    this.turn = performance.now();
  }
}
