/** The message of a commit that was not given on the command line. Layer: cli. */
import {editMessage, messageTemplate} from './editor.js';
import {isTerminal} from './output.js';

/** Returns whether somebody sits at a terminal who can use an editor. */
export function canEdit(): boolean {
  return isTerminal(0) && isTerminal(1);
}

/**
 * Returns the message that the user writes in the editor, below which comments tell what it is for. Throws
 * MESSAGE_MISSING, EDITOR_FAILED.
 */
export function askMessage(message: string, comments: readonly string[], editor: string | undefined): Promise<string> {
  const help = ['Write the message of the commit. Lines that start with # are left out; an empty message stops.', ''];
  return editMessage(messageTemplate(message, [...help, ...comments]), process.env, editor);
}
