/**
 * A store that is open: its newest operation, the view of it, its objects and settings. Opening reads one small file and
 * opens LevelDB, which keeps other processes out until `close`; the rest is read when it is asked for. Layer: repo.
 */
import {mkdirSync} from 'node:fs';
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import {type ObjectReader, ObjectStore, ObjectWriter} from '../objects/store.js';
import {LevelStorage} from '../storage/level.js';
import type {TreeRoot} from '../tree/spec.js';
import {Config} from './config.js';
import type {Actor, RepoContext} from './context.js';
import {filesRootOfCommit} from './filesroot.js';
import {checkFormat, isStore, writeFormat} from './format.js';
import {readCell} from './indexes.js';
import {locationFor, type StoreLocation} from './location.js';
import {readOperation, type StoredOperation} from './operation.js';
import {branchName} from './refs.js';
import {type RemoteRename, renamedRemotes} from './remote-renames.js';
import {type HistorySource, readShallow} from './shallow.js';
import {stagePublication, type Tip, Transaction} from './transaction.js';
import {type Head, headOf, readView, type View} from './view.js';

export interface InitOptions {
  /** A store without a work tree. */
  readonly bare: boolean;
  /** The first branch; the setting `init.defaultBranch` unless given. */
  readonly branch?: string;
}

export class Repository implements HistorySource {
  private settings: Config;
  private latest: Tip | undefined;
  private shallowCommits: ReadonlySet<ObjectId> | undefined;
  private reader: ObjectReader;
  private standIn: Head | undefined;

  /** `held` is open, and closed by `close`. */
  private constructor(
    readonly location: StoreLocation,
    readonly context: RepoContext,
    private held: LevelStorage,
    config: Config,
  ) {
    this.reader = new ObjectStore(held);
    this.settings = config;
  }

  /**
   * Makes a store in a directory (made if it is missing) and returns it, open. Throws STORE_EXISTS, REF_NAME_INVALID or
   * STORE_IO. What an interrupted call left behind is no store, and the next call completes it.
   */
  static async init(directory: string, options: InitOptions, context: RepoContext): Promise<Repository> {
    const location = locationFor(directory, options.bare);
    const config = Config.of(location.store, context.userConfig);
    const branch = branchName(options.branch ?? config.get('init.defaultBranch') ?? 'main');
    for (const folder of [location.store, location.workTree]) {
      if (folder !== undefined && isStore(folder)) throw exists(folder);
    }
    try {
      mkdirSync(location.store, {recursive: true});
    } catch (error) {
      throw new DbosError('STORE_IO', `'${location.store}' cannot be made: ${(error as Error).message}.`, {
        hint: 'Check the path and the permissions of the folder above it.',
        data: {path: location.store},
        cause: error,
      });
    }
    const storage = await openStorage(location, context, config, true);
    try {
      // another process may have made it while this one waited for the lock
      if (isStore(location.store)) throw exists(location.store);
      const writer = storage.writer();
      stagePublication(writer, new ObjectWriter(writer), context, undefined, {
        kind: 'init',
        description: 'create the store',
        head: {branch},
      });
      await writer.commit();
      writeFormat(location.store);
    } catch (error) {
      await storage.close();
      throw error;
    }
    return new Repository(location, context, storage, config);
  }

  /** Opens a store; waits while another process has it. Throws STORE_NOT_FOUND, STORE_FORMAT, STORE_LOCKED or STORE_CORRUPT. */
  static async open(location: StoreLocation, context: RepoContext): Promise<Repository> {
    checkFormat(location.store);
    const config = Config.of(location.store, context.userConfig);
    return new Repository(location, context, await openStorage(location, context, config, false), config);
  }

  get config(): Config {
    return this.settings;
  }

  /** What the store keeps beside the objects: the indexes. */
  get storage(): LevelStorage {
    return this.held;
  }

  get objects(): ObjectReader {
    return this.reader;
  }

  /** The commits whose parents the store does not have; none but after a clone or fetch that was limited in depth. */
  get shallow(): ReadonlySet<ObjectId> {
    this.shallowCommits ??= readShallow(this.storage);
    return this.shallowCommits;
  }

  /** The newest operation. */
  get operation(): StoredOperation {
    return this.tip().operation;
  }

  /** What the store shows. */
  get view(): View {
    return this.tip().view;
  }

  /** Returns HEAD with its commit. */
  head(): Head {
    return this.standIn ?? headOf(this.objects, this.view);
  }

  /** Lets everything that is read from here on see another HEAD, whose commit `objects` has besides those of the store. */
  lookAt(head: Head, objects: ObjectReader): void {
    this.standIn = head;
    this.reader = objects;
  }

  /** Returns the root of the files of a commit; null for no commit, and for one without files. */
  filesRoot(commit: ObjectId | undefined): TreeRoot {
    return filesRootOfCommit(this.objects, commit);
  }

  /** Returns a new transaction on the newest operation. It is recorded under whoever opened the store, unless told. */
  begin(actor?: Actor): Transaction {
    const host = {
      context: actor === undefined ? this.context : {...this.context, ...actor},
      tip: () => this.tip(),
      checkRenames: (renames: readonly RemoteRename[]) => {
        if (renames.length > 0) renamedRemotes(this.config.record('remotes').keys(), renames);
      },
      advance: (tip: Tip) => {
        this.latest = tip;
        const {remoteRenames} = tip.operation;
        if (remoteRenames.length > 0) this.config.renameRemotes(remoteRenames);
      },
      shallow: () => this.shallow,
      reshape: (shallow: ReadonlySet<ObjectId>) => {
        this.shallowCommits = shallow;
      },
    };
    return new Transaction(host, this.storage.writer());
  }

  /** Lets other processes have the store, which is of no use here until `takeBack`. */
  async letGo(): Promise<void> {
    await this.held.close();
  }

  /** Opens the store again after `letGo`: it shows what others have made of it. Throws as `open`. */
  async takeBack(): Promise<void> {
    const {location, context} = this;
    this.settings = Config.of(location.store, context.userConfig);
    this.held = await openStorage(location, context, this.settings, false);
    this.reader = new ObjectStore(this.held);
    this.latest = undefined;
    this.shallowCommits = undefined;
  }

  /** Lets go of the store for good. Idempotent. */
  async close(): Promise<void> {
    await this.held.close();
  }

  private tip(): Tip {
    if (this.latest === undefined) {
      const id = readCell(this.storage);
      if (id === undefined) {
        throw new DbosError('STORE_CORRUPT', `The store '${this.location.store}' has lost its newest operation.`, {
          hint: 'Restore the store from a copy.',
        });
      }
      const operation = readOperation(this.objects, id);
      this.latest = {operation, view: readView(this.objects, operation.view)};
    }
    return this.latest;
  }
}

function openStorage(
  location: StoreLocation,
  context: RepoContext,
  config: Config,
  createIfMissing: boolean,
): Promise<LevelStorage> {
  return LevelStorage.open(location.store, {
    createIfMissing,
    lockTimeout: context.lockTimeout ?? (config.get('core.lockTimeout') ?? 0) * 1000,
    holder: context.command,
  });
}

function exists(folder: string): DbosError {
  return new DbosError('STORE_EXISTS', `'${folder}' is a store already.`, {
    hint: 'Use it as it is, or choose another directory.',
    data: {path: folder},
  });
}
