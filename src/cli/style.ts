/**
 * Colours for a terminal. Guarantee: with colours off every function returns its text unchanged. Layer: cli.
 */

type Paint = (text: string) => string;

export interface Style {
  readonly enabled: boolean;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly blue: Paint;
  readonly magenta: Paint;
  readonly cyan: Paint;
}

/**
 * Returns whether output should have colours: `--no-color` beats FORCE_COLOR, which beats NO_COLOR (as in Node), which
 * beats the setting `color.ui`, which beats what the output is.
 */
export function wantsColor(options: {
  noColor: boolean;
  terminal: () => boolean;
  env: NodeJS.ProcessEnv;
  setting?: 'auto' | 'always' | 'never' | undefined;
}): boolean {
  const {FORCE_COLOR: force, NO_COLOR: never, TERM: terminal} = options.env;
  if (options.noColor) return false;
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (never !== undefined && never !== '') return false;
  if (options.setting === 'always' || options.setting === 'never') return options.setting === 'always';
  return terminal !== 'dumb' && options.terminal();
}

/** Returns the colours, or functions that leave text alone. */
export function createStyle(enabled: boolean): Style {
  const paint = (open: number, close: number): Paint =>
    enabled ? text => (text === '' ? '' : `\x1b[${open}m${text}\x1b[${close}m`) : text => text;
  return {
    enabled,
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    blue: paint(34, 39),
    magenta: paint(35, 39),
    cyan: paint(36, 39),
  };
}
