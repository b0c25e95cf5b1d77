/**
 * A bundle that is read: its manifest first, then its objects in one pass, what an object names before it. Guarantee: what is
 * given has the id that it is given with and comes once, and whoever has come to the end has had all of it. Layer: sync.
 */
import {isDbosError} from '../errors.js';
import {formatId, type ObjectId} from '../objects/id.js';
import {Input, type InputSource} from '../sql/transfer/input.js';
import {type BundleManifest, bundleTips, decodeManifest} from './bundle-manifest.js';
import {type CarBlock, CarReader, invalidBundle} from './car.js';

export class BundleFile {
  private constructor(
    private readonly input: Input,
    readonly manifest: BundleManifest,
  ) {}

  /** Returns a bundle, open. Throws BUNDLE_INVALID, PATH_UNKNOWN, FILE_UNREADABLE, and STORE_FORMAT for a newer one. */
  static open(source: InputSource): BundleFile {
    return BundleFile.of(Input.open(source));
  }

  /** Returns a bundle of what is open, which is closed with it, also if this fails. Throws BUNDLE_INVALID, and STORE_FORMAT for a newer one. */
  static of(input: Input): BundleFile {
    try {
      return new BundleFile(input, start(input).manifest);
    } catch (error) {
      input.close();
      throw error;
    }
  }

  /** What the user calls it. */
  get name(): string {
    return this.input.name;
  }

  /** The bytes of the file. */
  get size(): number {
    return this.input.size;
  }

  /** Yields the objects. Throws BUNDLE_INVALID, FILE_UNREADABLE, and FILE_CHANGING. */
  *objects(): Generator<CarBlock, void, undefined> {
    const {input, name, manifest} = this;
    const {reader} = start(input);
    const seen = new Set<ObjectId>();
    for (let block = reader.next(); block !== undefined; block = reader.next()) {
      if (seen.has(block.id)) throw invalidBundle(name, `${formatId(block.id, block.codec)} is in it twice`);
      seen.add(block.id);
      if (seen.size > manifest.objects) throw invalidBundle(name, `it has more than ${manifest.objects} objects`);
      yield block;
    }
    if (seen.size < manifest.objects) {
      throw invalidBundle(name, `it ends after ${seen.size} of ${manifest.objects} objects`);
    }
    const missing = bundleTips(manifest).find(id => !seen.has(id));
    if (missing !== undefined) throw invalidBundle(name, `its root ${formatId(missing)} is not in it`);
    input.checkUnchanged();
  }

  /** Returns bytes from a place of the file. Throws FILE_UNREADABLE, and FILE_CHANGING if there are no longer as many. */
  read(offset: number, size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size);
    if (this.input.read(bytes, 0, offset) < size) this.input.checkUnchanged();
    return bytes;
  }

  close(): void {
    this.input.close();
  }
}

/** Reads a file up to its first object. */
function start(input: Input): {readonly reader: CarReader; readonly manifest: BundleManifest} {
  const reader = new CarReader(input);
  const [first, ...others] = reader.roots;
  const block = reader.next();
  if (first === undefined || block === undefined || block.id !== first.id || block.codec !== 'messagepack') {
    throw invalidBundle(input.name, 'it is a CAR archive of something else than a bundle');
  }
  let manifest: BundleManifest;
  try {
    manifest = decodeManifest(block.bytes);
  } catch (error) {
    if (!isDbosError(error, 'OBJECT_INVALID')) throw error;
    throw invalidBundle(input.name, 'its first block does not say what it holds', error);
  }
  const tips = bundleTips(manifest);
  const fits =
    tips.length === others.length && others.every(({id, codec}, i) => id === tips[i] && codec === 'messagepack');
  if (!fits) throw invalidBundle(input.name, 'its roots are not what its refs hold');
  return {reader, manifest};
}
