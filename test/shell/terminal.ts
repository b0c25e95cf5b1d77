/** A pseudo-terminal with the built program in it, made by `script` of util-linux. */
import {type ChildProcessWithoutNullStreams, spawn, spawnSync} from 'node:child_process';
import type {ExecutionContext} from 'ava';
import {cleanEnvironment, PROGRAM} from '../cli/program.js';

/** Nothing that a test waits for takes longer, however busy the machine is. */
const PATIENCE_MS = 120_000;

export function hasTerminals(): boolean {
  return spawnSync('script', ['-qec', 'true', '/dev/null'], {stdio: 'ignore'}).status === 0;
}

export class Terminal {
  private readonly child: ChildProcessWithoutNullStreams;
  private text = '';
  private seen = 0;
  private wake: () => void = () => undefined;
  readonly ended: Promise<number | null>;

  constructor(t: ExecutionContext, directory: string, args: string, env: Readonly<Record<string, string>> = {}) {
    const command = `stty rows 40 cols 100; tty; exec '${process.execPath}' '${PROGRAM}' ${args}`;
    this.child = spawn('script', ['-qefc', command, '/dev/null'], {
      cwd: directory,
      env: cleanEnvironment({TERM: 'xterm', DBOS_PAGER: '', XDG_STATE_HOME: `${directory}/.state`, ...env}),
    });
    this.child.stdout.setEncoding('utf8').on('data', data => {
      this.text += data;
      this.wake();
    });
    this.ended = new Promise(resolve => this.child.on('close', resolve));
    t.teardown(() => this.child.kill('SIGKILL'));
  }

  type(keys: string): void {
    this.child.stdin.write(keys);
  }

  /** Waits until the output since the last call matches, and returns the match. */
  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = pattern.exec(plain(this.text.slice(this.seen)));
      if (found) {
        this.seen = this.text.length;
        return found;
      }
      if (Date.now() > deadline)
        throw new Error(`${pattern} did not come: ${JSON.stringify(plain(this.text.slice(this.seen)))}`);
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 1000);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Types the rest of a line and waits for the next prompt; returns what came between. */
  async line(text: string): Promise<string> {
    this.type(`${text}\r`);
    const typed = text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    const {input} = await this.expect(new RegExp(`${typed}\\n[\\s\\S]*dbos \\([^)]*\\)> $`));
    return input;
  }
}

/** Returns a text without what moves the cursor and paints. */
function plain(text: string): string {
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '');
}
