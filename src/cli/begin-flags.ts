/** What commands that begin a transaction are told about it. Layer: cli. */
import {ISOLATIONS, type Isolation} from '../repo/opentransaction.js';
import type {BeginOptions} from '../repo/opentransactions.js';
import {branchName} from '../repo/refs.js';
import {Flags} from './command.js';

export const beginFlags = {
  branch: Flags.string({
    description: 'The branch that it will be committed to (the current one unless given).',
    helpValue: 'BRANCH',
  }),
  message: Flags.string({char: 'm', description: 'The message of its commit.', helpValue: 'MSG'}),
  isolation: Flags.string({
    description: 'serializable: it fails if what it has read changes before it is committed.',
    options: [...ISOLATIONS],
    default: 'snapshot',
  }),
};

/** Returns what the flags say. Throws REF_NAME_INVALID. */
export function beginOptions({
  branch,
  message,
  isolation,
}: {
  readonly branch?: string | undefined;
  readonly message?: string | undefined;
  readonly isolation: string;
}): BeginOptions {
  return {
    branch: branch === undefined ? undefined : branchName(branch),
    message,
    isolation: isolation as Isolation,
  };
}
