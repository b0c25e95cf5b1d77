/**
 * A listing as bytes: a header of 80 bytes of which words 2 to 6 are used here, then the columns, the widest first, the
 * names one after the other and the links. Decoding shares the memory of the bytes. In the byte order of the machine.
 * Layer: worktree.
 */
import {joinPath} from '../state/path.js';
import {Listing} from './listing.js';

/** Bytes before the columns. */
export const LISTING_HEADER = 80;

/** Returns the number of entries of a listing in bytes. */
export function countEntries(body: Buffer): number {
  return new Uint32Array(body.buffer, body.byteOffset, LISTING_HEADER / 4)[4] as number;
}

/** Returns the listing of bytes that `encodeListing` made; they are not checked, and must start at a multiple of eight in their buffer. */
export function decodeListing(body: Buffer): Listing {
  const head = new Uint32Array(body.buffer, body.byteOffset, LISTING_HEADER / 4);
  const [wide, dirs, entries, nameBytes, linkBytes] = head.subarray(2, 7) as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  let at = body.byteOffset + LISTING_HEADER;
  const floats = (count: number) => {
    const column = new Float64Array(body.buffer, at, count);
    at += count * 8;
    return column;
  };
  const words = (count: number) => {
    const column = new Uint32Array(body.buffer, at, count);
    at += count * 4;
    return column;
  };
  const octets = (count: number) => {
    const column = new Uint8Array(body.buffer, at, count);
    at += count;
    return column;
  };
  const listing = new Listing(0, 0);
  listing.dirCount = dirs;
  listing.count = entries;
  listing.dirCtime = floats(dirs);
  listing.dirIno = floats(dirs);
  listing.size = floats(entries);
  listing.mtime = floats(entries);
  listing.ctime = floats(entries);
  listing.ino = floats(entries);
  listing.dirFirst = words(dirs + 1);
  listing.dirEnd = words(dirs);
  listing.dirRules = words(dirs);
  listing.mode = words(entries);
  const ends = words(entries);
  listing.dirFlags = octets(dirs);
  listing.state = octets(entries);
  const start = at - body.byteOffset;
  const joined = body.toString(wide === 1 ? 'utf16le' : 'latin1', start, start + nameBytes);
  const names: string[] = new Array(entries);
  let from = 0;
  for (let i = 0; i < entries; i++) {
    const end = ends[i] as number;
    names[i] = joined.slice(from, end);
    from = end;
  }
  listing.names = names;
  listing.dirPaths = directoryPaths(listing);
  const links = JSON.parse(body.toString('utf8', start + nameBytes, start + nameBytes + linkBytes)) as [
    number,
    string,
  ][];
  listing.links = new Map(links);
  return listing;
}

function directoryPaths(listing: Listing): string[] {
  const {dirCount, dirFirst, dirEnd, names} = listing;
  const paths: string[] = new Array(dirCount);
  if (dirCount > 0) paths[0] = '';
  for (let dir = 0; dir < dirCount; dir++) {
    const last = dirEnd[dir] as number;
    let child = dir + 1;
    for (let i = dirFirst[dir] as number; child < last; i++) {
      if (!listing.isDirectory(i)) continue;
      paths[child] = joinPath(paths[dir] as string, names[i] as string);
      child = dirEnd[child] as number;
    }
  }
  return paths;
}

/** Returns the bytes of a listing, with the rest of the header zero and `tail` more bytes at the end. */
export function encodeListing(listing: Listing, tail: number): Buffer {
  const {dirCount: dirs, count: entries} = listing;
  const joined = listing.names.join('');
  const wide = /[^\x00-\xff]/.test(joined);
  const names = Buffer.from(joined, wide ? 'utf16le' : 'latin1');
  const links = Buffer.from(JSON.stringify([...listing.links]));
  const length = LISTING_HEADER + dirs * 29 + 4 + entries * 41 + names.length + links.length;
  const bytes = Buffer.alloc(length + tail);
  new Uint32Array(bytes.buffer, 0, 7).set([0, 0, wide ? 1 : 0, dirs, entries, names.length, links.length]);
  let at = LISTING_HEADER;
  const put = (column: Float64Array | Uint32Array | Uint8Array, used: number) => {
    const part = column.subarray(0, used);
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  };
  put(listing.dirCtime, dirs);
  put(listing.dirIno, dirs);
  put(listing.size, entries);
  put(listing.mtime, entries);
  put(listing.ctime, entries);
  put(listing.ino, entries);
  put(listing.dirFirst, dirs + 1);
  put(listing.dirEnd, dirs);
  put(listing.dirRules, dirs);
  put(listing.mode, entries);
  const ends = new Uint32Array(entries);
  let end = 0;
  for (let i = 0; i < entries; i++) {
    end += (listing.names[i] as string).length;
    ends[i] = end;
  }
  put(ends, entries);
  put(listing.dirFlags, dirs);
  put(listing.state, entries);
  bytes.set(names, at);
  at += names.length;
  bytes.set(links, at);
  return bytes;
}
