/**
 * A bundle as a peer of the store that takes it in. It gives what that store lacks, in the order of the file; so what came of a
 * transfer that broke off does not come again. It takes nothing. Layer: sync.
 */
import {DbosError} from '../errors.js';
import type {ObjectId} from '../objects/id.js';
import type {Repository} from '../repo/repository.js';
import type {Input} from '../sql/transfer/input.js';
import {BundleFile} from './bundle-file.js';
import {requirePrerequisites} from './bundle-verify.js';
import {WHOLE_DEPTH} from './journal.js';
import {type Parcel, packEach, type Travelling} from './parcel.js';
import type {FetchRequest, Peer, PeerRefs, Sending} from './peer.js';

export class BundlePeer implements Peer {
  private constructor(
    private readonly file: BundleFile,
    private readonly own: Repository,
  ) {}

  /** Opens the file at a path for a store. Throws as `BundleFile.open`. */
  static open(path: string, own: Repository): BundlePeer {
    return new BundlePeer(BundleFile.open({path, name: path, temporary: own.location.store}), own);
  }

  /** Takes what is open for a store, and closes it in the end. Throws as `BundleFile.of`. */
  static of(input: Input, own: Repository): BundlePeer {
    return new BundlePeer(BundleFile.of(input), own);
  }

  async refs(): Promise<PeerRefs> {
    return this.file.manifest;
  }

  /** Whatever the store has need not come out of the file. */
  async has(commits: readonly ObjectId[]): Promise<readonly boolean[]> {
    return commits.map(id => this.own.objects.has(id));
  }

  /** Throws BUNDLE_PREREQUISITE, and USAGE for a depth. */
  async fetch({wants, depth = WHOLE_DEPTH}: FetchRequest): Promise<Sending> {
    const {file, own} = this;
    if (depth < WHOLE_DEPTH) {
      throw new DbosError('USAGE', `'${file.name}' is a bundle, which comes as it is.`, {hint: 'Leave out --depth.'});
    }
    const tips = new Set(file.manifest.refs.values());
    if (!wants.every(id => tips.has(id))) {
      throw new DbosError('REMOTE_REF_UNKNOWN', `'${file.name}' does not hold what is asked of it.`, {
        hint: 'See what it holds with `dbos bundle ls`.',
      });
    }
    requirePrerequisites(file, own.objects);
    return {total: file.manifest.objects, skipped: 0, parcels: this.parcels(), shallow: []};
  }

  private async *parcels(): AsyncGenerator<Parcel> {
    yield* packEach(this.lacking());
  }

  private *lacking(): Generator<Travelling> {
    for (const {id, codec, bytes} of this.file.objects()) {
      if (!this.own.objects.has(id)) yield {id, blob: codec === 'raw', bytes};
    }
  }

  async received(): Promise<undefined> {
    return undefined;
  }

  async check(): Promise<never> {
    throw bundleReadOnly(this.file.name);
  }

  async push(): Promise<never> {
    throw bundleReadOnly(this.file.name);
  }

  async close(): Promise<void> {
    this.file.close();
  }
}

/** Returns the error for a push to a bundle. */
export function bundleReadOnly(path: string): DbosError {
  return new DbosError('READ_ONLY', `'${path}' is a bundle, and nothing can be pushed to one.`, {
    hint: 'Write another one with `dbos bundle create`.',
    data: {path},
  });
}
