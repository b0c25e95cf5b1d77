import {Args, StoreCommand} from '../../src/cli/command.js';
import {formatCount} from '../../src/cli/progress.js';
import {isoTime} from '../../src/cli/time.js';
import {EXIT} from '../../src/errors.js';
import {formatId} from '../../src/objects/id.js';
import {verifyOperations} from '../../src/repo/auditverify.js';
import type {StoredOperation} from '../../src/repo/operation.js';
import {formatTime} from '../../src/repo/time.js';
import {plainText} from '../../src/state/quote.js';

export default class AuditVerify extends StoreCommand {
  static override summary = 'Prove that no operation was removed or altered.';
  static override description =
    'Walks the log from the newest operation to the first, or to one that is known: checks hashes, numbers, times, what each says against what the refs were, and the indexes. Ends with status 1 and names the first broken link if there is one. Keep the id that it prints in another place: only with such an id is a log detected that was written anew as a whole.';
  static override examples = [
    '<%= config.bin %> audit verify',
    {
      description: 'Since an id that was noted elsewhere:',
      command: '<%= config.bin %> audit verify bagaqierafe5m7r7f4mmzgp2a6kxugewt6y3mvgyh6p5wbxzknyb6sma4etba',
    },
  ];
  static override args = {
    since: Args.string({description: 'The id of an operation that is known; the first one unless given.'}),
  };
  static override exits = [4];
  static override completes = {since: 'operation'} as const;

  async run(): Promise<unknown> {
    const {args} = await this.parse(AuditVerify);
    return this.withRepository(async (repository, signal) => {
      const {operations, newest, oldest, problems} = await verifyOperations(repository, {
        since: args.since,
        progress: done => {
          this.progress.update({label: 'Checking operations', done});
          signal.throwIfAborted();
        },
      });
      this.progress.finish();
      const {red} = this.style;
      for (const {message} of problems) this.print(`${red('broken:')} ${plainText(message)}`);
      if (problems.length > 0) this.exitStatus = EXIT.failed;
      const count = operations === 1 ? '1 operation' : `${formatCount(operations)} operations`;
      const whole = problems.length === 0 ? '' : ' before the first broken link';
      this.print(`Verified ${count}${whole}, from the newest${oldest ? ` back to ${nameOf(oldest)}` : ''}.`);
      if (newest && problems.length === 0) this.print(`The newest is ${formatId(newest.id)}.`);
      return {operations, newest: summaryOf(newest), oldest: summaryOf(oldest), problems};
    });
  }
}

function nameOf({seq, time, zone}: StoredOperation): string {
  return `number ${seq} of ${formatTime(time, zone)}`;
}

function summaryOf(operation: StoredOperation | undefined) {
  if (operation === undefined) return null;
  const {id, seq, time, zone} = operation;
  return {id: formatId(id), seq, time: isoTime(time, zone)};
}
