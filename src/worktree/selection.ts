/**
 * Which paths a command is about: everything, or the entries and subtrees that it names. Layer: worktree.
 */
import {DbosError} from '../errors.js';
import {isWithin, pathProblem} from '../state/path.js';

export class Selection {
  /** `paths` lie in the work tree, relative to its root; `''` is everything, and so is an empty list. Throws PATH_INVALID. */
  constructor(readonly paths: readonly string[] = []) {
    for (const path of paths) {
      const problem = path === '' ? undefined : pathProblem(path);
      if (problem === undefined) continue;
      throw new DbosError('PATH_INVALID', `The path ${JSON.stringify(path)} cannot be used: a name in it ${problem}.`, {
        hint: 'Name files and directories inside the work tree.',
        data: {path},
      });
    }
  }

  /** Whether nothing is left out. */
  get all(): boolean {
    return this.paths.length === 0 || this.paths.includes('');
  }

  /** Returns whether an entry is selected. */
  includes(path: string): boolean {
    return this.all || this.paths.some(chosen => isWithin(path, chosen));
  }

  /** Returns whether a directory may have selected entries. */
  reaches(directory: string): boolean {
    return this.all || this.paths.some(chosen => isWithin(directory, chosen) || isWithin(chosen, directory));
  }

  /** Returns whether an entry lies on the way to something selected. */
  leadsTo(path: string): boolean {
    return !this.all && this.paths.some(chosen => chosen !== path && isWithin(chosen, path));
  }
}
