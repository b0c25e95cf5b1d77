/** What no client of ours would send to a server: paths that lead out, lengths that contradict, heads that never end; and tokens that are over. */
import {symlinkSync} from 'node:fs';
import net from 'node:net';
import {join} from 'node:path';
import test from 'ava';
import {Repository} from '../../src/repo/repository.js';
import {MESSAGES_TYPE} from '../../src/sync/http-channel.js';
import {startServer} from '../../src/sync/server/http-server.js';
import {createToken, revokeToken} from '../../src/sync/tokens.js';
import {Clock, HOUR, START, testContext} from '../support/repo.js';
import {makeTmpDir} from '../support/tmp.js';

/** Sends text as it is and returns the status of the first answer; 0 if the connection was ended without one. */
function raw(url: string, text: string): Promise<number> {
  const {hostname, port} = new URL(url);
  return new Promise(resolve => {
    const socket = net.connect(Number(port), hostname, () => socket.write(text));
    let said = '';
    const end = () => {
      socket.destroy();
      resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1] ?? 0));
    };
    socket.on('data', part => {
      said += part;
      if (said.includes('\r\n\r\n')) end();
    });
    socket.on('error', end);
    socket.on('close', end);
  });
}

test('paths, lengths and heads that are forged, and tokens that are over', async t => {
  const [root, elsewhere] = [makeTmpDir(t), makeTmpDir(t)];
  const clock = new Clock();
  const make = async (folder: string) => {
    const repo = await Repository.init(folder, {bare: true, branch: 'main'}, testContext(clock));
    const good = (await createToken(repo, {name: 'good', role: 'read'})).text;
    const short = (await createToken(repo, {name: 'short', role: 'read', expires: START + HOUR})).text;
    const gone = (await createToken(repo, {name: 'gone', role: 'read'})).text;
    revokeToken(repo, 'gone');
    await repo.close();
    return {good, short, gone};
  };
  const {good, short, gone} = await make(join(root, 'in'));
  const outside = await make(join(elsewhere, 'out'));
  symlinkSync(join(elsewhere, 'out'), join(root, 'link'));
  const server = await startServer({served: {root}, limits: {idle: 700, refusals: 1000}}, testContext(clock));
  t.teardown(() => server.close(0));
  const call = (path: string, token: string, more = 'Content-Length: 0\r\n\r\n') =>
    raw(
      server.url,
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${MESSAGES_TYPE}\r\n${more}`,
    );
  t.is(await call('/in/v1/refs', good), 200);
  t.is(await call('/in/v1/refs', short), 200);
  t.is(await call('/in/v1/refs', gone), 401);
  clock.advance(2 * HOUR);
  t.is(await call('/in/v1/refs', short), 401);
  const out = elsewhere.split('/').at(-1);
  for (const path of [
    '/link/v1/refs',
    `/../${out}/out/v1/refs`,
    `/in/../../${out}/out/v1/refs`,
    `/%2e%2e/${out}/out/v1/refs`,
    `/%252e%252e/${out}/out/v1/refs`,
    `/..%2f${out}%2fout/v1/refs`,
    `/in%00/v1/refs`,
    `/in/%2e/v1/refs`,
    `//in/v1/refs`,
    `${elsewhere}/out/v1/refs`,
    '/in%2fv1/v1/refs',
  ]) {
    for (const token of [good, outside.good]) {
      const status = await call(path, token);
      t.true(status >= 400 && status < 500, `${path}: ${status}`);
    }
  }
  for (const lengths of [
    'Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello',
    'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n',
    'Content-Length: -1\r\n\r\n',
    `X: ${'x'.repeat(100_000)}\r\n\r\n`,
  ]) {
    const status = await call('/in/v1/has', good, lengths);
    t.true(status === 0 || (status >= 400 && status < 500), `${lengths.slice(0, 60)}: ${status}`);
  }
  // a head that does not end
  t.true([0, 408].includes(await raw(server.url, 'POST /in/v1/refs HTTP/1.1\r\nHost: x\r\n')));
  t.is(await call('/in/v1/refs', good), 200);
});
