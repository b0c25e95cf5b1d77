/**
 * Settings: known keys with a type and a default, in a JSON file of the store and one of the user; the store's win. Files
 * are written atomically, and keys that this version does not know are kept. Layer: repo.
 */
import {mkdirSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {DbosError, systemCode} from '../errors.js';
import {cannotWrite, cannotWriteInStore, writeFileAtomically} from './atomicfile.js';
import {didYouMean, nearestNames} from './nearest.js';
import {type RemoteRename, renamedRemotes} from './remote-renames.js';

interface Setting {
  readonly type: 'text' | 'number' | 'boolean' | readonly string[];
  readonly default: string | number | boolean | null;
  /** What it is for, as `dbos config --help` says it. */
  readonly about: string;
}

/** Every setting. Null stands for none. */
export const SETTINGS = {
  'user.name': {type: 'text', default: null, about: 'Name of the author of commits.'},
  'user.email': {type: 'text', default: null, about: 'E-mail address of the author of commits.'},
  'core.lockTimeout': {
    type: 'number',
    default: 30,
    about: 'Seconds to wait for another process to let go of the store.',
  },
  'core.pager': {type: 'text', default: null, about: 'Command that shows long output page by page.'},
  'core.editor': {type: 'text', default: null, about: 'Command that edits messages.'},
  'ssh.command': {type: 'text', default: 'ssh', about: 'Command that reaches other machines for ssh URLs.'},
  'ssh.dbos': {type: 'text', default: 'dbos', about: 'Command that is dbos on machines reached by ssh.'},
  'color.ui': {type: ['auto', 'always', 'never'], default: 'auto', about: 'When output is coloured.'},
  'init.defaultBranch': {type: 'text', default: 'main', about: 'Name of the first branch of a new store.'},
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;
export type SettingValue = string | number | boolean;
export type SettingScope = 'store' | 'user';

/** One setting as it is in effect. */
export interface SettingEntry {
  readonly key: SettingName;
  readonly value: SettingValue;
  readonly scope: SettingScope | 'default';
}

/** What a store keeps beside its settings: the URLs of its remotes, and what each branch follows (`origin/main`). */
export type RecordName = 'remotes' | 'upstreams';

type Values = Map<string, unknown>;

/** In the store's folder. */
const CONFIG_FILE = 'config.json';

export class Config {
  private readonly values = new Map<SettingScope, Values>();

  /** Returns the settings of a store's folder, or of none, and of the user's file; both may be absent. */
  static of(store: string | undefined, userFile: string | undefined): Config {
    return new Config({store: store && join(store, CONFIG_FILE), user: userFile});
  }

  /** Either file may be absent, and either path undefined; files are read when first needed. */
  constructor(private readonly files: Readonly<Record<SettingScope, string | undefined>>) {}

  /** Returns a setting: the store's, else the user's, else the default; undefined for none. Throws CONFIG_INVALID. */
  get<K extends SettingName>(key: K): ValueOf<K> | undefined;
  get(key: SettingName): SettingValue | undefined {
    return this.entry(key)?.value;
  }

  /** Returns every setting that has a value, by key. Throws CONFIG_INVALID. */
  list(): SettingEntry[] {
    return (Object.keys(SETTINGS) as SettingName[])
      .sort()
      .map(key => this.entry(key))
      .filter(entry => entry !== undefined);
  }

  /** Returns a setting with where its value comes from, or undefined if it has none. Throws CONFIG_INVALID. */
  entry(key: SettingName): SettingEntry | undefined {
    for (const scope of ['store', 'user'] as const) {
      const value = this.read(scope).get(key);
      if (value !== undefined) return {key, value: checkValue(key, value), scope};
    }
    const value = SETTINGS[key].default;
    return value === null ? undefined : {key, value, scope: 'default'};
  }

  /** Writes a setting, given as text. Throws CONFIG_INVALID for a value of the wrong type, READ_ONLY or STORE_IO. */
  set(key: SettingName, text: string, scope: SettingScope): void {
    const value = parseValue(key, text);
    const values = new Map(this.read(scope)).set(key, value);
    this.write(scope, values);
  }

  /** Removes a setting from a file, and returns whether it was there. */
  unset(key: SettingName, scope: SettingScope): boolean {
    const values = new Map(this.read(scope));
    if (!values.delete(key)) return false;
    this.write(scope, values);
    return true;
  }

  /** Returns names and texts that the store keeps beside its settings. Throws CONFIG_INVALID. */
  record(key: RecordName): ReadonlyMap<string, string> {
    const value = this.read('store').get(key) ?? {};
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : undefined;
    if (entries?.every((entry): entry is [string, string] => typeof entry[1] === 'string')) return new Map(entries);
    throw new DbosError('CONFIG_INVALID', `The ${key} in the settings of the store are not texts by name.`, {
      hint: `Repair "${key}" in ${this.files.store}.`,
      data: {key},
    });
  }

  /** Writes them anew. Throws READ_ONLY or STORE_IO. */
  setRecord(key: RecordName, entries: ReadonlyMap<string, string>): void {
    const values = new Map(this.read('store'));
    if (entries.size > 0) values.set(key, Object.fromEntries(entries));
    else values.delete(key);
    this.write('store', values);
  }

  /**
   * Writes that remotes have other names from here on, also where branches follow them: all at once. Throws as `renamedRemotes`,
   * READ_ONLY or STORE_IO.
   */
  renameRemotes(renames: readonly RemoteRename[]): void {
    const remotes = this.record('remotes');
    const renamed = renamedRemotes(remotes.keys(), renames);
    if ([...renamed].every(([before, after]) => before === after)) return;
    const upstreams = Array.from(this.record('upstreams'), ([branch, followed]) => {
      const slash = followed.indexOf('/');
      const remote = followed.slice(0, slash);
      return [branch, `${renamed.get(remote) ?? remote}${followed.slice(slash)}`] as const;
    });
    const values = new Map(this.read('store'));
    values.set('remotes', Object.fromEntries(Array.from(remotes, ([name, url]) => [renamed.get(name), url])));
    if (upstreams.length > 0) values.set('upstreams', Object.fromEntries(upstreams));
    this.write('store', values);
  }

  private read(scope: SettingScope): Values {
    let values = this.values.get(scope);
    if (values === undefined) {
      values = readValues(this.files[scope]);
      this.values.set(scope, values);
    }
    return values;
  }

  private write(scope: SettingScope, values: Values): void {
    const file = this.files[scope];
    if (file === undefined) {
      throw new DbosError('CONFIG_INVALID', `There is no file for the settings of the ${scope}.`, {
        hint: scope === 'store' ? 'Run the command inside a store.' : 'Set HOME or XDG_CONFIG_HOME.',
      });
    }
    const sorted = Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
    try {
      mkdirSync(dirname(file), {recursive: true});
      writeFileAtomically(file, `${JSON.stringify(sorted, null, 2)}\n`);
    } catch (error) {
      throw (scope === 'store' ? cannotWriteInStore : cannotWrite)('settings', file, error);
    }
    this.values.set(scope, values);
  }
}

/** The type of a setting's value. */
type ValueOf<K extends SettingName> = (typeof SETTINGS)[K]['type'] extends 'number'
  ? number
  : (typeof SETTINGS)[K]['type'] extends 'boolean'
    ? boolean
    : (typeof SETTINGS)[K]['type'] extends readonly (infer V)[]
      ? V
      : string;

/** Returns the text as the name of a setting, in any case. Throws CONFIG_UNKNOWN with the nearest names. */
export function settingName(text: string): SettingName {
  const names = Object.keys(SETTINGS) as SettingName[];
  const found = names.find(name => name.toLowerCase() === text.toLowerCase());
  if (found) return found;
  const nearest = nearestNames(text, names);
  throw new DbosError('CONFIG_UNKNOWN', `There is no setting '${text}'.`, {
    hint: didYouMean(nearest) ?? `The settings are ${names.join(', ')}.`,
    data: {key: text, nearest},
  });
}

function readValues(file: string | undefined): Values {
  if (file === undefined) return new Map();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return new Map();
    throw unreadable(file, (error as Error).message, error);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw unreadable(file, 'it is not JSON', error);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw unreadable(file, 'it is not a JSON object', undefined);
  }
  return new Map(Object.entries(parsed));
}

function unreadable(file: string, why: string, cause: unknown): DbosError {
  return new DbosError('CONFIG_INVALID', `The settings in '${file}' cannot be read: ${why}.`, {
    hint: 'Repair the file, or remove it to start afresh.',
    data: {path: file},
    cause,
  });
}

function parseValue(key: SettingName, text: string): SettingValue {
  const {type} = SETTINGS[key] as Setting;
  const number = Number(text);
  if (type === 'number') return checkValue(key, text.trim() === '' || Number.isNaN(number) ? text : number);
  if (type === 'boolean') {
    const word = text.trim().toLowerCase();
    if (['true', 'yes', 'on', '1'].includes(word)) return true;
    if (['false', 'no', 'off', '0'].includes(word)) return false;
  }
  return checkValue(key, text);
}

function checkValue(key: SettingName, value: unknown): SettingValue {
  const {type} = SETTINGS[key] as Setting;
  if (type === 'text' && typeof value === 'string') return value;
  if (type === 'number' && typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  if (type === 'boolean' && typeof value === 'boolean') return value;
  if (typeof type === 'object' && typeof value === 'string' && type.includes(value)) return value;
  const wanted = {text: 'a text', number: 'a number that is not negative', boolean: 'true or false'};
  const what = typeof type === 'string' ? wanted[type] : `one of ${type.join(', ')}`;
  throw new DbosError('CONFIG_INVALID', `The setting ${key} must be ${what}, not ${JSON.stringify(value)}.`, {
    hint: `Set it with \`dbos config ${key} VALUE\`.`,
    data: {key},
  });
}
