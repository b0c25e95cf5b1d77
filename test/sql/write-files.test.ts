/** Files that are written in SQL: they mean what the edits of files mean, and refuse what those refuse. */
import test from 'ava';
import fc from 'fast-check';
import {isDbosError} from '../../src/errors.js';
import {MemoryObjects} from '../../src/objects/memory.js';
import {statements} from '../../src/sql/parser/parser.js';
import type {Value} from '../../src/sql/values/value.js';
import {WorkingState} from '../../src/sql/write/working-state.js';
import {WritableDatabase, type WritableOptions} from '../../src/sql/write/writable-database.js';
import {FileEdits} from '../../src/state/file-edits.js';
import {FILES_TABLE} from '../../src/state/files.js';
import {readState} from '../../src/state/state.js';
import {readTable} from '../../src/state/table.js';
import {memoryCatalog} from '../support/sqlcatalog.js';

const NOW = 1_700_000_000_123;
const OWNER = {uid: 7, gid: 8, user: 'ada', group: 'engines'};

function newFiles(options: WritableOptions = {}) {
  const objects = new MemoryObjects();
  const state = new WorkingState(objects, undefined);
  const db = new WritableDatabase(state, memoryCatalog(new Map()), {
    now: () => NOW,
    fileOwner: () => OWNER,
    ...options,
  });
  const run = (sql: string, parameters?: readonly Value[]) => {
    let rows: (readonly Value[])[] = [];
    for (const {from, to} of statements(sql)) rows = db.prepare(sql.slice(from, to), parameters).all(parameters);
    return rows;
  };
  const root = () => {
    const id = readState(objects, state.write()).get(FILES_TABLE);
    return id === undefined ? null : readTable(objects, id).root;
  };
  /** The tree in a few words: `d/`, `f=body`, `l->target`. */
  const tree = () =>
    run("SELECT path || iif(type = 'dir', '/', iif(type = 'symlink', '->' || target, '=' || content)) FROM files").map(
      ([text]) => text,
    );
  return {objects, db, run, root, tree};
}

// ---------------------------------------------------------------------------------------------------- the law

type Edit = readonly ['write' | 'symlink' | 'mkdir' | 'rmdir' | 'rm' | 'move' | 'link' | 'chmod', string, string];

const path = fc
  .array(fc.constantFrom('a', 'b', 'a-b', 'é'), {minLength: 1, maxLength: 3})
  .map(names => names.join('/'));
const edit: fc.Arbitrary<Edit> = fc
  .tuple(
    fc.constantFrom<Edit[0]>(
      'write',
      'write',
      'symlink',
      'mkdir',
      'mkdir',
      'rmdir',
      'rm',
      'move',
      'move',
      'link',
      'chmod',
    ),
    path,
    path,
  )
  .filter(([kind, a, b]) => kind !== 'link' || a !== b);

function editFiles(edits: FileEdits, [kind, a, b]: Edit): void {
  if (kind === 'write') edits.write(a, Buffer.from(b));
  else if (kind === 'symlink') edits.makeSymlink(a, b);
  else if (kind === 'mkdir') edits.makeDirectory(a);
  else if (kind === 'rmdir') edits.remove(a);
  else if (kind === 'rm') edits.remove(a, {recursive: true});
  else if (kind === 'move') edits.move(a, b);
  else if (kind === 'link') edits.makeLink(b, a);
  else edits.change(a, {mode: 0o600});
}

const SQL: Readonly<Record<Edit[0], string>> = {
  write: 'INSERT INTO files(path, content) VALUES (?1, ?2) ON CONFLICT (path) DO UPDATE SET content = excluded.content',
  symlink: 'INSERT INTO files(path, target) VALUES (?1, ?2)',
  mkdir: "INSERT INTO files(path, type) VALUES (?1, 'dir')",
  rmdir: 'DELETE FROM files WHERE path = ?1',
  rm: "DELETE FROM files WHERE path = ?1 OR substr(path, 1, length(?1) + 1) = ?1 || '/'",
  move: 'UPDATE files SET path = ?2 WHERE path = ?1',
  link: 'INSERT INTO files(path, link) VALUES (?1, ?2)',
  chmod: "UPDATE files SET mode = '600' WHERE path = ?1",
};

function outcome(work: () => void): 'done' | 'refused' {
  try {
    work();
    return 'done';
  } catch (error) {
    if (!isDbosError(error)) throw error;
    return 'refused';
  }
}

test('law: statements and edits of files do and refuse the same, and end in the same root', t => {
  fc.assert(
    fc.property(fc.array(edit, {minLength: 1, maxLength: 40}), list => {
      const {db, root} = newFiles();
      const edits = new FileEdits(new MemoryObjects(), null, {owner: OWNER, now: () => BigInt(NOW) * 1_000_000n});
      for (const each of list) {
        const [kind, a, b] = each;
        const byEdits = outcome(() => editFiles(edits, each));
        let rows = 0;
        const bySql = outcome(() => {
          const statement = db.prepare(`${SQL[kind]} RETURNING path`);
          rows = statement.all(SQL[kind].includes('?2') ? [a, b] : [a]).length;
        });
        t.is(rows > 0 ? bySql : 'refused', byEdits, JSON.stringify(each));
        t.is(root(), edits.root(), JSON.stringify(each));
      }
    }),
    {numRuns: 100, seed: 77},
  );
});

// ---------------------------------------------------------------------------------------------------- values

test('a new row has what the user gives, and else what a new file has', t => {
  const {run} = newFiles();
  run("INSERT INTO files(path, type) VALUES ('d', 'dir')");
  const columns = 'path, type, mode, uid, gid, user, "group", mtime_ns, size, content, target, xattrs';
  t.deepEqual(run(`INSERT INTO files(path) VALUES ('empty') RETURNING ${columns}`), [
    ['empty', 'file', 0o644, 7, 8, 'ada', 'engines', 1_700_000_000_123_000_000n, 0, '', null, null],
  ]);
  t.deepEqual(
    run(
      `INSERT INTO files(dir, name, content, mode, uid, user, "group", mtime, xattrs)
       VALUES ('d', 'f', x'00ff', '4755', 1, 'bob', NULL, 1.5, '{"user.a": "text", "user.b": {"base64": "AP8="}}') RETURNING ${columns}`,
    ),
    [
      [
        'd/f',
        'file',
        0o4755,
        1,
        8,
        'bob',
        null,
        1_500_000_000,
        2,
        Buffer.from([0, 255]),
        null,
        '{"user.a":"text","user.b":{"base64":"AP8="}}',
      ],
    ],
  );
  run(
    "INSERT INTO files(path, target) VALUES ('s', '../x'); INSERT INTO files(path, type, mode) VALUES ('p', 'fifo', 384)",
  );
  t.deepEqual(run("SELECT path, type, mode, target FROM files WHERE dir = '' AND type <> 'dir' ORDER BY path"), [
    ['empty', 'file', 0o644, null],
    ['p', 'fifo', 0o600, null],
    ['s', 'symlink', 0o777, '../x'],
  ]);
  // numbers become texts, a number without its name loses the old one
  run('INSERT INTO files(path, content, uid) VALUES (5, 1.5, 9)');
  t.deepEqual(run("SELECT path, content, uid, user FROM files WHERE path = '5'"), [['5', '1.5', 9, null]]);
  const large = 'x'.repeat(3_000_000);
  run('INSERT INTO files(path, content) VALUES (?1, ?2)', ['large', large]);
  t.deepEqual(run("SELECT size, content = ?1 FROM files WHERE path = 'large'", [large]), [[3_000_000, 1]]);
});

test('a whole row of another path or time can be given', t => {
  const {run} = newFiles();
  run(`INSERT INTO files(path, type) VALUES ('d', 'dir');
    INSERT INTO files(path, content, mode, xattrs) VALUES ('d/f', 'body', '600', '{"user.a": "1"}');
    INSERT INTO files(path, target) VALUES ('d/s', 'f');
    CREATE TABLE kept AS SELECT * FROM files;
    DELETE FROM files; INSERT INTO files SELECT * FROM kept`);
  t.deepEqual(run('SELECT * FROM files EXCEPT SELECT * FROM kept'), []);
  t.deepEqual(run('SELECT count(*) FROM files'), [[3]]);
});

test('values that no file has are told, and the statement has no effect', t => {
  const {run, root} = newFiles();
  run(
    "INSERT INTO files(path, type) VALUES ('d', 'dir'); INSERT INTO files(path, content) VALUES ('d/f', '1'), ('g', '2')",
  );
  run("INSERT INTO files(path, target) VALUES ('s', 'd')");
  const before = root();
  const cases: [string, string][] = [
    ['INSERT INTO files(content) VALUES (1)', 'CONSTRAINT_FAILED'],
    ['INSERT INTO files DEFAULT VALUES', 'CONSTRAINT_FAILED'],
    ['INSERT INTO files(path) VALUES (NULL)', 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path) VALUES (x'61')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path) VALUES ('g')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, dir) VALUES ('a', 'd')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, type) VALUES ('a', 'socket')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, mode) VALUES ('a', 4096)", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, mode) VALUES ('a', '8')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, mode) VALUES ('a', 1.5)", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, uid) VALUES ('a', -1)", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, mtime) VALUES ('a', '2024-01-01')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, mtime) VALUES ('a', 1e300)", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, mtime_ns) VALUES ('a', 1.5)", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, content) VALUES ('a', NULL)", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, type, content) VALUES ('a', 'dir', '')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, type) VALUES ('a', 'symlink')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, type, target) VALUES ('a', 'file', 'x')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, target, xattrs) VALUES ('a', 'x', '{}')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, xattrs) VALUES ('a', '[]')", 'CONSTRAINT_FAILED'],
    [`INSERT INTO files(path, xattrs) VALUES ('a', '{"": "x"}')`, 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, content, size) VALUES ('a', 'x', 2)", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, content, content_id) VALUES ('a', 'x', 'y')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, link) VALUES ('a', 'no')", 'CONSTRAINT_FAILED'],
    ["INSERT INTO files(path, link) VALUES ('a', 'd')", 'CONSTRAINT_FAILED'],
    ["UPDATE files SET content = NULL WHERE path = 'g'", 'CONSTRAINT_FAILED'],
    ["UPDATE files SET path = 'd/f' WHERE path = 'g'", 'CONSTRAINT_FAILED'],
    ["UPDATE files SET content = 'x'", 'CONSTRAINT_FAILED'],
    ['UPDATE files SET size = 1', 'SQL_MISUSE'],
    ['UPDATE files SET absent = 1', 'COLUMN_UNKNOWN'],
    ["INSERT INTO files(path, absent) VALUES ('a', 1)", 'COLUMN_UNKNOWN'],
    ["INSERT INTO files(path) VALUES ('a') ON CONFLICT (content) DO NOTHING", 'SQL_MISUSE'],
    ["INSERT INTO files(path) VALUES ('no/a')", 'PATH_UNKNOWN'],
    ["INSERT INTO files(path) VALUES ('g/a')", 'PATH_NOT_DIRECTORY'],
    ["INSERT INTO files(path) VALUES ('s/a')", 'PATH_NOT_DIRECTORY'],
    ["UPDATE files SET dir = 'no' WHERE path = 'g'", 'PATH_UNKNOWN'],
    ["UPDATE files SET path = 'd/e/d' WHERE path = 'd'", 'PATH_UNKNOWN'],
    ["DELETE FROM files WHERE path = 'd'", 'DIRECTORY_NOT_EMPTY'],
    ["UPDATE files SET type = 'file' WHERE path = 'd'", 'DIRECTORY_NOT_EMPTY'],
    ["INSERT OR REPLACE INTO files(path) VALUES ('d')", 'DIRECTORY_NOT_EMPTY'],
    ["INSERT INTO files(path, target) VALUES ('a', '')", 'NAME_UNSAFE'],
    ['CREATE UNIQUE INDEX u ON files(name)', 'SQL_UNSUPPORTED'],
    ['CREATE TRIGGER r AFTER INSERT ON files BEGIN SELECT 1; END', 'SQL_UNSUPPORTED'],
    ['DROP TABLE files', 'SQL_UNSUPPORTED'],
  ];
  for (const [sql, code] of cases) {
    t.throws(() => run(sql), {code}, sql);
    t.is(root(), before, sql);
  }
  for (const name of ['', '.', '..', '../x', '/x', 'd//x', 'd/', 'd/../x', '.dbos', 'd/.DBOS/x', 'n'.repeat(256)]) {
    t.throws(() => run('INSERT INTO files(path) VALUES (?1)', [name]), {code: 'NAME_UNSAFE'}, name);
    t.throws(() => run("UPDATE files SET path = ?1 WHERE path = 'g'", [name]), {code: 'NAME_UNSAFE'}, name);
    t.is(root(), before, name);
  }
  t.throws(() => run("INSERT INTO files(path) VALUES ('a' || char(0))"), {code: 'NAME_UNSAFE'});
});

// ---------------------------------------------------------------------------------------------------- statements

test('within a statement the order of entries does not matter', t => {
  const {run, tree} = newFiles();
  run(
    "INSERT INTO files(path, type) VALUES ('d/e/f', 'file'), ('d/e', 'dir'), ('d', 'dir'), ('x', 'file'), ('y', 'dir')",
  );
  t.deepEqual(tree(), ['d/', 'x=', 'y/', 'd/e/', 'd/e/f=']);
  run("UPDATE files SET path = iif(path = 'x', 'y', 'x') WHERE path IN ('x', 'y')");
  t.deepEqual(tree(), ['d/', 'x/', 'y=', 'd/e/', 'd/e/f=']);
  t.is(run("DELETE FROM files WHERE path = 'd' OR path GLOB 'd/*' RETURNING path").length, 3);
  t.deepEqual(tree(), ['x/', 'y=']);
});

test('a directory that gets another path takes along what the statement itself does not move', t => {
  const {run, tree} = newFiles({makeParents: true});
  run("INSERT INTO files(path, content) VALUES ('a/x', 1), ('a/in/y', 2), ('a/in/deep/z', 3), ('b/w', 4)");
  t.deepEqual(run("UPDATE files SET name = 'c' WHERE path = 'a' RETURNING path"), [['c']]);
  t.deepEqual(tree(), ['b/', 'c/', 'b/w=4', 'c/in/', 'c/x=1', 'c/in/deep/', 'c/in/y=2', 'c/in/deep/z=3']);
  // the outer and the inner one go to different places, and one entry stays behind by name
  run(`UPDATE files SET path = CASE path WHEN 'c' THEN 'e' WHEN 'c/in' THEN 'f' ELSE 'kept' END
    WHERE path IN ('c', 'c/in', 'c/in/deep/z')`);
  t.deepEqual(tree(), ['b/', 'e/', 'f/', 'kept=3', 'b/w=4', 'e/x=1', 'f/deep/', 'f/y=2']);
  // exchanged, with what is in them
  run("UPDATE files SET path = iif(path = 'b', 'e', 'b') WHERE path IN ('b', 'e')");
  t.deepEqual(tree(), ['b/', 'e/', 'f/', 'kept=3', 'b/x=1', 'e/w=4', 'f/deep/', 'f/y=2']);
  run("UPDATE files SET path = 'g/' || substr(path, 3) WHERE path GLOB 'f/*'");
  t.deepEqual(tree(), ['b/', 'e/', 'f/', 'g/', 'kept=3', 'b/x=1', 'e/w=4', 'g/deep/', 'g/y=2']);
  t.throws(() => run("UPDATE OR REPLACE files SET path = 'b' WHERE path = 'kept'"), {code: 'DIRECTORY_NOT_EMPTY'});
});

test('conflicts end as OR and ON CONFLICT say', t => {
  const {run, tree} = newFiles();
  run("INSERT INTO files(path, content, mode) VALUES ('a', 1, '600'), ('b', 2, '600')");
  run("INSERT OR IGNORE INTO files(path, content) VALUES ('a', 9), ('c', 3)");
  t.deepEqual(tree(), ['a=1', 'b=2', 'c=3']);
  run("REPLACE INTO files(path, content) VALUES ('a', 9)");
  t.deepEqual(run("SELECT content, mode FROM files WHERE path = 'a'"), [['9', 0o644]]);
  t.deepEqual(
    run(
      `INSERT INTO files(path, content) VALUES ('b', 8), ('d', 7) ON CONFLICT (dir, name)
       DO UPDATE SET content = excluded.content || content, path = 'moved' WHERE content = '2' RETURNING path, content, mode`,
    ),
    [
      ['moved', '82', 0o600],
      ['d', '7', 0o644],
    ],
  );
  run(
    "INSERT INTO files(path) VALUES ('d') ON CONFLICT DO NOTHING; UPDATE OR IGNORE files SET path = 'd' WHERE path IN ('a', 'c')",
  );
  t.deepEqual(tree(), ['a=9', 'c=3', 'd=7', 'moved=82']);
  run("UPDATE OR REPLACE files SET path = 'd' WHERE path = 'a'");
  t.deepEqual(tree(), ['c=3', 'd=9', 'moved=82']);
  t.throws(() => run("INSERT OR FAIL INTO files(path) VALUES ('e'), ('no/f'), ('c')"), {code: 'PATH_UNKNOWN'});
  t.throws(() => run("INSERT OR FAIL INTO files(path) VALUES ('e'), ('c'), ('f')"), {code: 'CONSTRAINT_FAILED'});
  t.deepEqual(tree(), ['c=3', 'd=9', 'e=', 'moved=82']);
});

test('a row may be computed from other rows and tables', t => {
  const {run, tree} = newFiles();
  run(`CREATE TABLE notes(name TEXT PRIMARY KEY, body);
    INSERT INTO notes VALUES ('one', 'first'), ('two', 'second');
    INSERT INTO files(path, type) VALUES ('notes', 'dir');
    INSERT INTO files(dir, name, content) SELECT 'notes', name, body FROM notes;
    UPDATE files SET content = content || ' ' || notes.body FROM notes WHERE files.name = notes.name AND notes.name = 'two';
    INSERT INTO files(path, content) SELECT path || '.copy', content FROM files WHERE type = 'file';
    UPDATE files SET content = (SELECT count(*) FROM files) WHERE path = 'notes/one'`);
  t.deepEqual(tree(), [
    'notes/',
    'notes/one=5',
    'notes/one.copy=first',
    'notes/two=second second',
    'notes/two.copy=second second',
  ]);
  t.deepEqual(run('SELECT changes()'), [[1]]);
});

test('time, mode and owner stay but where they are given or a body is new', t => {
  const {run} = newFiles();
  run("INSERT INTO files(path, content, mtime, uid, mode) VALUES ('f', 'x', 5, 1, '600')");
  const of = (columns: string) => run(`SELECT ${columns} FROM files WHERE path = 'f'`)[0];
  run("UPDATE files SET mode = 420, content = 'x' WHERE path = 'f'");
  t.deepEqual(of('mode, mtime, uid, user'), [420, of('CAST(5 AS REAL)')?.[0], 1, null]);
  run("UPDATE files SET content = 'y'");
  t.deepEqual(of('mtime_ns, uid'), [1_700_000_000_123_000_000n, 1]);
  run("UPDATE files SET mtime_ns = 12, content = 'z', user = 'bob'");
  t.deepEqual(of('mtime_ns, uid, user'), [12, 1, 'bob']);
  run("UPDATE files SET type = 'symlink', target = 'q'");
  t.deepEqual(of('type, mode, content, target'), ['symlink', 0o777, null, 'q']);
  run("UPDATE files SET type = 'dir'");
  t.deepEqual(of('type, mode, content, target'), ['dir', 0o755, null, null]);
  run("UPDATE files SET type = 'file'");
  t.deepEqual(of('type, mode, content, target'), ['file', 0o644, '', null]);
});

test('hard links are made, kept alike and broken', t => {
  const {run} = newFiles();
  const links = () => run('SELECT path, link, content FROM files');
  run("INSERT INTO files(path, content) VALUES ('m', 1); INSERT INTO files(path, link) VALUES ('x', 'm'), ('c', 'x')");
  t.deepEqual(links(), [
    ['c', 'c', '1'],
    ['m', 'c', '1'],
    ['x', 'c', '1'],
  ]);
  run("UPDATE files SET content = 2 WHERE path = 'x'");
  t.deepEqual(links(), [
    ['c', 'c', '2'],
    ['m', 'c', '2'],
    ['x', 'c', '2'],
  ]);
  run("UPDATE files SET link = NULL, content = 3 WHERE path = 'c'");
  t.deepEqual(links(), [
    ['c', null, '3'],
    ['m', 'm', '2'],
    ['x', 'm', '2'],
  ]);
  run("UPDATE files SET link = 'c' WHERE path = 'x'");
  t.deepEqual(links(), [
    ['c', 'c', '3'],
    ['m', null, '2'],
    ['x', 'c', '3'],
  ]);
  run("UPDATE files SET path = 'z' WHERE path = 'c'; INSERT OR REPLACE INTO files(path, content) VALUES ('z', 4)");
  t.deepEqual(links(), [
    ['m', null, '2'],
    ['x', null, '3'],
    ['z', null, '4'],
  ]);
});

test('files and tables are one unit, with savepoints', t => {
  let units = 0;
  const {run, tree} = newFiles({commit: () => void units++});
  run(`BEGIN; CREATE TABLE t(a); INSERT INTO files(path, content) VALUES ('f', 1); SAVEPOINT s;
    INSERT INTO t VALUES (1); UPDATE files SET content = 2; INSERT INTO files(path) VALUES ('g')`);
  t.deepEqual(tree(), ['f=2', 'g=']);
  run('ROLLBACK TO s');
  t.deepEqual(tree(), ['f=1']);
  t.throws(() => run("INSERT INTO files(path, content) VALUES ('h', 1), ('no/h', 1)"), {code: 'PATH_UNKNOWN'});
  t.deepEqual(tree(), ['f=1']);
  run("INSERT INTO files(path) VALUES ('h'); COMMIT");
  t.is(units, 1);
  t.deepEqual(tree(), ['f=1', 'h=']);
  run('BEGIN; DELETE FROM files; ROLLBACK');
  t.deepEqual(tree(), ['f=1', 'h=']);
  run('DELETE FROM files');
  t.deepEqual(tree(), []);
  t.is(units, 2);
});

test('triggers of tables write files', t => {
  const {run, tree} = newFiles({makeParents: true});
  run(`CREATE TABLE page(name TEXT PRIMARY KEY, body);
    CREATE TRIGGER made AFTER INSERT ON page BEGIN
      INSERT INTO files(path, content) VALUES ('pages/' || new.name, new.body);
    END;
    CREATE TRIGGER changed AFTER UPDATE ON page BEGIN
      UPDATE files SET content = new.body, name = new.name WHERE path = 'pages/' || old.name;
    END;
    CREATE TRIGGER gone AFTER DELETE ON page BEGIN DELETE FROM files WHERE path = 'pages/' || old.name; END;
    INSERT INTO page VALUES ('a', 1), ('b', 2), ('c', 3)`);
  t.deepEqual(tree(), ['pages/', 'pages/a=1', 'pages/b=2', 'pages/c=3']);
  run("UPDATE page SET name = name || '2', body = body + 1 WHERE name <> 'c'; DELETE FROM page WHERE name = 'c'");
  t.deepEqual(tree(), ['pages/', 'pages/a2=2', 'pages/b2=3']);
  t.throws(() => run("INSERT INTO page VALUES ('..', 1)"), {code: 'NAME_UNSAFE'});
  t.deepEqual(run('SELECT name FROM page'), [['a2'], ['b2']]);
});

test('indexes of files are kept', t => {
  const {run, db} = newFiles();
  run(`CREATE INDEX by_size ON files(size); CREATE INDEX by_end ON files(substr(name, -1)) WHERE type = 'file';
    INSERT INTO files(path, content) SELECT 'f' || value, substr('xxxxxxxxxx', 1, value % 10) FROM generate_series(1, 500);
    UPDATE files SET content = 'long enough' WHERE name GLOB 'f1?';
    UPDATE files SET name = 'z' || name WHERE size = 3;
    DELETE FROM files WHERE size = 4`);
  const bySize = db.prepare('SELECT path FROM files WHERE size = 3 ORDER BY path');
  t.regex(bySize.explain(), /with index by_size/);
  t.deepEqual(bySize.all(), run('SELECT path FROM files WHERE +size = 3 ORDER BY path'));
  t.is(bySize.all().length, 49);
  t.deepEqual(
    run("SELECT count(*) FROM files WHERE substr(name, -1) = '3' AND type = 'file'"),
    run("SELECT count(*) FROM files WHERE name GLOB '*3'"),
  );
});
