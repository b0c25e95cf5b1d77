/**
 * Long output shown page by page: DBOS_PAGER, else the setting `core.pager`, else PAGER, else `less`, with LESS=FRX unless set (quits at once if it fits one
 * screen). Guarantee: the store need not stay open while somebody reads, because what the pager has not taken yet waits
 * in memory; a pager that quits early is no error, one that does not start leaves the output on the terminal.
 * Layer: cli.
 */
import type {ChildProcess} from 'node:child_process';
import type {Output} from './output.js';

/** What may wait for the pager in memory before the work that produces it is held up. */
const WAITING_BYTES = 64 * 1024 * 1024;
/** What was handed over before the pager is known to read. */
const RUNNING_BYTES = 4 * 1024 * 1024;
/** Exit statuses of a shell that could not run its command. */
const CANNOT_RUN = new Set([126, 127]);

/** Returns the pager's command line, or undefined if output shall not be paged. */
export function pagerCommand(env: NodeJS.ProcessEnv, setting?: string): string | undefined {
  const command = env.DBOS_PAGER ?? setting ?? env.PAGER ?? 'less';
  return command === '' || command === 'cat' || env.TERM === 'dumb' ? undefined : command;
}

export class Pager {
  private readonly child: ChildProcess;
  private readonly output: Output;
  private readonly ended: Promise<void>;
  /** What was handed over, kept until it is clear that the pager runs; undefined from then on. */
  private handed: Uint8Array[] | undefined = [];
  private handedBytes = 0;
  private failed = false;
  /** Whether nobody reads any more, so nothing more need be produced. */
  closed = false;

  private constructor(child: ChildProcess, output: Output) {
    this.child = child;
    this.output = output;
    this.ended = new Promise(resolve => {
      const end = (status: number | null) => {
        if (CANNOT_RUN.has(status ?? 0)) this.fail();
        else this.closed = true;
        resolve();
      };
      child.once('error', () => end(127));
      child.once('close', end);
    });
    // EPIPE when the pager quits: `ended` tells.
    child.stdin?.on('error', () => undefined);
  }

  /** Starts the pager; `output` is the terminal that it takes over until `finish`. */
  static async start(command: string, output: Output, env: NodeJS.ProcessEnv): Promise<Pager> {
    const {spawn} = await import('node:child_process');
    output.flush();
    const child = spawn(command, {
      shell: true,
      stdio: ['pipe', 'inherit', 'inherit'],
      env: {...env, LESS: env.LESS ?? 'FRX', LV: env.LV ?? '-c'},
    });
    output.held = true;
    return new Pager(child, output);
  }

  private fail(): void {
    this.failed = true;
    for (const bytes of this.handed ?? []) this.output.writeBytes(bytes);
  }

  /** Hands over what the output has buffered; waits only if the pager is far behind. */
  async show(): Promise<void> {
    if (this.failed) {
      this.output.flush();
      return;
    }
    const bytes = this.output.take();
    const {stdin} = this.child;
    if (bytes.length > 0 && !this.closed && stdin !== null) {
      this.handedBytes += bytes.length;
      this.handed?.push(bytes);
      // A pipe holds far less: the pager has read, so it runs.
      if (this.handedBytes - stdin.writableLength > RUNNING_BYTES) this.handed = undefined;
      stdin.write(bytes);
      if (stdin.writableLength > WAITING_BYTES) {
        await Promise.race([new Promise(resolve => stdin.once('drain', resolve)), this.ended]);
      }
    }
    await new Promise(resolve => setImmediate(resolve));
  }

  /** Waits until the reader quits the pager. */
  async finish(): Promise<void> {
    await this.show();
    this.child.stdin?.end();
    await this.ended;
    this.output.held = false;
    this.output.flush();
  }
}
