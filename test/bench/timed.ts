/** Whole commands, timed in turn: wall time and peak memory of each, and medians. */
import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';

export interface Run {
  readonly seconds: number;
  /** Peak memory of the largest process in MB. */
  readonly memory: number;
}

/** Returns the middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

export class Timings {
  /** By work, then by tool. */
  readonly results = new Map<string, Map<string, Run[]>>();

  /** `base` is a folder for what is noted on the way. */
  constructor(private readonly base: string) {}

  /** Runs a shell line and returns its wall time and peak memory. Throws if it fails. */
  run(line: string, cwd: string, env: Record<string, string> = {}): Run {
    const report = join(this.base, 'time');
    const began = process.hrtime.bigint();
    const done = spawnSync('/usr/bin/time', ['-f', '%e %M', '-o', report, 'sh', '-c', line], {
      cwd,
      env: {...process.env, ...env},
      encoding: 'utf8',
      maxBuffer: 1 << 30,
    });
    const seconds = Number(process.hrtime.bigint() - began) / 1e9;
    if (done.status !== 0) throw new Error(`${line}: exit ${done.status}\n${done.stderr}`);
    return {seconds, memory: Number(readFileSync(report, 'utf8').trim().split(/\s+/)[1]) / 1024};
  }

  /** Runs a shell line as one of the runs of a tool at some work. */
  measure(work: string, tool: string, line: string, cwd: string, env?: Record<string, string>): void {
    // what came before must not be written back while this one is timed
    spawnSync('sync');
    const result = this.run(line, cwd, env);
    const tools = this.results.get(work) ?? new Map<string, Run[]>();
    this.results.set(work, tools);
    tools.set(tool, [...(tools.get(tool) ?? []), result]);
    console.error(`${work} | ${tool} | ${result.seconds.toFixed(3)} s | ${result.memory.toFixed(0)} MB`);
  }

  /** Returns the median of the seconds of a tool at some work; NaN if it did none. */
  seconds(work: string, tool: string): number {
    return median((this.results.get(work)?.get(tool) ?? []).map(result => result.seconds));
  }

  /** Prints a table; `reference` gives the seconds that the others at some work are compared with. */
  print(reference: (work: string) => number): void {
    console.log('| work | tool | seconds (median of n) | peak MB | ratio |\n|---|---|---|---|---|');
    for (const [work, byTool] of this.results) {
      for (const [tool, list] of byTool) {
        const seconds = this.seconds(work, tool);
        const memory = median(list.map(result => result.memory));
        const ratio = (seconds / reference(work)).toFixed(2);
        console.log(`| ${work} | ${tool} | ${seconds.toFixed(3)} (${list.length}) | ${memory.toFixed(0)} | ${ratio} |`);
      }
    }
  }
}
