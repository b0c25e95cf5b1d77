/**
 * What a shell remembers from one line to the next: the directory, the transaction, the moment that it looks at. Layer: shell.
 */
import type {ObjectId} from '../objects/id.js';
import {parentOf} from '../state/path.js';

/** A moment of the past that is looked at. */
export interface Moment {
  readonly commit: ObjectId;
  /** How the prompt names it. */
  readonly label: string;
}

export class Session {
  /** The directory in the state, without slashes around it; the root is `''`. */
  directory = '';
  /** The directory before the last `cd`. */
  previous = '';
  past: Moment | undefined;
  /** The id of the open transaction. */
  transaction: string | undefined;
  /** How rows are printed; what the program takes unless given. */
  mode: string | undefined;
  timing = false;
  /** The branch, as it was last seen; undefined while HEAD is detached. */
  branch: string | undefined;

  /** Returns the session as it is now. */
  copy(): Session {
    return Object.assign(new Session(), this);
  }

  /** Makes the session what it was. */
  restore(saved: Session): void {
    Object.assign(this, saved);
  }

  get prompt(): string {
    const {branch = 'detached', past, transaction} = this;
    return `dbos (${branch}${transaction === undefined ? '' : ` ${transaction}`}${past === undefined ? '' : ` @ ${past.label}`})> `;
  }

  /** Returns the path in the state that is typed: from the root if it starts with `/` or `~`, else from the directory. `..` ends at the root. */
  resolve(typed: string): string {
    const absolute = /^(\/|~(\/|$))/.test(typed);
    let path = absolute ? '' : this.directory;
    for (const name of (absolute ? typed.replace(/^~/, '') : typed).split('/')) {
      if (name === '' || name === '.') continue;
      path = name === '..' ? parentOf(path) : path === '' ? name : `${path}/${name}`;
    }
    return path;
  }

  /** Returns a path as it is shown: from the root. */
  static shown(path: string): string {
    return `/${path}`;
  }
}
