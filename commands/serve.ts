import {constants} from 'node:os';
import {resolve} from 'node:path';
import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {findStore} from '../src/repo/location.js';
import type {Server, ServerLimits} from '../src/sync/server/http-server.js';

const UNITS: Readonly<Record<string, number>> = {'': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12};

export default class Serve extends StoreCommand {
  static override summary = 'Serve stores to other machines over HTTP.';
  static override description =
    'Others clone, fetch, pull and push with the URL that is told at the start. Each store has tokens of its own: make them with `dbos token create`. A line of JSON for each request goes to stdout. Ctrl-C lets running requests finish, a second one ends at once. A store is opened only while something is read or written, so commands on this machine go on working.';
  static override examples = [
    {description: 'The store here:', command: '<%= config.bin %> serve --port 7400'},
    {
      description: 'Every store below a folder, as https://HOST:7400/NAME:',
      command:
        '<%= config.bin %> serve --root /srv/stores --host 0.0.0.0 --port 7400 --tls-cert cert.pem --tls-key key.pem',
    },
  ];
  static override args = {
    directory: Args.string({description: 'The store to serve; the one here unless given.'}),
  };
  static override flags = {
    host: Flags.string({description: 'Address to listen on.', default: '127.0.0.1', helpValue: 'ADDRESS'}),
    port: Flags.integer({
      description: 'Port to listen on; 0 takes a free one.',
      default: 7400,
      min: 0,
      max: 65535,
      helpValue: 'N',
    }),
    root: Flags.string({
      description: 'Serve every store below this folder, each at its path.',
      helpValue: 'DIR',
      exclusive: ['stdio'],
    }),
    'read-only': Flags.boolean({description: 'Refuse pushes.'}),
    'public-read': Flags.boolean({description: 'Let anybody read without a token.'}),
    'tls-cert': Flags.string({description: 'File with the certificate, in PEM format.', helpValue: 'FILE'}),
    'tls-key': Flags.string({description: 'File with the key of the certificate.', helpValue: 'FILE'}),
    'max-body': Flags.string({description: 'Bytes that a request may have, with K, M, G or T.', helpValue: 'SIZE'}),
    'max-active': Flags.integer({description: 'Requests that are worked on at once.', min: 1, helpValue: 'N'}),
    'max-memory': Flags.string({
      description: 'Memory for what requests bring, with K, M, G or T.',
      helpValue: 'SIZE',
    }),
    'max-waiting': Flags.integer({description: 'Requests that may wait for that.', min: 0, helpValue: 'N'}),
    rate: Flags.integer({description: 'Requests of one address in a minute.', min: 1, helpValue: 'N'}),
    'request-timeout': Flags.integer({description: 'Seconds that a request may take.', min: 1, helpValue: 'N'}),
    'stop-after': Flags.integer({description: 'Stop after so many seconds.', min: 1, helpValue: 'N'}),
    stdio: Flags.boolean({
      description: 'Serve one store over stdin and stdout instead: what ssh runs on the other machine.',
    }),
  };
  static override completes = {
    directory: 'directory',
    root: 'directory',
    'tls-cert': 'file',
    'tls-key': 'file',
  } as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(Serve);
    const here = this.workingDirectory();
    const directory = resolve(here, args.directory ?? '.');
    if (flags.root !== undefined && args.directory !== undefined) throw this.usage('Name a store or say --root.');
    const {'tls-cert': cert, 'tls-key': key} = flags;
    if ((cert === undefined) !== (key === undefined)) throw this.usage('TLS needs both --tls-cert and --tls-key.');
    const context = await this.context();
    if (flags.stdio) {
      const {serveStdio} = await import('../src/sync/server/stdio-server.js');
      await serveStdio(directory, context, {
        input: process.stdin,
        output: process.stdout,
        readOnly: flags['read-only'],
      });
      return this.printEvent('');
    }
    const limits: Partial<ServerLimits> = {
      ...(flags['max-body'] !== undefined && {body: this.size(flags['max-body'])}),
      ...(flags['max-active'] !== undefined && {active: flags['max-active']}),
      ...(flags['max-memory'] !== undefined && {memory: this.size(flags['max-memory'])}),
      ...(flags['max-waiting'] !== undefined && {waiting: flags['max-waiting']}),
      ...(flags.rate !== undefined && {rate: flags.rate}),
      ...(flags['request-timeout'] !== undefined && {time: flags['request-timeout'] * 1000}),
    };
    const served = flags.root === undefined ? {store: findStore(directory)} : {root: resolve(here, flags.root)};
    const {startServer} = await import('../src/sync/server/http-server.js');
    const server = await startServer(
      {
        served,
        host: flags.host,
        port: flags.port,
        readOnly: flags['read-only'],
        publicRead: flags['public-read'],
        tls: cert !== undefined && key !== undefined ? {cert, key} : undefined,
        limits,
        log: line => void this.printEvent(line),
      },
      context,
    );
    this.printEvent(`${JSON.stringify({time: new Date(context.now()).toISOString(), listening: server.url})}\n`);
    this.note(`Serving ${flags.root ?? directory} at ${server.url}. Stop it with Ctrl-C.`);
    await stopped(server, flags['stop-after']);
    return this.printEvent('');
  }

  private size(text: string): number {
    const [, number = '', unit = ''] = /^(\d+)([KMGT]?)B?$/i.exec(text) ?? [];
    if (number === '') throw this.usage(`'${text}' is no size; write 500M or 20G.`);
    return Number(number) * (UNITS[unit.toUpperCase()] as number);
  }
}

/** Waits for a signal, or for so many seconds, then for the end of the requests that run. A second signal ends at once. */
async function stopped(server: Server, seconds: number | undefined): Promise<void> {
  let told = false;
  await new Promise<void>(resolve => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        if (told) process.exit(128 + constants.signals[name]);
        told = true;
        resolve();
      });
    }
    if (seconds !== undefined) setTimeout(resolve, seconds * 1000).unref();
  });
  await server.close();
}
