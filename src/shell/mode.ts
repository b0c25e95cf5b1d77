/**
 * Modes as chmod takes them: octal digits, or clauses such as `u+x,go=r`. Layer: shell.
 */

const WHO: Readonly<Record<string, number>> = {u: 0o4700, g: 0o2070, o: 0o1007};
const BITS: Readonly<Record<string, number>> = {r: 0o444, w: 0o222, x: 0o111};

/** Returns the mode that `text` makes of one, or undefined if it is none. */
export function changeMode(text: string, mode: number, directory: boolean): number | undefined {
  if (/^[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  let result = mode;
  for (const clause of text.split(',')) {
    const [, who, actions] = /^([ugoa]*)((?:[+=-][rwxXst]*)+)$/.exec(clause) ?? [];
    if (who === undefined || actions === undefined) return undefined;
    const everybody = who === '' || who.includes('a');
    const mask = everybody ? 0o7777 : [...who].reduce((sum, letter) => sum | (WHO[letter] as number), 0);
    for (const [, sign, letters = ''] of actions.matchAll(/([+=-])([rwxXst]*)/g)) {
      let bits = 0;
      for (const letter of letters) {
        if (letter === 's') bits |= 0o6000;
        else if (letter === 't') bits |= 0o1000;
        else if (letter !== 'X') bits |= BITS[letter] as number;
        else if (directory || (result & 0o111) !== 0) bits |= 0o111;
      }
      // the sticky bit is nobody's
      const wanted = bits & (letters.includes('t') ? mask | 0o1000 : mask);
      if (sign === '+') result |= wanted;
      else if (sign === '-') result &= ~wanted;
      else result = (result & ~(mask & 0o777)) | wanted;
    }
  }
  return result;
}
