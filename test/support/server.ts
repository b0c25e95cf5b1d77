/** A server of one store in this process, with a token for pushing, and a proxy before it that can be told to misbehave. */
import net from 'node:net';
import type {ExecutionContext} from 'ava';
import type {Repository} from '../../src/repo/repository.js';
import {HttpChannel, type HttpOptions} from '../../src/sync/http-channel.js';
import {RemotePeer} from '../../src/sync/remote-peer.js';
import {type ServerOptions, startServer} from '../../src/sync/server/http-server.js';
import {createToken} from '../../src/sync/tokens.js';
import {Clock, testContext} from './repo.js';
import {bareStore} from './sync.js';

export interface TestServer {
  readonly url: string;
  /** The folder of the store. */
  readonly folder: string;
  readonly token: string;
  /** Returns the store as a peer over HTTP. */
  peer(url?: string, options?: HttpOptions): RemotePeer;
  close(grace?: number): Promise<void>;
}

/** Starts a server of a store that `fill` has filled. */
export async function serve(
  t: ExecutionContext,
  options: Partial<ServerOptions> = {},
  fill: (repo: Repository) => Promise<unknown> = async () => undefined,
): Promise<TestServer> {
  const repo = await bareStore(t);
  await fill(repo);
  const {text: token} = await createToken(repo, {name: 'writer', role: 'write'});
  const {location} = repo;
  await repo.close();
  const context = testContext(new Clock(), {lockTimeout: 20_000});
  const server = await startServer({served: {store: location}, ...options}, context);
  t.teardown(() => server.close(0));
  return {
    url: server.url,
    folder: location.store,
    token,
    peer: (url = server.url, peerOptions = {}) => new RemotePeer(new HttpChannel(url, {token, ...peerOptions})),
    close: grace => server.close(grace),
  };
}

/** What a proxy does with the bytes of one direction; undefined ends the connection there. */
export type Meddle = (bytes: Buffer, at: number) => Buffer | undefined;

/** Starts a proxy before a URL and returns its own; each connection has what `up` and `down` give it. */
export async function proxy(
  t: ExecutionContext,
  url: string,
  meddle: {readonly up?: Meddle; readonly down?: Meddle},
): Promise<string> {
  const {hostname, port} = new URL(url);
  const sockets = new Set<net.Socket>();
  const pass = (from: net.Socket, to: net.Socket, change: Meddle = bytes => bytes): void => {
    let at = 0;
    from.on('data', bytes => {
      const changed = change(bytes, at);
      at += bytes.length;
      if (changed === undefined) {
        from.destroy();
        to.destroy();
      } else to.write(changed);
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
  };
  const server = net.createServer(client => {
    const upstream = net.connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    pass(client, upstream, meddle.up);
    pass(upstream, client, meddle.down);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}
