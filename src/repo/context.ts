/**
 * What the library needs from outside: the clock, the zone, who acts and where. It reads no environment, so the command
 * line (or a test) hands it all in. Layer: repo.
 */

import type {FileOwner} from '../state/file-edits.js';

export interface Identity {
  readonly name: string;
  readonly email: string;
}

export interface RepoContext {
  /** Returns the time in milliseconds since 1970. */
  readonly now: () => number;
  /** Returns the local zone at a time (milliseconds since 1970), in minutes east of UTC. */
  readonly zone: (time: number) => number;
  /** Returns who authors commits and tags; called only when one is written. */
  readonly identity: () => Identity;
  /** Returns who owns the files that are made in a state, called only when one is; nobody in particular without it. */
  readonly fileOwner?: (() => FileOwner) | undefined;
  /** The account, machine and process that operations are recorded under. */
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  /** The command line as operations record it, with secrets masked. */
  readonly command: string;
  /** The file of the user's settings; without one the store's settings are all there is. */
  readonly userConfig?: string;
  /** The token to show to other stores that are reached by http(s); wins over those that the user keeps. */
  readonly token?: string;
  /** How long to wait for another process to let go of the store, in milliseconds; wins over `core.lockTimeout`. */
  readonly lockTimeout?: number;
}

/** Whom an operation is recorded under. */
export type Actor = Pick<RepoContext, 'user' | 'command'>;
