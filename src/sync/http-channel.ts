/**
 * A channel over HTTP: each call is a POST to `URL/v1/CALL`, whose body and answer are messages. Redirects are not followed, so a
 * token goes nowhere but to whom it is for. Where the server is busy the call is made again after a while. Layer: sync.
 */
import http from 'node:http';
import https from 'node:https';
import {DbosError, isDbosError, systemCode} from '../errors.js';
import type {Channel} from './channel.js';
import {type Call, PROTOCOL} from './protocol.js';
import {encodeMessages, errorTold, type Message, MessageReader, type Messages} from './wire.js';

/** The media type of messages. */
export const MESSAGES_TYPE = `application/vnd.dbos.${PROTOCOL}`;

export interface HttpOptions {
  readonly token?: string | undefined;
  /** A connection on which nothing moves for so long is given up, in milliseconds. */
  readonly idleTimeout?: number;
}

const IDLE_TIMEOUT = 60_000;
/** A busy server is asked so many times in all. */
const TRIES = 10;
const FIRST_WAIT = 200;
const LONGEST_WAIT = 10_000;
/** What is read of an answer that is no messages, in bytes. */
const MOST_TOLD = 64 * 1024;

export class HttpChannel implements Channel {
  private readonly base: string;
  private readonly agent: http.Agent;

  constructor(
    private readonly url: string,
    private readonly options: HttpOptions = {},
  ) {
    this.base = url.endsWith('/') ? url : `${url}/`;
    const keep = {keepAlive: true, maxSockets: 4};
    this.agent = url.startsWith('https:') ? new https.Agent(keep) : new http.Agent(keep);
  }

  async *exchange(call: Call, request: Messages): AsyncGenerator<Message, void, undefined> {
    let wait = FIRST_WAIT;
    for (let attempt = 1; ; attempt++) {
      const response = await this.post(call, request);
      if (response.statusCode === 200) {
        const reader = new MessageReader(response);
        try {
          yield* reader.messages();
        } catch (error) {
          throw isDbosError(error) ? error : this.broken(error);
        } finally {
          response.destroy();
        }
        return;
      }
      const error = await this.refusal(response);
      const busy = response.statusCode === 429 || response.statusCode === 503;
      if (!busy || attempt === TRIES) throw error;
      const asked = Number(response.headers['retry-after']) * 1000;
      const pause = Math.min(LONGEST_WAIT, Number.isFinite(asked) ? Math.max(asked, wait) : wait);
      await new Promise(resolve => setTimeout(resolve, pause * (0.5 + Math.random())));
      wait *= 2;
    }
  }

  async close(): Promise<void> {
    this.agent.destroy();
  }

  private post(call: Call, messages: Messages): Promise<http.IncomingMessage> {
    const {token, idleTimeout = IDLE_TIMEOUT} = this.options;
    const url = new URL(`${PROTOCOL}/${call}`, this.base);
    return new Promise((resolve, reject) => {
      const send = url.protocol === 'https:' ? https.request : http.request;
      let answer: http.IncomingMessage | undefined;
      const over = new AbortController();
      let unsent: unknown;
      const request = send(url, {
        method: 'POST',
        agent: this.agent,
        headers: {
          'content-type': MESSAGES_TYPE,
          accept: MESSAGES_TYPE,
          ...(token !== undefined && {authorization: `Bearer ${token}`}),
        },
      });
      request.setTimeout(idleTimeout, () => {
        const idle = new Error(`nothing moved for ${idleTimeout / 1000} s`);
        answer?.destroy(idle);
        request.destroy(idle);
      });
      request.on('error', error => {
        if (answer) return;
        // the server had closed a connection that was kept, before it saw the request
        const stale = request.reusedSocket && systemCode(error) === 'ECONNRESET' && Array.isArray(messages);
        if (stale) return resolve(this.post(call, messages));
        const reason = unsent ?? error;
        reject(reason === error ? this.broken(error) : reason);
      });
      request.on('response', response => {
        answer = response;
        // an answer may begin while the call is still being sent; whoever refuses it, or has said all, does not want the rest
        if (response.statusCode !== 200) over.abort();
        response.once('end', () => {
          over.abort();
          // of no use for the next call
          if (!request.writableEnded) request.destroy();
        });
        resolve(response);
      });
      write(request, messages, over.signal).catch(error => {
        unsent = error;
        request.destroy(error instanceof Error ? error : undefined);
      });
    });
  }

  private async refusal(response: http.IncomingMessage): Promise<DbosError> {
    const {statusCode = 0} = response;
    let text = '';
    try {
      for await (const chunk of response) {
        text += (chunk as Buffer).toString('utf8');
        if (text.length > MOST_TOLD) break;
      }
    } catch (error) {
      return this.broken(error);
    }
    const told = toldIn(text);
    if (told) return errorTold(told.code, told.message, told.hint, JSON.stringify(told.data ?? {}));
    if (statusCode >= 300 && statusCode < 400) {
      return new DbosError(
        'CONNECTION_FAILED',
        `'${this.url}' has moved to '${response.headers.location ?? 'elsewhere'}'.`,
        {
          hint: 'If you trust that, change the URL with `dbos remote set-url`.',
          data: {url: this.url},
        },
      );
    }
    return new DbosError(
      'CONNECTION_FAILED',
      `'${this.url}' answers with HTTP status ${statusCode}: no dbos serves there.`,
      {
        hint: 'Check the URL: it is that of a store, as `dbos serve` has it.',
        data: {url: this.url, status: statusCode},
      },
    );
  }

  private broken(cause: unknown): DbosError {
    const {host} = new URL(this.base);
    const code = systemCode(cause);
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EHOSTUNREACH') {
      return new DbosError('CONNECTION_FAILED', `${host} cannot be reached (${code}).`, {
        hint: 'Check the URL, and that `dbos serve` runs there.',
        data: {url: this.url},
        cause,
      });
    }
    if (code === 'EPROTO') {
      return new DbosError('CONNECTION_FAILED', `${host} does not answer with TLS.`, {
        hint: 'Write http:// in the URL if `dbos serve` runs there without --tls-cert.',
        data: {url: this.url},
        cause,
      });
    }
    if (code !== undefined && /CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO/.test(code)) {
      return new DbosError('CONNECTION_FAILED', `The certificate of ${host} is not to be trusted (${code}).`, {
        hint: 'Name the file of the authority that signed it in NODE_EXTRA_CA_CERTS.',
        data: {url: this.url},
        cause,
      });
    }
    return new DbosError('CONNECTION_BROKEN', `The connection to ${host} broke off: ${(cause as Error).message}.`, {
      hint: `Run the command again: it goes on where it stopped.${plainHint(this.base, cause)}`,
      data: {url: this.url},
      cause,
    });
  }
}

/** A server with TLS hangs up on who does not speak it. */
function plainHint(url: string, cause: unknown): string {
  if (!url.startsWith('http:') || (cause as Error).message !== 'socket hang up') return '';
  return ' If that never helps, the server may speak TLS: write https:// in the URL.';
}

/** Writes the body of a request, no faster than it is taken, until it is over. */
async function write(request: http.ClientRequest, messages: Messages, over: AbortSignal): Promise<void> {
  if (Array.isArray(messages)) {
    const parts: Uint8Array[] = [];
    for await (const bytes of encodeMessages(messages as Messages)) parts.push(bytes);
    request.end(Buffer.concat(parts));
    return;
  }
  for await (const bytes of encodeMessages(messages)) {
    if (request.destroyed || over.aborted) return;
    if (!request.write(bytes)) await taken(request, over);
  }
  request.end();
}

/** Waits until more can be written, or nothing has to be. */
async function taken(request: http.ClientRequest, over: AbortSignal): Promise<void> {
  await new Promise<void>(resolve => {
    const go = (): void => {
      request.off('drain', go);
      request.off('close', go);
      over.removeEventListener('abort', go);
      resolve();
    };
    request.on('drain', go);
    request.on('close', go);
    over.addEventListener('abort', go);
  });
}

interface Told {
  readonly code: string;
  readonly message: string;
  readonly hint?: unknown;
  readonly data?: unknown;
}

/** Returns the error that an answer tells as JSON, or undefined if it tells none. */
function toldIn(text: string): Told | undefined {
  try {
    const {error} = JSON.parse(text) as {error?: Partial<Told>};
    return typeof error?.code === 'string' && typeof error.message === 'string' ? (error as Told) : undefined;
  } catch {
    return undefined;
  }
}
