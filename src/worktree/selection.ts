/**
 * Which paths a command is about: everything, or the entries and subtrees that it names. Layer: worktree.
 */
import {DbosError} from '../errors.js';
import {parentOf, pathProblem} from '../state/path.js';

export class Selection {
  /** Whether nothing is left out. */
  readonly all: boolean;
  private readonly chosen: ReadonlySet<string>;
  /** The directories above what is chosen. */
  private readonly above = new Set<string>();

  /** `paths` lie in the work tree, relative to its root; `''` is everything, and so is an empty list. Throws PATH_INVALID. */
  constructor(readonly paths: readonly string[] = []) {
    this.all = paths.length === 0 || paths.includes('');
    this.chosen = new Set(paths);
    for (const path of paths) {
      const problem = path === '' ? undefined : pathProblem(path);
      if (problem !== undefined) {
        throw new DbosError(
          'PATH_INVALID',
          `The path ${JSON.stringify(path)} cannot be used: a name in it ${problem}.`,
          {
            hint: 'Name files and directories inside the work tree.',
            data: {path},
          },
        );
      }
      for (let at = path; at !== ''; ) {
        at = parentOf(at);
        this.above.add(at);
      }
    }
  }

  /** Returns whether an entry is selected. */
  includes(path: string): boolean {
    if (this.all) return true;
    for (let at = path; at !== ''; at = parentOf(at)) if (this.chosen.has(at)) return true;
    return false;
  }

  /** Returns whether a directory may have selected entries. */
  reaches(directory: string): boolean {
    return this.above.has(directory) || this.includes(directory);
  }

  /** Returns whether an entry lies on the way to something selected. */
  leadsTo(path: string): boolean {
    return !this.all && this.above.has(path);
  }
}
