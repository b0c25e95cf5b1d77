/**
 * Extended attributes of a file as one canonical byte string: name and value pairs sorted by name. Layer: state.
 */
import {ByteReader, ByteWriter, compareText, decodeText, encodeText} from '../bytes.js';
import {invalid} from '../objects/codec.js';

/** Attribute name (`user.comment`) to value. */
export type Xattrs = ReadonlyMap<string, Uint8Array>;

/** Returns the canonical bytes of extended attributes. */
export function encodeXattrs(xattrs: Xattrs): Buffer {
  const writer = new ByteWriter();
  for (const [name, value] of [...xattrs].sort(([a], [b]) => compareText(a, b))) {
    writer.sized(encodeText(name)).sized(value);
  }
  return writer.finish();
}

/** Returns the extended attributes of canonical bytes. Throws OBJECT_INVALID. */
export function decodeXattrs(bytes: Uint8Array): Xattrs {
  const reader = new ByteReader(bytes);
  const xattrs = new Map<string, Uint8Array>();
  try {
    while (reader.remaining > 0) xattrs.set(decodeText(reader.sized()), Buffer.from(reader.sized()));
  } catch (error) {
    throw invalid('has malformed extended attributes', error);
  }
  return xattrs;
}
