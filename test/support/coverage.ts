/**
 * Which of the processes that tests start report the lines that they run. A report costs a process as much as its work, so
 * a file of tests reports each command with the same flags once; what the gate counts may be too little, never too much.
 */

/** What keeps a process from reporting coverage, which turns the code cache off: where there are hundreds of them, or the cache is tested. */
export const UNCOVERED = {NODE_V8_COVERAGE: ''};

const reported = new Set<string>();

/** Returns what to add to the environment of `dbos` with these arguments: {@link UNCOVERED} but for the first of its kind. */
export function coverageOf(args: readonly string[]): Record<string, string> {
  const words = args.filter(word => /^[a-z]+$/.test(word)).slice(0, 2);
  const flags = args.filter(word => word.startsWith('-')).map(word => word.split('=')[0]);
  const kind = [...words, ...flags.sort()].join(' ');
  if (reported.has(kind)) return UNCOVERED;
  reported.add(kind);
  return {};
}
