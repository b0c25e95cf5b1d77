/** Where the token of `dbos login` comes from: a file, stdin, or somebody at a terminal; never the command line. Layer: cli. */
import {askHidden} from './hidden-input.js';
import {isTerminal, stderr} from './output.js';
import {readText, STDIN} from './text-source.js';

export interface TokenSource {
  /** What the token is for. */
  readonly url: string;
  readonly file: string | undefined;
  /** What the name of the file is relative to. */
  readonly directory: string;
}

/** Returns the token, without blanks around it. Throws PATH_UNKNOWN and FILE_UNREADABLE, `Interrupted` for Ctrl-C. */
export async function readToken({url, file, directory}: TokenSource): Promise<string> {
  const asks = file === undefined && isTerminal(0);
  const show = (text: string) => {
    stderr.write(text);
    stderr.flush();
  };
  const text = asks
    ? await askHidden(`Token for ${url}: `, process.stdin, show)
    : readText(file ?? STDIN, directory, '--token-file');
  return text.trim();
}
