/**
 * Names of users and groups, from `/etc/passwd` and `/etc/group`, read once when first asked. On a system without those
 * files, and for ids that stand in none, there is no name. Layer: worktree.
 */
import {readFileSync} from 'node:fs';
import {decodeText} from '../bytes.js';
import type {FileOwner} from '../state/file-edits.js';

class NameTable {
  private loaded = false;
  private readonly names = new Map<number, string>();
  private readonly ids = new Map<string, number>();

  constructor(private readonly file: string) {}

  nameOf(id: number): string | null {
    this.load();
    return this.names.get(id) ?? null;
  }

  idOf(name: string): number | undefined {
    this.load();
    return this.ids.get(name);
  }

  private load(): void {
    if (this.loaded) return;
    this.loaded = true;
    let text: string;
    try {
      text = decodeText(readFileSync(this.file));
    } catch {
      return;
    }
    for (const line of text.split('\n')) {
      const [name, , number] = line.split(':');
      if (!name || !number || !/^\d+$/.test(number)) continue;
      const id = Number(number);
      if (!this.names.has(id)) this.names.set(id, name);
      if (!this.ids.has(name)) this.ids.set(name, id);
    }
  }
}

/** The users of this system. */
export const users = new NameTable('/etc/passwd');

/** The groups of this system. */
export const groups = new NameTable('/etc/group');

/** Returns who owns the files that this process makes. */
export function ownOwner(): FileOwner {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  return {uid, gid, user: users.nameOf(uid), group: groups.nameOf(gid)};
}
