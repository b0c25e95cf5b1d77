/** A store in a directory of its own, used through the built program. */
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import type {ExecutionContext} from 'ava';
import {dbos, mustRun, type Outcome} from '../support/dbos.js';
import {makeTmpDir} from '../support/tmp.js';

export interface Failed {
  readonly error: {readonly code: string; readonly hint: string | null; readonly data?: {readonly paths?: string[]}};
}

export class Store {
  constructor(readonly directory: string) {}

  /** Writes files, each with its text. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.directory, name);
      mkdirSync(dirname(path), {recursive: true});
      writeFileSync(path, text);
    }
  }

  read(name: string): string {
    return readFileSync(join(this.directory, name), 'utf8');
  }

  /** Writes files, commits everything, and returns the id. */
  commit(files: Readonly<Record<string, string>>, message = 'change'): string {
    this.write(files);
    return this.json<{id: string}>('commit', '-m', message).id;
  }

  try(...args: string[]): Outcome {
    return dbos(this.directory, args);
  }

  run(...args: string[]): string {
    return mustRun(this.directory, ...args);
  }

  json<T>(...args: string[]): T {
    return JSON.parse(this.run('--json', ...args)) as T;
  }

  /** Returns the lines that a command prints. */
  lines(...args: string[]): string[] {
    const text = this.run(...args).trimEnd();
    return text === '' ? [] : text.split('\n');
  }

  /** Returns the status and the code of a command that fails, from its JSON. */
  failure(...args: string[]): [status: number | null, code: string] {
    const {status, stdout} = this.try('--json', ...args);
    return [status, (JSON.parse(stdout) as Failed).error.code];
  }
}

/** Returns a new store with a work tree, without commits. */
export function makeStore(t: ExecutionContext): Store {
  const store = new Store(makeTmpDir(t));
  store.run('init');
  return store;
}

/** Returns the short id of an id. */
export function short(id: string): string {
  return id.slice(9, 21);
}
