/**
 * Many clients of one server at once: some push to branches of their own, the others pull. Run as a program it is some of the
 * clients: URL, token, name, pushers, pullers; it prints what went wrong as JSON.
 */
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {ObjectId} from '../../src/objects/id.js';
import {branchName, branchRef, findRef, remoteRef} from '../../src/repo/refs.js';
import {Repository} from '../../src/repo/repository.js';
import {fetchRemote} from '../../src/sync/fetch.js';
import {HttpChannel} from '../../src/sync/http-channel.js';
import {pushRemote} from '../../src/sync/push.js';
import {RemotePeer} from '../../src/sync/remote-peer.js';
import {Clock, commitFiles, testContext} from './repo.js';
import {ORIGIN} from './sync.js';

const PROGRAM = fileURLToPath(import.meta.url);

/** A branch that a client has pushed, with its commit as binary text. */
export interface Pushed {
  readonly branch: string;
  readonly id: string;
}

export interface ClientsReport {
  readonly pushed: readonly Pushed[];
  /** Pulls that ended with what the server had at least at the start. */
  readonly pulled: number;
  readonly wrong: readonly string[];
}

export interface Load {
  readonly url: string;
  readonly token: string;
  readonly pushers: number;
  readonly pullers: number;
}

/** Runs clients at once in some processes and returns what they report together. */
export async function runClients(load: Load, processes: number): Promise<ClientsReport> {
  const share = (all: number, i: number) => Math.floor((all * (i + 1)) / processes) - Math.floor((all * i) / processes);
  const reports = await Promise.all(
    Array.from({length: processes}, async (_, i): Promise<ClientsReport> => {
      const {url, token, pushers, pullers} = load;
      const args = [url, token, `p${i}`, `${share(pushers, i)}`, `${share(pullers, i)}`];
      const child = spawn(process.execPath, [PROGRAM, ...args], {stdio: ['ignore', 'pipe', 'pipe']});
      let output = '';
      let errors = '';
      child.stdout.on('data', part => {
        output += part;
      });
      child.stderr.on('data', part => {
        errors += part;
      });
      const status = await new Promise<number | null>(resolve => child.on('close', resolve));
      if (status !== 0) return {pushed: [], pulled: 0, wrong: [`clients ended with ${status}: ${errors}`]};
      return JSON.parse(output) as ClientsReport;
    }),
  );
  return {
    pushed: reports.flatMap(({pushed}) => pushed),
    pulled: reports.reduce((sum, {pulled}) => sum + pulled, 0),
    wrong: reports.flatMap(({wrong}) => wrong),
  };
}

const MAIN = branchName('main');

async function clients([url = '', token = '', name = '', pushers = '0', pullers = '0']: string[]): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'dbos-load-'));
  const pushed: Pushed[] = [];
  const wrong: string[] = [];
  let pulled = 0;
  let made = 0;
  const withStore = async (work: (repo: Repository, peer: RemotePeer) => Promise<void>): Promise<void> => {
    const repo = await Repository.init(join(root, `${made++}`), {bare: true, branch: 'main'}, testContext(new Clock()));
    const peer = new RemotePeer(new HttpChannel(url, {token}));
    try {
      await work(repo, peer);
    } catch (error) {
      wrong.push(String((error as Error).stack));
    } finally {
      await peer.close();
      await repo.close();
    }
  };
  const pull = async (repo: Repository, peer: RemotePeer) => {
    await fetchRemote(repo, peer, ORIGIN);
    if (findRef(repo.objects, repo.view.refs, remoteRef(ORIGIN, MAIN)) === undefined) wrong.push('main did not come');
    else pulled++;
  };
  const push = async (repo: Repository, peer: RemotePeer, i: number) => {
    const branch = `${name}-${i}`;
    const text = (n: number) => `${branch} ${n} `.repeat(4000);
    let id: ObjectId | undefined;
    for (let n = 0; n < 3; n++) {
      id = await commitFiles(repo, Object.fromEntries(Array.from({length: 5 * (n + 1)}, (_, f) => [`f${f}`, text(f)])));
      await pushRemote(repo, peer, ORIGIN, [{name: branchRef(branchName(branch)), next: id}]);
    }
    pushed.push({branch, id: id as ObjectId});
  };
  await Promise.all([
    ...Array.from({length: Number(pushers)}, (_, i) => withStore((repo, peer) => push(repo, peer, i))),
    ...Array.from({length: Number(pullers)}, () => withStore(pull)),
  ]);
  rmSync(root, {recursive: true, force: true});
  process.stdout.write(JSON.stringify({pushed, pulled, wrong}));
}

if (process.argv[1] === PROGRAM) await clients(process.argv.slice(2));
