/**
 * Serves stores over HTTP: `POST PATH/v1/CALL`, whose bodies and answers are messages, and `/healthz` and `/metrics`. Errors that
 * show before an answer has begun have an HTTP status and are told as JSON, later ones as the last message. Layer: sync.
 */
import {readFileSync} from 'node:fs';
import type {IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import {Readable} from 'node:stream';
import rateLimit from '@fastify/rate-limit';
import {type FastifyInstance, type FastifyReply, type FastifyRequest, fastify} from 'fastify';
import {DbosError, type ErrorCode, isDbosError} from '../../errors.js';
import type {RepoContext} from '../../repo/context.js';
import {answer, TICK_MS, withTicks} from '../answer.js';
import {MESSAGES_TYPE} from '../http-channel.js';
import {CALLS, type Call, PROTOCOL} from '../protocol.js';
import type {Rights} from '../rights.js';
import {StorePeer} from '../store-peer.js';
import {TokenBook} from '../token-book.js';
import {encodeMessages, MESSAGE, type Message, MessageReader} from '../wire.js';
import {LEAST_MEMORY, MemoryBudget, MOST_MESSAGE, RequestRoom} from './memory.js';
import {Metrics} from './metrics.js';
import {type Served, type ServedStore, Stores} from './stores.js';
import {Turns} from './turns.js';

export interface ServerOptions {
  readonly served: Served;
  /** An address of this machine; that of the loopback unless given. */
  readonly host?: string | undefined;
  /** 0 for any that is free. */
  readonly port?: number | undefined;
  /** Refuse every push. */
  readonly readOnly?: boolean | undefined;
  /** Let anybody read everything without a token. */
  readonly publicRead?: boolean | undefined;
  /** Files with the certificate and its key. */
  readonly tls?: {readonly cert: string; readonly key: string} | undefined;
  readonly limits?: Partial<ServerLimits> | undefined;
  /** Gets a line of JSON, with its newline, for each request. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface ServerLimits {
  /** Bytes of the body of a request. */
  readonly body: number;
  /** Requests that are worked on at once; fewer if `memory` has no room for them. */
  readonly active: number;
  /** Bytes of memory for what requests bring. */
  readonly memory: number;
  /** Requests that may wait for that. */
  readonly waiting: number;
  /** Requests of one address in a minute. */
  readonly rate: number;
  /** Requests of one address in a minute that have no valid token. */
  readonly refusals: number;
  /** Milliseconds that a request may take. */
  readonly time: number;
  /** Milliseconds without a byte from the client, or to it; also for the whole head of a request. */
  readonly idle: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  body: 64 * 2 ** 30,
  active: 32,
  memory: 370_000_000,
  waiting: 1000,
  rate: 6000,
  refusals: 60,
  time: 3600_000,
  idle: 60_000,
};

export interface Server {
  /** `http://HOST:PORT`. */
  readonly url: string;
  /** Takes no more requests and waits for those that run, at most so many milliseconds; then they are cut off. */
  close(grace?: number): Promise<void>;
}

/** What comes of a push is made durable after so many bytes, which wait in memory. */
const FLUSH_BYTES = 2 * 1024 * 1024;
const GRACE_MS = 30_000;
/** How long a client may go on sending that was refused. */
const LINGER_MS = 5000;
/** How often is looked for requests whose head has not come whole. */
const CHECK_MS = 15_000;
const MINUTE_MS = 60_000;

/** The status for errors of a call; any other is 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  TRANSFER_INVALID: 400,
  OBJECT_INVALID: 400,
  CONNECTION_BROKEN: 400,
  REF_NAME_INVALID: 400,
  TOKEN_REQUIRED: 401,
  TOKEN_INVALID: 401,
  ACCESS_DENIED: 403,
  READ_ONLY: 403,
  STORE_NOT_FOUND: 404,
  REMOTE_REF_UNKNOWN: 404,
  NOT_FAST_FORWARD: 409,
  REF_MOVED: 409,
  BRANCH_CURRENT: 409,
  WOULD_OVERWRITE: 409,
  REQUEST_TOO_LARGE: 413,
  REMOTE_BUSY: 429,
  STORE_LOCKED: 503,
  STORE_FULL: 507,
};

/** Starts a server. Throws SERVER_FAILED if the address cannot be had, or a file of the certificate not be read. */
export async function startServer(options: ServerOptions, context: RepoContext): Promise<Server> {
  const server = new HttpServer(options, context);
  const url = await server.listen();
  return {url, close: grace => server.close(grace)};
}

/** What is noted about a request for the log. */
interface Noted {
  call: Call | undefined;
  store: string;
  token: string | undefined;
  received: number;
  sent: number;
  code: string | undefined;
}

class HttpServer {
  private readonly limits: ServerLimits;
  private readonly stores: Stores;
  private readonly metrics = new Metrics();
  private readonly memory: MemoryBudget;
  private readonly turns: Turns;
  /** Answers for stores that are not there. */
  private readonly noTokens: TokenBook;
  private readonly refusals = new Map<string, number>();
  private readonly noted = new WeakMap<FastifyRequest, Noted>();
  private readonly app: FastifyInstance;

  constructor(
    private readonly options: ServerOptions,
    private readonly context: RepoContext,
  ) {
    this.limits = {...DEFAULT_LIMITS, ...options.limits};
    this.stores = new Stores(options.served, context);
    this.noTokens = new TokenBook(undefined, context.now);
    const {active, memory, waiting} = this.limits;
    if (memory < LEAST_MEMORY) {
      throw new DbosError('SERVER_FAILED', `The server cannot do with ${memory} bytes for what requests bring.`, {
        hint: `It needs ${LEAST_MEMORY} at least, for the greatest message there is.`,
      });
    }
    this.memory = new MemoryBudget(memory, active);
    this.turns = new Turns(this.memory.shares, waiting);
    const {time, idle} = this.limits;
    const {tls} = options;
    const heads = {headersTimeout: idle, connectionsCheckingInterval: Math.min(idle, CHECK_MS)};
    this.app = fastify({
      ...(tls ? {https: {...heads, cert: readTls(tls.cert), key: readTls(tls.key)}} : {http: heads}),
      requestTimeout: time,
      connectionTimeout: idle,
      forceCloseConnections: 'idle',
      routerOptions: {maxParamLength: 4096},
    }) as unknown as FastifyInstance;
  }

  async listen(): Promise<string> {
    const {app, limits, options} = this;
    // the body is read as it comes, by whoever needs it
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(MESSAGES_TYPE, (_request, payload, done) => done(null, payload));
    await app.register(rateLimit, {max: limits.rate, timeWindow: MINUTE_MS});
    app.addHook('onResponse', async (request, reply) => this.note(request, reply));
    app.get('/healthz', {config: {rateLimit: false}}, async () => ({status: 'ok'}));
    app.get('/metrics', {config: {rateLimit: false}}, async (_request, reply) => {
      const {turns, memory} = this;
      this.metrics.load(turns.active, turns.waiting);
      this.metrics.memory(memory.used(turns.active), this.limits.memory, memory.waiting);
      return reply.type(this.metrics.contentType).send(await this.metrics.text());
    });
    app.post('/*', (request, reply) => this.serve(request, reply));
    app.setNotFoundHandler((request, reply) => this.refuse(request, reply, notFound()));
    app.setErrorHandler((error, request, reply) => this.refuse(request, reply, asDbosError(error)));
    try {
      await app.listen({host: options.host ?? '127.0.0.1', port: options.port ?? 0});
    } catch (error) {
      await app.close();
      throw new DbosError('SERVER_FAILED', `The server cannot start: ${(error as Error).message}.`, {
        hint: 'Choose another --host or --port.',
        cause: error,
      });
    }
    const {address, port, family} = app.server.address() as AddressInfo;
    return `http${options.tls ? 's' : ''}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async close(grace = GRACE_MS): Promise<void> {
    const timer = setTimeout(() => this.app.server.closeAllConnections(), grace);
    await this.app.close();
    clearTimeout(timer);
    await this.stores.close();
  }

  private async serve(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const noted: Noted = {call: undefined, store: '', token: undefined, received: 0, sent: 0, code: undefined};
    this.noted.set(request, noted);
    const [path, call] = splitPath(request.url);
    if (call === undefined) throw notFound();
    noted.call = call;
    noted.store = path;
    const store = this.stores.find(path);
    const text = bearerOf(request);
    const rights = await this.admit(request.ip, text, store);
    if (store === undefined) throw notFound();
    noted.token = rights.name;
    // nothing moves meanwhile, and the client would give up: it comes again if it is told to
    if (!(await this.turns.enter(this.limits.idle / 2))) throw busy('The server has too many requests already.');
    let messages: AsyncGenerator<Message>;
    let first: IteratorResult<Message>;
    const room = new RequestRoom(this.memory, call, this.limits.idle);
    const body = new MessageReader(this.bounded(request, noted, room), MOST_MESSAGE[call], room);
    const leave = (): void => {
      room.done();
      this.turns.leave();
    };
    try {
      const {readOnly, publicRead} = this.options;
      const confirm = () => store.tokens.rightsOf(text, publicRead);
      const actor = {
        user: rights.name === undefined ? 'anybody' : `token:${rights.name}`,
        command: `push from ${request.ip}`,
      };
      const peer = new StorePeer(store.access, {
        flushBytes: FLUSH_BYTES,
        rights,
        confirm,
        parts: store.parts,
        actor,
        readOnly,
        room,
      });
      messages = withTicks(answer(peer, call, body.messages()), Math.min(TICK_MS, this.limits.idle / 4));
      first = await messages.next();
    } catch (error) {
      leave();
      await body.close();
      throw error;
    }
    const all = async function* (): AsyncGenerator<Message> {
      for (let next = first; !next.done; next = await messages.next()) {
        // what has been asked is known
        if (next.value[0] !== MESSAGE.tick) room.done();
        yield next.value;
      }
    };
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of encodeMessages(all())) {
        noted.sent += piece.length;
        yield piece;
      }
    };
    const stream = Readable.from(bytes());
    // also where the client has gone before anything of it was read; what is still being done has its place until it ends
    stream.once('close', () => {
      room.leave();
      messages
        .return(undefined)
        .catch(() => undefined)
        .finally(leave);
    });
    return reply.type(MESSAGES_TYPE).send(stream);
  }

  /** Returns what a request may do. Throws TOKEN_REQUIRED, TOKEN_INVALID, or REMOTE_BUSY for who tries too often. */
  private async admit(address: string, text: string | undefined, store: ServedStore | undefined): Promise<Rights> {
    const {publicRead = false} = this.options;
    const refusals = this.refusals.get(address) ?? 0;
    if (refusals >= this.limits.refusals) throw busy('There were too many requests without a valid token.');
    try {
      // nobody without a token learns which stores are there
      return await (store?.tokens ?? this.noTokens).rightsOf(text, publicRead);
    } catch (error) {
      if (isDbosError(error, 'TOKEN_REQUIRED') || isDbosError(error, 'TOKEN_INVALID')) {
        this.metrics.accessRefused();
        this.countRefusal(address);
      }
      throw error;
    }
  }

  private countRefusal(address: string): void {
    const before = this.refusals.get(address);
    if (before === undefined) setTimeout(() => this.refusals.delete(address), MINUTE_MS).unref();
    this.refusals.set(address, (before ?? 0) + 1);
  }

  /** Yields the body of a request. Throws REQUEST_TOO_LARGE, and CONNECTION_BROKEN if it ends in between. */
  private async *bounded(request: FastifyRequest, noted: Noted, room: RequestRoom): AsyncGenerator<Uint8Array> {
    const {body, idle} = this.limits;
    const {raw} = request;
    // signs of life keep a connection alive whose other end is gone, but they bring no bytes
    const watch = () => setTimeout(() => raw.destroy(new Error(`nothing came for ${idle / 1000} s`)), idle);
    let timer = watch();
    try {
      // what is left of a body after an error is read over: a connection that is cut would take the answer along
      for await (const chunk of raw.iterator({destroyOnReturn: false})) {
        clearTimeout(timer);
        noted.received += (chunk as Buffer).length;
        if (noted.received > body) {
          throw new DbosError('REQUEST_TOO_LARGE', `The server takes no more than ${body} bytes at once.`, {
            hint: 'What came is kept: push again to go on, or ask for a greater --max-body there.',
          });
        }
        room.checkPace();
        yield chunk as Buffer;
        timer = watch();
      }
    } catch (error) {
      if (isDbosError(error)) throw error;
      throw new DbosError('CONNECTION_BROKEN', `The client has gone: ${(error as Error).message}.`, {
        hint: 'What came is kept: push again to go on.',
        cause: error,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  private refuse(request: FastifyRequest, reply: FastifyReply, error: DbosError): FastifyReply {
    const noted = this.noted.get(request);
    if (noted) noted.code = error.code;
    const status = STATUS[error.code] ?? 500;
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    if (status === 429 || status === 503) reply.header('retry-after', '1');
    if (!request.raw.complete) skipRest(request.raw);
    const {code, message, hint, data} = error;
    return reply.code(status).send({error: {code, message, hint, data}});
  }

  private note(request: FastifyRequest, reply: FastifyReply): void {
    const noted = this.noted.get(request);
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    if (noted) {
      this.metrics.answered(noted.call ?? 'none', reply.statusCode, ms / 1000);
      this.metrics.moved(noted.received, noted.sent);
    }
    this.options.log?.(
      `${JSON.stringify({
        time: new Date(this.context.now()).toISOString(),
        address: request.ip,
        method: request.method,
        path: request.url.slice(0, 1000),
        status: reply.statusCode,
        ms,
        ...(noted && {token: noted.token ?? null, received: noted.received, sent: noted.sent}),
        ...(noted?.code !== undefined && {code: noted.code}),
      })}\n`,
    );
  }
}

/** Returns the text of the token that a request has. */
function bearerOf({headers: {authorization: header}}: FastifyRequest): string | undefined {
  return header?.startsWith('Bearer ') ? header.slice('Bearer '.length) : undefined;
}

/**
 * Reads over the rest of a body for a while: a client that is still sending would lose the answer if the connection ended under
 * it. One that has read the answer ends the connection.
 */
function skipRest(body: IncomingMessage): void {
  body.resume();
  const timer = setTimeout(() => body.socket.destroy(), LINGER_MS);
  body.once('close', () => clearTimeout(timer));
}

/** Returns the path of a store and the call, of the path of a request. */
function splitPath(url: string): readonly [string, Call | undefined] {
  const [path = ''] = url.split('?');
  const parts = path.split('/').slice(1);
  const [version, name] = parts.slice(-2);
  const call = version === PROTOCOL ? CALLS.find(each => each === name) : undefined;
  return [parts.slice(0, -2).join('/'), call];
}

function readTls(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new DbosError('SERVER_FAILED', `'${path}' cannot be read: ${(error as Error).message}.`, {
      hint: 'Name a file in PEM format.',
      data: {path},
      cause: error,
    });
  }
}

function notFound(): DbosError {
  return new DbosError('STORE_NOT_FOUND', 'There is no store here.', {
    hint: 'Check the URL: http://HOST:PORT/NAME, with the path of the store below the folder that is served.',
  });
}

function busy(message: string): DbosError {
  return new DbosError('REMOTE_BUSY', message, {hint: 'Try again in a minute.'});
}

/** Returns an error of fastify, or a bug, as one that a client may see. */
function asDbosError(error: unknown): DbosError {
  if (isDbosError(error)) return error;
  const {statusCode} = error as {statusCode?: number};
  if (statusCode === 429) return busy('There were too many requests.');
  if (statusCode === 415) {
    return new DbosError('TRANSFER_INVALID', 'The body is of another media type.', {hint: `Send ${MESSAGES_TYPE}.`});
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500 && statusCode !== 413) {
    return new DbosError('TRANSFER_INVALID', `The request is no call: ${(error as Error).message}.`, {
      hint: 'See the description of the protocol.',
    });
  }
  if (statusCode === 413)
    return new DbosError('REQUEST_TOO_LARGE', 'The request is too large.', {hint: 'Send less at once.'});
  return new DbosError('REMOTE_FAILED', 'The server failed.', {hint: 'Its log says why.', cause: error});
}
