/**
 * Commands that look at files: cd, pwd, ls, cat, tree, stat, find. Layer: shell.
 */
import {DbosError} from '../errors.js';
import {formatId} from '../objects/id.js';
import {formatTime} from '../repo/time.js';
import {globMatcher} from '../sql/functions/pattern.js';
import {type FileRow, typeName} from '../state/files.js';
import {nameOf} from '../state/path.js';
import {quotePath} from '../state/quote.js';
import {type Builtin, usage} from './builtin.js';
import type {ListedEntry} from './host.js';
import {Session} from './session.js';

export const cd: Builtin = {
  usage: '[DIR]',
  summary: 'Go to a directory: the root unless given, `-` for the last one.',
  least: 0,
  most: 1,
  plain: true,
  completes: 'directory',
  async run({args: [typed = '/'], session, workspace, host}) {
    const path = typed === '-' ? session.previous : session.resolve(typed);
    await workspace.read(files => {
      const row = files.read(path);
      if (row !== undefined && row.type !== 'dir') throw notDirectory(row);
    });
    session.previous = session.directory;
    session.directory = path;
    if (typed === '-') host.write(`${Session.shown(path)}\n`);
    return undefined;
  },
};

export const pwd: Builtin = {
  usage: '',
  summary: 'Print the directory.',
  least: 0,
  most: 0,
  completes: 'none',
  async run({session, host}) {
    host.write(`${Session.shown(session.directory)}\n`);
    return undefined;
  },
};

export const ls: Builtin = {
  usage: '[-l] [-R] [PATH…]',
  summary: 'List directories, and files by their names.',
  options: {long: {type: 'boolean', short: 'l'}, recursive: {type: 'boolean', short: 'R'}},
  least: 0,
  most: Number.POSITIVE_INFINITY,
  completes: 'path',
  async run({args, flags, session, workspace, host}) {
    const typed = args.length === 0 ? ['.'] : args;
    const long = flags.long === true;
    await workspace.read((files, signal, {context}) => {
      const show = (entries: readonly ListedEntry[]) => {
        for (const line of host.listing(entries, long, context.zone)) {
          signal.throwIfAborted();
          host.write(`${line}\n`);
        }
      };
      const directories: {readonly path: string; readonly shown: string}[] = [];
      const others: ListedEntry[] = [];
      for (const shown of typed) {
        const path = session.resolve(shown);
        const row = files.read(path);
        if (row === undefined || row.type === 'dir') directories.push({path, shown});
        else others.push({row, name: shown});
      }
      show(others);
      for (const {path, shown} of directories) {
        if (typed.length > 1)
          host.write(`${others.length === 0 && shown === typed[0] ? '' : '\n'}${quotePath(shown)}:\n`);
        const rows = flags.recursive ? files.below(path) : files.list(path);
        show([...rows].map(row => ({row, name: path === '' ? row.path : row.path.slice(path.length + 1)})));
      }
    });
    return undefined;
  },
};

export const cat: Builtin = {
  usage: 'FILE…',
  summary: 'Print files, and the targets of symbolic links.',
  least: 1,
  most: Number.POSITIVE_INFINITY,
  completes: 'path',
  async run({args, session, workspace, host}) {
    await workspace.read((files, signal) => {
      for (const typed of args) {
        const row = files.read(session.resolve(typed));
        if (row === undefined || row.type === 'dir' || row.type === 'fifo') throw notFile(typed, row);
        if (row.target !== null) host.write(row.target);
        for (const part of files.body(row)) {
          signal.throwIfAborted();
          host.write(part);
        }
      }
    });
    return undefined;
  },
};

export const tree: Builtin = {
  usage: '[-L DEPTH] [DIR]',
  summary: 'Draw what is in a directory.',
  options: {depth: {type: 'string', short: 'L'}},
  least: 0,
  most: 1,
  completes: 'directory',
  async run({args: [typed = '.'], flags, session, workspace, host}) {
    const depth = Number(flags.depth ?? Number.POSITIVE_INFINITY);
    if (!(depth >= 1)) throw usage('tree', tree, `-L takes a number from 1 on, not '${flags.depth}'.`);
    const top = session.resolve(typed);
    await workspace.read((files, signal) => {
      const row = files.read(top);
      if (row !== undefined && row.type !== 'dir') throw notDirectory(row);
      host.write(`${quotePath(typed)}\n`);
      let directories = 0;
      let others = 0;
      const draw = (directory: string, before: string, level: number): void => {
        signal.throwIfAborted();
        const entries = [...files.list(directory)];
        for (const [i, entry] of entries.entries()) {
          const last = i === entries.length - 1;
          const target = entry.target === null ? '' : ` -> ${quotePath(entry.target)}`;
          host.write(`${before}${last ? '└── ' : '├── '}${quotePath(nameOf(entry.path))}${target}\n`);
          if (entry.type === 'dir') directories++;
          else others++;
          if (entry.type === 'dir' && level < depth) draw(entry.path, `${before}${last ? '    ' : '│   '}`, level + 1);
        }
      };
      draw(top, '', 1);
      host.write(
        `${directories} ${directories === 1 ? 'directory' : 'directories'}, ${others} ${others === 1 ? 'file' : 'files'}\n`,
      );
    });
    return undefined;
  },
};

export const stat: Builtin = {
  usage: 'PATH…',
  summary: 'Print what is known of an entry.',
  least: 1,
  most: Number.POSITIVE_INFINITY,
  completes: 'path',
  async run({args, session, workspace, host}) {
    await workspace.read((files, _, {context}) => {
      for (const typed of args) {
        const row = files.read(session.resolve(typed));
        const facts =
          row === undefined
            ? ([
                ['path', '/'],
                ['type', 'directory'],
              ] as const)
            : factsOf(row, context.zone);
        for (const [name, value] of facts) host.write(`${`${name}:`.padEnd(9)}${value}\n`);
      }
    });
    return undefined;
  },
};

function factsOf(row: FileRow, zone: (time: number) => number): (readonly [string, string])[] {
  const time = Number(row.mtime / 1_000_000n);
  const owner = (name: string | null, id: number) => (name === null ? `${id}` : `${quotePath(name)} (${id})`);
  return [
    ['path', quotePath(Session.shown(row.path))],
    ['type', typeName(row.type)],
    ['mode', row.mode.toString(8).padStart(4, '0')],
    ['owner', `${owner(row.user, row.uid)}, group ${owner(row.group, row.gid)}`],
    ['changed', formatTime(time, zone(time))],
    ...(row.content === null
      ? []
      : ([
          ['size', `${row.content.size}`],
          ['content', formatId(row.content.id)],
        ] as const)),
    ...(row.target === null ? [] : ([['target', quotePath(row.target)]] as const)),
    ...(row.link === null
      ? []
      : ([['link', `one of the hard links of ${quotePath(Session.shown(row.link))}`]] as const)),
  ];
}

const TYPES: Readonly<Record<string, FileRow['type']>> = {f: 'file', d: 'dir', l: 'symlink', p: 'fifo'};
const UNITS: Readonly<Record<string, number>> = {'': 1, k: 1024, M: 1024 ** 2, G: 1024 ** 3};

/** Tells of an entry whether it is looked for. */
type Condition = (row: FileRow) => boolean;

/** What `find` looks for, by the word that asks for it. */
const CONDITIONS: Readonly<Record<string, (value: string) => Condition | undefined>> = {
  '-name': value => {
    const matches = globMatcher(value);
    return row => matches(nameOf(row.path));
  },
  '-iname': value => {
    const matches = globMatcher(value.toLowerCase());
    return row => matches(nameOf(row.path).toLowerCase());
  },
  '-type': value => (Object.hasOwn(TYPES, value) ? row => row.type === TYPES[value] : undefined),
  '-size': value => {
    const [, sign, count, unit = ''] = /^([+-]?)(\d+)([kMG]?)$/.exec(value) ?? [];
    if (count === undefined) return undefined;
    const wanted = Number(count) * (UNITS[unit] as number);
    return ({content}) => {
      if (content === null) return false;
      return sign === '+' ? content.size > wanted : sign === '-' ? content.size < wanted : content.size === wanted;
    };
  },
};

export const find: Builtin = {
  usage: '[PATH…] [-name GLOB] [-iname GLOB] [-type f|d|l|p] [-size [+-]N[kMG]]',
  summary: 'List what is at or below a path and meets all conditions.',
  least: 0,
  most: Number.POSITIVE_INFINITY,
  plain: true,
  completes: 'directory',
  async run({args, session, workspace, host}) {
    const first = args.findIndex(word => word.startsWith('-'));
    const typed = first < 0 ? args : args.slice(0, first);
    const conditions: Condition[] = [];
    for (let i = first; i >= 0 && i < args.length; i += 2) {
      const word = args[i] as string;
      const make = Object.hasOwn(CONDITIONS, word) ? CONDITIONS[word] : undefined;
      if (make === undefined) throw usage('find', find, `find does not know '${word}'.`);
      const condition = make(args[i + 1] ?? '');
      if (condition === undefined) throw usage('find', find, `${word} does not take '${args[i + 1] ?? ''}'.`);
      conditions.push(condition);
    }
    await workspace.read((files, signal) => {
      const show = (row: FileRow, top: string, shown: string): void => {
        if (!conditions.every(meets => meets(row))) return;
        const below = row.path.slice(top.length).replace(/^\//, '');
        host.write(`${quotePath(below === '' ? shown : `${shown.replace(/\/$/, '')}/${below}`)}\n`);
      };
      for (const shown of typed.length === 0 ? ['.'] : typed) {
        const top = session.resolve(shown);
        const row = files.read(top);
        if (row !== undefined) show(row, top, shown);
        if (row !== undefined && row.type !== 'dir') continue;
        for (const entry of files.below(top)) {
          signal.throwIfAborted();
          show(entry, top, shown);
        }
      }
    });
    return undefined;
  },
};

/** Returns the error for what is no file; undefined is the root. */
export function notFile(typed: string, row: FileRow | undefined): DbosError {
  return new DbosError('PATH_NOT_FILE', `'${typed}' is a ${typeName(row?.type ?? 'dir')}, not a file.`, {
    hint: 'List directories with `ls`.',
    data: {path: typed},
  });
}

function notDirectory({path, type}: FileRow): DbosError {
  return new DbosError('PATH_NOT_DIRECTORY', `'${path}' is a ${typeName(type)}, not a directory.`, {
    hint: 'Name a directory: see `ls`.',
    data: {path},
  });
}
