/** Looking at entries: the fast way says what `lstatSync` says, and what is not what it is taken for is not used. */
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {lookerFor, plainLook, type RawLstat, trustedLooker} from '../../src/worktree/look.js';
import {makeTmpDir} from '../support/tmp.js';

const KEYS = ['mode', 'nlink', 'size', 'mtimeMs', 'ctimeMs', 'ino', 'dev'] as const;

test('every kind of entry looks as lstat says, by text and by bytes', t => {
  const root = makeTmpDir(t);
  fs.writeFileSync(path.join(root, 'file'), 'text');
  fs.linkSync(path.join(root, 'file'), path.join(root, 'linked'));
  fs.symlinkSync('nowhere', path.join(root, 'symlink'));
  fs.mkdirSync(path.join(root, 'directory'));
  fs.utimesSync(path.join(root, 'directory'), 1, -1.5);
  fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff])]), '');
  const look = lookerFor(root);
  for (const name of fs.readdirSync(root, {encoding: 'buffer'})) {
    const full = Buffer.concat([Buffer.from(`${root}/`), name]);
    const stat = fs.lstatSync(full);
    for (const at of [full, ...(name[0] === 0xff ? [] : [full.toString()])]) {
      const found = look(at);
      for (const key of KEYS) t.is(found?.[key], stat[key], `${name} ${key}`);
    }
  }
  t.is(look(path.join(root, 'absent')), undefined);
  for (const odd of [path.join(root, 'file', 'below'), path.join(root, 'x'.repeat(300))]) {
    const codes = [look, plainLook].map(each => t.throws(() => each(odd)) as NodeJS.ErrnoException | undefined);
    t.is(codes[0]?.code, codes[1]?.code);
    t.truthy(codes[0]?.code);
  }
});

test('what does not answer as lstat does is not trusted', t => {
  const root = makeTmpDir(t);
  const numbers = (at: fs.PathLike) => {
    const {dev, mode, nlink, ino, size} = fs.lstatSync(at);
    const {mtimeNs, ctimeNs} = fs.lstatSync(at, {bigint: true});
    const times = [mtimeNs, ctimeNs].flatMap(time => [Number(time / 1_000_000_000n), Number(time % 1_000_000_000n)]);
    return [dev, mode, nlink, 0, 0, 0, 0, ino, size, 0, 0, 0, ...times];
  };
  const honest: RawLstat = at =>
    fs.lstatSync(at, {throwIfNoEntry: false}) ? Float64Array.from(numbers(at)) : undefined;
  t.truthy(trustedLooker(honest, root));
  for (const i of [0, 1, 2, 7, 8, 12, 13, 14, 15]) {
    const lying: RawLstat = (...words) => {
      const answer = honest(...words) as Float64Array | undefined;
      if (answer) answer[i] = (answer[i] as number) + 1000;
      return answer;
    };
    t.is(trustedLooker(lying, root), undefined, `number ${i}`);
  }
  const others: RawLstat[] = [
    () => undefined,
    () => Float64Array.from({length: 18}),
    at => fs.existsSync(at) && numbers(at),
    at => Float64Array.from(numbers(at)),
    () => {
      throw new Error('no');
    },
  ];
  // what is asked again by public means is no lie
  t.truthy(trustedLooker(others[0] as RawLstat, root));
  t.is(trustedLooker(others[1] as RawLstat, root), undefined);
  t.truthy(trustedLooker(others[2] as RawLstat, root));
  t.is(trustedLooker(others[3] as RawLstat, root), undefined, 'it throws for what is not there');
  t.is(trustedLooker(others[4] as RawLstat, root), undefined);
});
