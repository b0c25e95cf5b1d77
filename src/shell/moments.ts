/**
 * Commands about transactions, and about the moment that is looked at: begin, commit, abort, rollback, savepoint, release,
 * state-at, now. Layer: shell.
 */
import {DbosError} from '../errors.js';
import {readCommit} from '../repo/commit.js';
import {ISOLATIONS, type Isolation} from '../repo/opentransaction.js';
import {beginTransaction} from '../repo/opentransactions.js';
import {branchName} from '../repo/refs.js';
import {resolveRevision} from '../repo/revisions.js';
import {formatTime} from '../repo/time.js';
import {type Builtin, type Call, usage} from './builtin.js';

const MANY = Number.POSITIVE_INFINITY;

export const begin: Builtin = {
  usage: '[-m MESSAGE] [--branch BRANCH] [--isolation snapshot|serializable]',
  summary: 'Open a transaction: what follows is seen by nobody else until `commit`.',
  options: {message: {type: 'string', short: 'm'}, branch: {type: 'string'}, isolation: {type: 'string'}},
  least: 0,
  most: 0,
  completes: 'none',
  changes: true,
  async run({flags, session, workspace, host}) {
    if (session.transaction !== undefined) {
      throw new DbosError('USAGE', `The transaction ${session.transaction} is open already.`, {
        hint: 'End it with `commit` or `abort`, or make a point to come back to with `savepoint NAME`.',
      });
    }
    const isolation = ISOLATIONS.find(each => each === (flags.isolation ?? 'snapshot'));
    if (isolation === undefined) throw usage('begin', begin, `There is no isolation '${flags.isolation}'.`);
    session.transaction = await workspace.open(async repo => {
      const {name} = await beginTransaction(repo, {
        branch: flags.branch === undefined ? undefined : branchName(String(flags.branch)),
        message: flags.message as string | undefined,
        isolation: isolation as Isolation,
      });
      return name;
    });
    host.write(`Transaction ${session.transaction} started\n`);
    return undefined;
  },
};

/** Ends the open transaction by a command of the program. */
async function end({session, workspace}: Call, words: readonly string[]): Promise<number> {
  const status = await workspace.program(words);
  if (status === 0) session.transaction = undefined;
  return status;
}

export const commit: Builtin = {
  usage: '[MESSAGE]',
  summary: 'Commit the transaction, or, where none is open, what was changed in the work tree.',
  least: 0,
  most: MANY,
  plain: true,
  completes: 'none',
  changes: true,
  async run(call) {
    const {args, session, workspace, host} = call;
    const message = args[0] === '-m' ? args.slice(1).join(' ') : args.join(' ');
    const words = ['commit', ...(message === '' ? [] : ['-m', message])];
    if (session.transaction !== undefined) return end(call, words);
    if (host.location.workTree === undefined) throw noTransaction('commit');
    return workspace.program(words);
  },
};

export const abort: Builtin = {
  usage: '[to SAVEPOINT]',
  summary: 'Undo the transaction, or what was done since a savepoint.',
  least: 0,
  most: 2,
  completes: 'none',
  async run(call) {
    const {args, session, workspace} = call;
    if (session.transaction === undefined) throw noTransaction('undo');
    if (args.length === 0) return end(call, ['rollback']);
    const name = args[0]?.toLowerCase() === 'to' ? args[1] : undefined;
    if (name === undefined) throw usage('rollback', abort, `rollback does not take '${args.join(' ')}'.`);
    return workspace.program(['rollback', '--to', name]);
  },
};

export const savepoint: Builtin = {
  usage: 'NAME',
  summary: 'Make a point in the transaction to come back to.',
  least: 1,
  most: 1,
  completes: 'none',
  changes: true,
  async run({args: [name = ''], session, workspace}) {
    if (session.transaction === undefined) throw noTransaction('save a point of');
    return workspace.program(['savepoint', name]);
  },
};

export const release: Builtin = {
  usage: 'NAME',
  summary: 'Forget a savepoint; what was done since stays.',
  least: 1,
  most: 1,
  completes: 'none',
  changes: true,
  async run({args: [name = ''], session, workspace}) {
    if (session.transaction === undefined) throw noTransaction('release a point of');
    return workspace.program(['release', name]);
  },
};

export const stateAt: Builtin = {
  usage: 'REVISION|TIME',
  summary: 'Look at the past: everything is as it was then, and cannot be changed.',
  least: 1,
  most: MANY,
  plain: true,
  completes: 'revision',
  async run({args, session, workspace, host}) {
    if (session.transaction !== undefined) {
      throw new DbosError('USAGE', `The transaction ${session.transaction} is open.`, {
        hint: 'End it with `commit` or `abort` before you look at the past.',
      });
    }
    const typed = args.join(' ');
    session.past = await workspace.open(async repo => {
      const found = await resolveRevision(repo, typed);
      const {time, zone} = readCommit(repo.objects, found.commit).committer;
      const shown = found.kind === 'time' ? typed : formatTime(time, zone).slice(0, 16);
      return {commit: found.commit, label: shown};
    });
    host.note(`This is the state at ${session.past.label}; it cannot be changed. Go back with \`now\`.`);
    return undefined;
  },
};

export const now: Builtin = {
  usage: '',
  summary: 'Look at the present again.',
  least: 0,
  most: 0,
  completes: 'none',
  async run({session}) {
    session.past = undefined;
    return undefined;
  },
};

function noTransaction(what: string): DbosError {
  return new DbosError('TRANSACTION_UNKNOWN', `There is no open transaction to ${what}.`, {
    hint: 'Open one with `begin`.',
  });
}
