// How many tests ran, by what ava prints: its summary leaves out those that passed where one failed.

const PASSED = /^\s*[✔√] /gm;
const FAILED = /^\s*[✘×] \[(?:fail|unexpected pass)\]: /gm;

/** Returns how many tests (and hooks) passed and failed; `code` is the exit status: not 0 also where a file broke off. */
export function countTests(output, code) {
  const count = pattern => output.match(pattern)?.length ?? 0;
  return {passed: count(PASSED), failed: Math.max(count(FAILED), code === 0 ? 0 : 1)};
}
