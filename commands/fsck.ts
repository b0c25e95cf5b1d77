import {StoreCommand} from '../src/cli/command.js';
import {counted} from '../src/cli/move-text.js';
import {problemLines} from '../src/cli/problem-text.js';
import {formatBytes} from '../src/cli/progress.js';
import {EXIT} from '../src/errors.js';
import {type FsckProgress, fsckIndexFiles, type Problem} from '../src/repo/fsck.js';
import {findStore} from '../src/repo/location.js';
import {fsck} from '../src/sql/fsck.js';

const LABELS: Readonly<Record<FsckProgress['stage'], string>> = {
  log: 'Checking the log',
  operations: 'Checking operations',
  commits: 'Checking commits',
  report: 'Finding what is affected',
};

interface FsckResult {
  readonly objects: number;
  readonly bytes: number;
  readonly problems: readonly Problem[];
}

export default class Fsck extends StoreCommand {
  static override summary = 'Check that the store is whole.';
  static override description =
    'Reads every object that any operation reaches, and checks hashes, structure, order, counts and indexes. Says for each damaged object which branches, commits and paths it takes with it. Ends with status 1 if anything is damaged.';
  static override examples = ['<%= config.bin %> fsck', '<%= config.bin %> fsck --json'];

  async run(): Promise<FsckResult> {
    await this.parse(Fsck);
    const files = await this.collect(fsckIndexFiles(findStore(this.workingDirectory())));
    if (files.length > 0) {
      this.note('The rest was not checked, since opening the store could lose more. Keep a copy of it as it is.');
      return this.conclude({objects: 0, bytes: 0, problems: files});
    }
    return this.withRepository(async (repository, signal) => {
      let read = {objects: 0, bytes: 0};
      const progress = ({stage, objects, bytes}: FsckProgress) => {
        read = {objects, bytes};
        this.progress.update({label: LABELS[stage], done: objects, bytes});
        signal.throwIfAborted();
      };
      const problems = await this.collect(fsck(repository, {progress}));
      return this.conclude({...read, problems});
    });
  }

  /** Prints the problems as they are found and returns them. */
  private async collect(found: Iterable<Problem> | AsyncIterable<Problem>): Promise<Problem[]> {
    const problems: Problem[] = [];
    for await (const problem of found) {
      problems.push(problem);
      this.progress.finish();
      for (const line of problemLines(problem, this.style)) this.print(line);
    }
    this.progress.finish();
    return problems;
  }

  private conclude(result: FsckResult): FsckResult {
    const {objects, bytes, problems} = result;
    const found = problems.length === 0 ? 'no problem' : counted(problems.length, 'problem');
    this.print(`Checked ${counted(objects, 'object')}, ${formatBytes(bytes)}: ${found}.`);
    if (problems.length > 0) this.exitStatus = EXIT.failed;
    return result;
  }
}
