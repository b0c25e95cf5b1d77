/**
 * How far a transfer came: the ids of the objects that are durably here, in the order of its list, in a file of the store.
 * The list of a transfer follows from what is wanted and what is there, so one that broke off goes on behind the last of them.
 * A file that is cut off or lost costs time only: whatever is believed here is checked when the objects are linked. Layer: sync.
 */
import {createHash} from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import {dirname, join} from 'node:path';
import {DbosError} from '../errors.js';
import {ID_BYTES, type ObjectId} from '../objects/id.js';

/** The folder in the store. */
const FOLDER = 'incoming';
const MAGIC = Buffer.from('dbos incoming 1\0', 'latin1');
const HEADER_BYTES = 32;
/** A transfer that nobody went on with for so long is forgotten; what came of it stays. */
const KEEP_MS = 14 * 24 * 3600 * 1000;

/** A depth that no history has. */
export const WHOLE_DEPTH = 0xffffffff;

/** What a transfer is of: with the same scope every sender makes the same list. */
export interface TransferScope {
  /** Commits and tags. */
  readonly wants: readonly ObjectId[];
  /** Commits that the receiver has, with all that they reach. */
  readonly common: readonly ObjectId[];
  /**
   * Only commits come that are among so many of a line that begins with a want, 1 for the wants alone; and those of them that
   * lie behind what is shallow in the receiver come too. Unless given all come that are wanted, and none of those.
   */
  readonly depth?: number | undefined;
  /** Commits that the receiver has without their parents. */
  readonly shallow?: readonly ObjectId[] | undefined;
}

/** The part of a list that came. */
export interface Received {
  readonly count: number;
  /** The last of them. */
  readonly last: ObjectId;
}

/** Returns a name for a transfer: 32 hexadecimal digits. `peer` tells apart those who must not go on with each other's. */
export function transferKey({wants, common, depth = 0, shallow = []}: TransferScope, peer = ''): string {
  const hash = createHash('sha256').update(`${peer}\0${wants.length} ${common.length} ${depth}\0`);
  for (const list of [wants, common, shallow]) for (const id of list.toSorted()) hash.update(id, 'latin1');
  return hash.digest('hex').slice(0, 32);
}

/** What stands in the header: how many are wanted and common, the depth, how many are shallow. */
type Counts = [wants: number, common: number, depth: number, shallow: number];

export class Journal {
  private constructor(
    private readonly path: string,
    readonly scope: TransferScope,
    private reached: Received | undefined,
  ) {}

  /** Returns the journal of a transfer, as far as there is one. `key` is a `transferKey`. */
  static open(store: string, key: string, scope: TransferScope): Journal {
    const path = join(store, FOLDER, key);
    return Journal.read(path) ?? new Journal(path, scope, undefined);
  }

  /** Returns the journals of fetches that broke off. */
  static unfinished(store: string): Journal[] {
    const folder = join(store, FOLDER);
    if (!existsSync(folder)) return [];
    removeOld(folder);
    const journals = readdirSync(folder).map(name => Journal.read(join(folder, name)));
    return journals.filter(journal => journal !== undefined && journal.scope.wants.length > 0) as Journal[];
  }

  private static read(path: string): Journal | undefined {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch {
      return undefined;
    }
    try {
      const header = Buffer.alloc(HEADER_BYTES);
      readSync(file, header, 0, HEADER_BYTES, 0);
      const [wants, common, depth, shallow] = [16, 20, 24, 28].map(at => header.readUInt32LE(at)) as Counts;
      const named = wants + common + shallow;
      const start = HEADER_BYTES + named * ID_BYTES;
      const {size} = fstatSync(file);
      const count = Math.floor((size - start) / ID_BYTES);
      if (!header.subarray(0, MAGIC.length).equals(MAGIC) || count < 1) return undefined;
      const read = (ids: number, at: number): ObjectId[] => {
        const bytes = Buffer.alloc(ids * ID_BYTES);
        readSync(file, bytes, 0, bytes.length, at);
        return idsOf(bytes);
      };
      const ids = read(named, HEADER_BYTES);
      const [last] = read(1, start + (count - 1) * ID_BYTES);
      const scope = {
        wants: ids.slice(0, wants),
        common: ids.slice(wants, wants + common),
        depth: depth === 0 ? undefined : depth,
        shallow: ids.slice(wants + common),
      };
      return new Journal(path, scope, {count, last: last as ObjectId});
    } finally {
      closeSync(file);
    }
  }

  /** What came; undefined if nothing did. */
  get received(): Received | undefined {
    return this.reached;
  }

  /** Returns every id that came. */
  ids(): ObjectId[] {
    return this.reached === undefined || !existsSync(this.path)
      ? []
      : idsOf(readFileSync(this.path).subarray(this.start));
  }

  /** Where the ids of objects begin in the file. */
  private get start(): number {
    const {wants, common, shallow = []} = this.scope;
    return HEADER_BYTES + (wants.length + common.length + shallow.length) * ID_BYTES;
  }

  /** Notes objects that are durable. Throws STORE_FULL or STORE_IO. */
  append(ids: readonly ObjectId[]): void {
    const last = ids.at(-1);
    if (last === undefined) return;
    const count = this.reached?.count ?? 0;
    // another process has brought all of it to its end: there is nothing to go on with
    if (count > 0 && !existsSync(this.path)) return;
    try {
      if (count === 0) this.begin();
      const file = openSync(this.path, 'r+');
      try {
        // behind what counts: half an id may stand there
        writeSync(file, ids.join(''), this.start + count * ID_BYTES, 'latin1');
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw new DbosError('STORE_IO', `'${this.path}' cannot be written: ${(error as Error).message}.`, {
        hint: 'Check the disk and the permissions of the store.',
        data: {path: this.path},
        cause: error,
      });
    }
    this.reached = {count: count + ids.length, last};
  }

  private begin(): void {
    const {wants, common, depth = 0, shallow = []} = this.scope;
    mkdirSync(dirname(this.path), {recursive: true});
    removeOld(dirname(this.path));
    const header = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(header);
    header.writeUInt32LE(wants.length, 16);
    header.writeUInt32LE(common.length, 20);
    header.writeUInt32LE(depth, 24);
    header.writeUInt32LE(shallow.length, 28);
    const ids = Buffer.from([...wants, ...common, ...shallow].join(''), 'latin1');
    writeFileSync(this.path, Buffer.concat([header, ids]));
  }

  /** Forgets how far it came: it is over, or has to begin anew. */
  forget(): void {
    if (this.reached !== undefined) rmSync(this.path, {force: true});
    this.reached = undefined;
  }
}

/** Removes the journals of a folder that nobody went on with. */
function removeOld(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stat = statSync(path, {throwIfNoEntry: false});
    if (stat && Date.now() - stat.mtimeMs > KEEP_MS) rmSync(path, {force: true});
  }
}

function idsOf(bytes: Buffer): ObjectId[] {
  const ids: ObjectId[] = [];
  for (let at = 0; at + ID_BYTES <= bytes.length; at += ID_BYTES) {
    ids.push(bytes.toString('latin1', at, at + ID_BYTES) as ObjectId);
  }
  return ids;
}
