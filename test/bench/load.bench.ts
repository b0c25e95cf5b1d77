/**
 * Clients of one `dbos serve` on the loopback, all at once; run with `node dist/test/bench/load.bench.js [pushers] [pullers]
 * [processes]`. Each pusher pushes three times to a branch of its own, each puller fetches everything into a new store. Ends with
 * status 1 if anything is lost or an answer has a status of 500 or more.
 */
import {loadServer} from '../support/loaded-server.js';

const [pushers = 50, pullers = 200, processes = 4] = process.argv.slice(2).map(Number);
const ends: (() => unknown)[] = [];
const teardown = (end: () => unknown) => void ends.unshift(end);
const {seconds, pulled, statuses, megabytes, wrong} = await loadServer({teardown}, pushers, pullers, processes);
for (const end of ends) await end();
for (const problem of wrong) console.log(problem);
console.log(
  `${pushers} pushers, ${pulled} of ${pullers} pulls in ${seconds.toFixed(1)} s; answers ${JSON.stringify(statuses)}; server ${megabytes?.toFixed(0)} MB`,
);
const failed = Object.keys(statuses).some(status => Number(status) >= 500);
if (wrong.length > 0 || failed || pulled !== pullers) process.exitCode = 1;
