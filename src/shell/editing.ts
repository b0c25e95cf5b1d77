import {DbosError} from '../errors.js';
import type {FileEdits} from '../state/file-edits.js';
import type {FileRow} from '../state/files.js';
import {joinPath, nameOf} from '../state/path.js';
import {type Builtin, type Call, usage} from './builtin.js';
import {notFile} from './looking.js';
import {changeMode} from './mode.js';

const MANY = Number.POSITIVE_INFINITY;

export const mkdir: Builtin = {
  usage: '[-p] DIR…',
  summary: 'Make directories; with -p those above, too, and none is in the way.',
  options: {parents: {type: 'boolean', short: 'p'}},
  least: 1,
  most: MANY,
  completes: 'directory',
  changes: true,
  run: change(({args, flags, session}, edits) => {
    for (const typed of args) {
      const path = session.resolve(typed);
      if (path !== '' || !flags.parents) edits.makeDirectory(path, {parents: flags.parents === true});
    }
  }),
};

export const touch: Builtin = {
  usage: 'FILE…',
  summary: 'Make empty files where there are none.',
  least: 1,
  most: MANY,
  completes: 'path',
  changes: true,
  run: change(({args, session}, edits) => {
    for (const typed of args) {
      const path = session.resolve(typed);
      if (path !== '' && edits.find(path) === undefined) edits.write(path, Buffer.alloc(0));
    }
  }),
};

export const rm: Builtin = {
  usage: '[-r] [-f] PATH…',
  summary: 'Remove files; with -r directories with all that is in them; with -f what is not there is no error.',
  options: {recursive: {type: 'boolean', short: 'r'}, force: {type: 'boolean', short: 'f'}},
  least: 1,
  most: MANY,
  completes: 'path',
  changes: true,
  run: change(({args, flags, session}, edits) => {
    for (const typed of args) {
      const path = session.resolve(typed);
      if (path === '') throw root('removed');
      const found = edits.find(path);
      if (found === undefined && flags.force) continue;
      if (found?.type === 'dir' && !flags.recursive) {
        throw new DbosError('PATH_NOT_FILE', `'${typed}' is a directory.`, {
          hint: 'Use rm -r to remove it with all that is in it.',
          data: {path},
        });
      }
      edits.remove(path, {recursive: flags.recursive === true});
    }
  }),
};

export const mv: Builtin = {
  usage: 'PATH… TO',
  summary: 'Move or rename: several entries, or one into a directory that is there.',
  least: 2,
  most: MANY,
  completes: 'path',
  changes: true,
  run: change((call, edits) => {
    for (const {from, to} of targetsOf('mv', mv, call, edits)) {
      if (from === '') throw root('moved');
      edits.move(from, to, {replace: true});
    }
  }),
};

export const cp: Builtin = {
  usage: '[-r] [-p] PATH… TO',
  summary: 'Copy files, with -r directories; -p keeps owners and times.',
  options: {recursive: {type: 'boolean', short: 'r'}, preserve: {type: 'boolean', short: 'p'}},
  least: 2,
  most: MANY,
  completes: 'path',
  changes: true,
  run: change((call, edits) => {
    const recursive = call.flags.recursive === true;
    const preserve = call.flags.preserve === true;
    for (const {from, to} of targetsOf('cp', cp, call, edits)) {
      if (from === '') throw root('copied into itself');
      edits.copy(from, to, {recursive, preserve, replace: true});
    }
  }),
};

export const ln: Builtin = {
  usage: '[-s] TARGET PATH',
  summary: 'Make a hard link, or with -s a symbolic link.',
  options: {symbolic: {type: 'boolean', short: 's'}},
  least: 2,
  most: 2,
  completes: 'path',
  changes: true,
  run: change(({args: [target = '', typed = ''], flags, session}, edits) => {
    const path = session.resolve(typed);
    const into = path === '' || edits.find(path)?.type === 'dir' ? joinPath(path, nameOf(target)) : path;
    if (flags.symbolic) edits.makeSymlink(into, target);
    else edits.makeLink(session.resolve(target), into);
  }),
};

export const chmod: Builtin = {
  usage: '[-R] MODE PATH…',
  summary: 'Change permissions: octal digits, or as u+x,go=r.',
  least: 2,
  most: MANY,
  // a mode may begin with a minus
  plain: true,
  completes: 'path',
  changes: true,
  run: change(({args, session}, edits) => {
    const recursive = args[0] === '-R';
    const [mode = '', ...paths] = recursive ? args.slice(1) : args;
    if (paths.length === 0) throw usage('chmod', chmod, 'chmod needs a mode and a path.');
    const set = (row: FileRow): void => {
      const wanted = changeMode(mode, row.mode, row.type === 'dir');
      if (wanted === undefined) throw usage('chmod', chmod, `'${mode}' is no mode.`);
      if (row.type !== 'symlink' && wanted !== row.mode) edits.change(row.path, {mode: wanted});
      if (recursive && row.type === 'dir') for (const entry of [...edits.list(row.path)]) set(entry);
    };
    for (const typed of paths) {
      const path = session.resolve(typed);
      if (path !== '') set(edits.read(path));
      else if (recursive) for (const entry of [...edits.list('')]) set(entry);
      else throw root('given a mode');
    }
  }),
};

export const echo: Builtin = {
  usage: '[-n] TEXT…',
  summary: 'Print words; with > or >> into a file.',
  least: 0,
  most: MANY,
  plain: true,
  completes: 'none',
  async run({args, host}) {
    const bare = args[0] === '-n';
    host.write(`${(bare ? args.slice(1) : args).join(' ')}${bare ? '' : '\n'}`);
    return undefined;
  },
};

export const edit: Builtin = {
  usage: 'FILE',
  summary: 'Change a file in your editor.',
  least: 1,
  most: 1,
  completes: 'path',
  changes: true,
  async run({args: [typed = ''], session, workspace, host}) {
    const path = session.resolve(typed);
    // nobody holds the store while somebody writes
    const before = await workspace.read(files => {
      const row = files.find(path);
      if (path === '' || (row !== undefined && row.type !== 'file')) throw notFile(typed, row);
      return row && {content: row.content, body: Buffer.concat([...files.body(row)])};
    });
    const after = await host.edit(before?.body ?? Buffer.alloc(0), nameOf(path));
    if (before?.body.equals(after)) {
      host.note('Nothing changed.');
      return undefined;
    }
    let written = path;
    await workspace.change(edits => {
      // what another process has made of it meanwhile stays
      if (edits.find(path)?.content?.id !== before?.content?.id) written = `${path}.edited`;
      edits.write(written, after);
    });
    if (written !== path) host.note(`${typed} was changed while you edited it: what you wrote is in ${typed}.edited.`);
    return undefined;
  },
};

/** Writes the output of a command into a file. */
export function writeOutput(
  {session, workspace}: Pick<Call, 'session' | 'workspace'>,
  typed: string,
  append: boolean,
  bytes: Uint8Array,
): Promise<void> {
  const path = session.resolve(typed);
  if (path === '') throw root('written');
  return workspace.change((edits, _signal, files) => {
    const row = edits.find(path);
    const before = append && row?.type === 'file' ? [...files.body(row)] : [];
    edits.write(path, Buffer.concat([...before, bytes]));
  });
}

/** Returns what runs a command that changes files. */
function change(work: (call: Call, edits: FileEdits) => void): Builtin['run'] {
  return async call => {
    await call.workspace.change(edits => work(call, edits));
    return undefined;
  };
}

/** Yields what goes where: the last word is a directory, or the new name of the only other one. */
function* targetsOf(
  name: string,
  builtin: Builtin,
  {args, session}: Call,
  edits: FileEdits,
): Generator<{readonly from: string; readonly to: string}> {
  const typed = args.at(-1) as string;
  const target = session.resolve(typed);
  const directory = target === '' || edits.find(target)?.type === 'dir';
  if (args.length > 2 && !directory) throw usage(name, builtin, `'${typed}' is no directory.`);
  for (const each of args.slice(0, -1)) {
    const from = session.resolve(each);
    yield {from, to: directory ? joinPath(target, nameOf(from)) : target};
  }
}

function root(what: string): DbosError {
  return new DbosError('PATH_INVALID', `The root cannot be ${what}.`, {hint: 'Name something in it.'});
}
