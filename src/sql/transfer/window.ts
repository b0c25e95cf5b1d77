/**
 * A part of a file in memory, moved forward as records are read. Guarantee: memory for one piece, or for the longest
 * record. Layer: sql.
 */
import {invalidImport} from './fault.js';

const PIECE = 256 * 1024;
/** No record may be longer: that is more than a value may have. */
const LONGEST = 1 << 30;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

const unpacked = (program: string) => `Unpack it: ${program} < FILE | dbos import - --table NAME`;

/** How files begin that are often taken for text. */
const PACKED = [
  {begins: '1f8b08', form: 'compressed (gzip)', hint: unpacked('gunzip')},
  {begins: '425a68', form: 'compressed (bzip2)', hint: unpacked('bunzip2')},
  {begins: 'fd377a585a00', form: 'compressed (xz)', hint: unpacked('unxz')},
  {begins: '28b52ffd', form: 'compressed (zstd)', hint: unpacked('unzstd')},
  {begins: '504b0304', form: 'a ZIP archive', hint: 'Unpack it; of a spreadsheet save the sheet as CSV.'},
].map(each => ({...each, begins: Buffer.from(each.begins, 'hex')}));

/** Bytes that can be read from any position; as many as there are, at least one before the end. */
export interface ByteSource {
  read(into: Buffer, at: number, position: number): number;
}

export class Window {
  bytes: Buffer = Buffer.allocUnsafeSlow(PIECE);
  /** Where the next record begins. */
  at = 0;
  /** Where what has been read ends. */
  end = 0;
  /** Whether there is nothing more to read. */
  whole = false;
  /** The line of `at`, from 1. */
  line = 1;
  private position = 0;

  constructor(private readonly input: ByteSource) {
    this.fill();
    if (this.end >= 3 && BYTE_ORDER_MARK.equals(this.bytes.subarray(0, 3))) this.at = 3;
    const [first, second] = this.bytes;
    if (this.end >= 2 && ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))) {
      throw invalidImport('the text is UTF-16.', 'Convert it first: `iconv -f UTF-16 -t UTF-8`.', 1);
    }
    const packed = PACKED.find(({begins}) => begins.equals(this.bytes.subarray(0, Math.min(begins.length, this.end))));
    if (packed) throw invalidImport(`The file is ${packed.form}, not text.`, packed.hint);
  }

  /** How many bytes of the file lie before the next record. */
  get offset(): number {
    return this.position - (this.end - this.at);
  }

  /** Reads more; `at` may be somewhere else then. Sets `whole` where nothing is left. Throws IMPORT_INVALID for a record without end. */
  fill(): void {
    const {at, end} = this;
    if (at > 0) {
      this.bytes.copyWithin(0, at, end);
      this.at = 0;
      this.end = end - at;
    }
    if (this.end === this.bytes.length) {
      if (this.bytes.length >= LONGEST) {
        throw invalidImport('the record has more than 1 GiB.', 'Is a quote missing?', this.line);
      }
      const grown = Buffer.allocUnsafeSlow(this.bytes.length * 2);
      this.bytes.copy(grown, 0, 0, this.end);
      this.bytes = grown;
    }
    const count = this.input.read(this.bytes, this.end, this.position);
    this.whole = count === 0;
    this.end += count;
    this.position += count;
  }

  /** Goes on to the next record; `lines` have been passed. */
  advance(to: number, lines: number): void {
    this.at = to;
    this.line += lines;
  }
}
