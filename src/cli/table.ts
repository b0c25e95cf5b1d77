/** Rows of cells as aligned lines of plain text. Widths are counted in terminal columns, colours excluded. Layer: cli. */

const COLORS = /\u001b\[[0-9;]*m/g;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]/u;
const ASCII = /^[\u0000-\u007f]*$/;

/** Returns how many terminal columns a text takes (Unicode East Asian Width, the wide ranges in practice). */
export function displayWidth(text: string): number {
  const bare = text.includes('\u001b') ? text.replace(COLORS, '') : text;
  if (ASCII.test(bare)) return bare.length;
  let width = 0;
  for (const point of bare) width += NO_WIDTH.test(point) ? 0 : WIDE.test(point) ? 2 : 1;
  return width;
}

/** Returns one line for each row, columns padded to the widest cell; `right` names the columns to align to the right. */
export function alignRows(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, displayWidth(cell));
  }
  return rows.map(row => {
    const cells = row.map((cell, at) => {
      const padding = ' '.repeat((widths[at] as number) - displayWidth(cell));
      return right.includes(at) ? padding + cell : at === row.length - 1 ? cell : cell + padding;
    });
    return cells.join('  ').trimEnd();
  });
}
