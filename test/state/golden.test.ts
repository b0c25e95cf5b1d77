/**
 * Golden ids: what a state of given files is called. They pin the whole format above the bytes: rows, nodes, schema, table,
 * state. Written with DBOS_UPDATE_FIXTURES=1; a change of them is a change of the format.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {formatId, idOf} from '../../src/objects/id.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {editFiles, FILES_TABLE, type FileEdit, type FileType, filesTable} from '../../src/state/files.js';
import {newSchema, writeSchema} from '../../src/state/schema.js';
import {writeState} from '../../src/state/state.js';
import {writeTable} from '../../src/state/table.js';
import {encodeXattrs} from '../../src/state/xattrs.js';
import {ContentRef} from '../../src/tree/cell.js';

const FIXTURE = fileURLToPath(new URL('../../../fixtures/golden/state.json', import.meta.url));

function entry(path: string, type: FileType, i: number): FileEdit {
  const size = i * 37;
  return {
    path,
    file: {
      path,
      type,
      mode: type === 'dir' ? 0o755 : i % 10 === 0 ? 0o4755 : 0o644,
      uid: i % 3 === 0 ? 1000 : 0,
      gid: 0,
      user: i % 3 === 0 ? 'ada' : 'root',
      group: i % 7 === 0 ? null : 'root',
      mtime: 1_700_000_000_000_000_000n + BigInt(i) * 1_000_003n,
      content: type === 'file' ? new ContentRef(idOf(Buffer.from(path)), size, size > 65_536, false) : null,
      target: type === 'symlink' ? `../target ${i}` : null,
      link: type === 'file' && i % 50 === 0 ? path : null,
      xattrs: i % 25 === 0 ? encodeXattrs(new Map([['user.note', Buffer.from(path)]])) : null,
    },
  };
}

function stateOf(count: number): string {
  const objects = new MemoryObjects();
  const edits: FileEdit[] = [];
  for (let i = 0; edits.length < count; i++) {
    const directory = `dir ${Math.floor(i / 20)}`;
    if (i % 20 === 0) edits.push(entry(directory, 'dir', i));
    else edits.push(entry(`${directory}/é${i}${i % 19 === 0 ? '\udcff' : ''}`, i % 11 === 0 ? 'symlink' : 'file', i));
  }
  const table = writeTable(objects, filesTable(objects, editFiles(objects, null, edits)));
  return formatId(writeState(objects, new Map([[FILES_TABLE, table]])));
}

test('the ids of states are what they always were', t => {
  const found: Record<string, string> = {};
  for (const count of [0, 1, 10, 100, 1000, 10_000]) found[`${count} files`] = stateOf(count);
  const columns = ['INTEGER', 'TEXT', 'BLOB', 'REAL', ''].map((type, i) => ({name: `c${i}`, type, notNull: i === 0}));
  const schema = newSchema(columns, [{collation: 'binary', descending: false}]);
  found['a schema'] = formatId(writeSchema(new MemoryObjects(), schema));
  if (process.env.DBOS_UPDATE_FIXTURES) writeFileSync(FIXTURE, `${JSON.stringify(found, null, 2)}\n`);
  t.deepEqual(found, JSON.parse(readFileSync(FIXTURE, 'utf8')));
});
