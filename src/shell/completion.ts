/**
 * What Tab completes: commands, paths of the state, paths of this machine, what commands of the program take, and in SQL
 * keywords, tables and columns. Layer: shell.
 */
import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {RESERVED_NAMES} from '../sql/catalog/names.js';
import {repositoryCatalog} from '../sql/catalog/repository-catalog.js';
import {K} from '../sql/parser/token.js';
import {FILES_TABLE} from '../state/files.js';
import {nameOf} from '../state/path.js';
import {BUILTINS} from './builtins.js';
import type {ShellHost} from './host.js';
import {isSql} from './input.js';
import type {Completer} from './lines.js';
import type {Session} from './session.js';
import {Workspace} from './workspace.js';

const MOST = 500;
/** Nobody waits longer for the Tab key. */
const GLANCE_MS = 300;
/** Words of the shell besides its commands. */
const OTHERS = ['exit', 'help', 'query'];

/** Returns what completes lines. */
export function completerOf(host: ShellHost, session: Session): Completer {
  return async line => {
    const workspace = new Workspace(host, session, '');
    const sql = /^\s*query\s+(.*)$/is.exec(line)?.[1] ?? (isSql(line) ? line : undefined);
    if (sql !== undefined) {
      const word = /[\w.]*$/.exec(sql)?.[0] ?? '';
      return [await completeSql(workspace, word), word];
    }
    const words = line
      .replace(/^.*(?:;|&&)\s*/s, '')
      .trimStart()
      .split(/(?<!\\)\s+/);
    const end = words.at(-1) ?? '';
    const [name = ''] = words;
    if (words.length === 1) {
      const names = [...BUILTINS.keys(), ...OTHERS, ...host.commands].filter(each => each.startsWith(end));
      return [[...new Set(names)].sort().map(each => `${each} `), end];
    }
    const redirected = /^>>?$/.test(words.at(-2) ?? '');
    const kind = redirected ? 'path' : BUILTINS.get(name)?.completes;
    if (kind === undefined) return [await host.complete(name === 'dbos' ? words.slice(1) : words), end];
    if (kind === 'host') {
      // the first path is one of this machine, the second one of the state
      return [
        words.length === 2 ? hostPaths(host.directory, end) : await statePaths(workspace, session, end, false),
        end,
      ];
    }
    if (kind === 'revision') return [await host.complete(['log', end]), end];
    if (kind === 'path' || kind === 'directory')
      return [await statePaths(workspace, session, end, kind === 'directory'), end];
    return [[], end];
  };
}

/** Returns the paths that begin so, as they would be typed; a directory ends with a slash, so that Tab goes on in it. */
function statePaths(workspace: Workspace, session: Session, typed: string, directories: boolean): Promise<string[]> {
  const plain = typed.replace(/\\(.)/gs, '$1');
  const folder = plain.slice(0, plain.lastIndexOf('/') + 1);
  const start = plain.slice(folder.length);
  return workspace.peek(files => {
    const found: string[] = [];
    for (const row of files.list(session.resolve(folder === '' ? '.' : folder))) {
      const name = nameOf(row.path);
      if (!name.startsWith(start) || (start === '' && name.startsWith('.'))) continue;
      if (row.type === 'dir') found.push(escaped(`${folder}${name}/`));
      else if (!directories) found.push(escaped(`${folder}${name}`));
      if (found.length === MOST) break;
    }
    return found;
  }, GLANCE_MS);
}

function hostPaths(directory: string, typed: string): string[] {
  const folder = typed.slice(0, typed.lastIndexOf('/') + 1);
  const start = typed.slice(folder.length);
  const entries = readdirSync(folder.startsWith('/') ? folder : join(directory, folder), {withFileTypes: true});
  return entries
    .filter(({name}) => name.startsWith(start))
    .slice(0, MOST)
    .map(entry => escaped(`${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`));
}

/** Returns a path as one word. */
function escaped(path: string): string {
  return path.replace(/[\s'"\\;&|<>*?[#]/g, '\\$&');
}

/** Returns the tables, the columns (of the table before a dot, or of all that users made and `files`) and the keywords that begin so. */
function completeSql(workspace: Workspace, word: string): Promise<string[]> {
  const dot = word.lastIndexOf('.');
  const start = word.slice(dot + 1).toLowerCase();
  const fits = (name: string) => name.toLowerCase().startsWith(start);
  return workspace.open(repo => {
    const catalog = repositoryCatalog(repo);
    const columnsOf = (table: string): string[] => {
      const found = catalog.findTable(table);
      return found === undefined || found.kind === 'view' ? [] : found.columns.map(column => column.name);
    };
    if (dot >= 0) {
      const table = word.slice(0, dot);
      return columnsOf(table).flatMap(name => (fits(name) ? [`${table}.${name}`] : []));
    }
    const tables = catalog.names();
    const columns = tables.filter(name => name === FILES_TABLE || !RESERVED_NAMES.has(name)).flatMap(columnsOf);
    const keywords = Object.keys(K).map(each => (word === word.toLowerCase() ? each.toLowerCase() : each));
    return [...new Set([...tables, ...columns, ...keywords].filter(fits))].slice(0, MOST);
  }, GLANCE_MS);
}
