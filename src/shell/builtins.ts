/**
 * The commands of the shell itself, by name. Layer: shell.
 */
import type {Builtin} from './builtin.js';
import {exportFiles, importFiles} from './copying.js';
import {chmod, cp, echo, edit, ln, mkdir, mv, rm, touch} from './editing.js';
import {grep} from './grep.js';
import {cat, cd, find, ls, pwd, stat, tree} from './looking.js';
import {abort, begin, commit, now, release, savepoint, stateAt} from './moments.js';

/** The groups in which the help lists them. */
export const GROUPS: readonly (readonly [title: string, builtins: Readonly<Record<string, Builtin>>])[] = [
  [
    'Files',
    {
      ls,
      cd,
      pwd,
      cat,
      tree,
      find,
      grep,
      stat,
      mkdir,
      touch,
      echo,
      rm,
      mv,
      cp,
      ln,
      chmod,
      edit,
      import: importFiles,
      export: exportFiles,
    },
  ],
  ['Transactions', {begin, commit, abort, rollback: abort, savepoint, release}],
  ['Time', {'state-at': stateAt, now}],
];

export const BUILTINS: ReadonlyMap<string, Builtin> = new Map(
  GROUPS.flatMap(([, builtins]) => Object.entries(builtins)),
);
