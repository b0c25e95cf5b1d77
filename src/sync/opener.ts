/**
 * Opens parcels: unpacks them and finds out what they hold. What comes first is opened in this thread; of a long transfer the rest is
 * opened in another one, while this one reads from the network and writes to the store. Layer: sync.
 */
import {Worker} from 'node:worker_threads';
import {ID_BYTES, idOf, type ObjectId} from '../objects/id.js';
import {chunkForms} from '../tree/content.js';
import {LARGE, objectsOf, type Parcel, unpackParcel} from './parcel.js';

/** What is in a parcel. */
export interface Opened {
  readonly parcel: Parcel;
  readonly ids: readonly ObjectId[];
  /** Structured objects; none of blobs. */
  readonly objects: readonly Uint8Array[];
  /** The `chunkForms` of blobs. */
  readonly forms: Uint8Array;
}

/** What the thread found in a parcel, as it crosses; undefined for one that cannot be opened. */
export interface Found {
  /** One after the other. */
  readonly ids: string;
  readonly forms: Uint8Array;
  /** The structured objects, one after the other. */
  readonly raw: Uint8Array | undefined;
}

export type ToOpener = readonly Parcel[];
export type FromOpener = readonly (Found | undefined)[];

/** Parcels go to the thread so many bytes at a time: waking it takes as long as opening a small one. */
const LOAD_BYTES = 256 * 1024;
/** The thread has no more than this before it, unpacked. */
const AHEAD_BYTES = 4 * 1024 * 1024;
const NO_FORMS = new Uint8Array(0);

interface Waiting {
  readonly parcel: Parcel;
  readonly resolve: (opened: Opened | Promise<Opened>) => void;
  readonly reject: (error: unknown) => void;
}

export class Opener {
  private came = 0;
  private worker: Worker | undefined;
  private failure: unknown;
  /** Parcels that wait to be sent to the thread, and those that it has. */
  private load: Waiting[] = [];
  private loadBytes = 0;
  private sent: Waiting[] = [];
  /** The unpacked bytes of what the thread has not opened yet. */
  private pending = 0;
  private wake: (() => void) | undefined;

  /** `threadAfter` is how many bytes come before there is a thread. */
  constructor(private readonly threadAfter: number) {}

  /** How many parcels are still to be opened. */
  get waiting(): number {
    return this.load.length + this.sent.length;
  }

  /** Opens a parcel. Throws TRANSFER_INVALID. */
  open(parcel: Parcel): Promise<Opened> {
    const {rawLength, stored} = parcel;
    this.came += stored.length;
    // what is large would be copied, and hold up all others there too
    if (this.came <= this.threadAfter || rawLength > LARGE) return openHere(parcel);
    const opened = this.openThere(parcel);
    this.pending += rawLength;
    const done = () => {
      this.pending -= rawLength;
      this.wake?.();
    };
    opened.then(done, done);
    return opened;
  }

  /** Waits until no more than so many bytes are still to be opened: until another parcel is welcome, unless given. */
  async settle(most = AHEAD_BYTES): Promise<void> {
    while (this.pending > most) {
      this.send();
      await new Promise<void>(resolve => {
        this.wake = resolve;
      });
    }
  }

  /** Ends the thread. Idempotent. */
  async close(): Promise<void> {
    const {worker} = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  private openThere(parcel: Parcel): Promise<Opened> {
    this.worker ??= this.start();
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) throw this.failure;
      this.load.push({parcel, resolve, reject});
      this.loadBytes += parcel.stored.length;
      if (this.loadBytes >= LOAD_BYTES) this.send();
    });
  }

  private start(): Worker {
    // flags of the program that uses this library are not for its threads
    const worker = new Worker(new URL('./openerworker.js', import.meta.url), {execArgv: []});
    worker.on('message', (found: FromOpener) => {
      for (const each of found) {
        const {parcel, resolve} = this.sent.shift() as Waiting;
        // whoever opens it here tells what is wrong with it
        resolve(each === undefined ? openHere(parcel) : openedOf(parcel, each));
      }
    });
    worker.on('error', error => {
      this.failure = error;
      for (const {reject} of [...this.sent, ...this.load]) reject(error);
    });
    return worker;
  }

  /** Has the thread open all that it has been given. */
  send(): void {
    const {load} = this;
    if (load.length === 0) return;
    this.sent = [...this.sent, ...load];
    this.load = [];
    this.loadBytes = 0;
    this.worker?.postMessage(load.map(({parcel}) => parcel) satisfies ToOpener);
  }
}

async function openHere(parcel: Parcel): Promise<Opened> {
  const objects = objectsOf(parcel, unpackParcel(parcel));
  const ids = objects.map(idOf);
  return parcel.blobs
    ? {parcel, ids, objects: [], forms: Uint8Array.from(objects, chunkForms)}
    : {parcel, ids, objects, forms: NO_FORMS};
}

/** Returns what is in a parcel, as it crosses to the thread that asked for it. */
export function find(parcel: Parcel): Found | undefined {
  let raw: Uint8Array;
  try {
    raw = unpackParcel(parcel);
  } catch {
    return undefined;
  }
  const objects = objectsOf(parcel, raw);
  const ids = objects.map(idOf).join('');
  return parcel.blobs
    ? {ids, forms: Uint8Array.from(objects, chunkForms), raw: undefined}
    : {ids, forms: NO_FORMS, raw};
}

function openedOf(parcel: Parcel, {ids: joined, forms, raw}: Found): Opened {
  const ids: ObjectId[] = [];
  for (let at = 0; at < joined.length; at += ID_BYTES) ids.push(joined.slice(at, at + ID_BYTES) as ObjectId);
  return {parcel, ids, objects: raw === undefined ? [] : objectsOf(parcel, raw), forms};
}
