import { cellsOf, displayWidth } from "./width.js";

/**
 * Breaks a text into lines of at most `width` columns: between words, and inside those that no line
 * would hold (languages without spaces, long paths). Nothing is lost but the spaces at breaks.
 *
 * @param width ≥ 1; a character that is wider than it stands alone
 */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  const broken = (): void => {
    lines.push(line);
    line = "";
    used = 0;
  };
  for (const [at, word] of text.split(" ").entries()) {
    const columns = displayWidth(word);
    if (at > 0) {
      // Of a word that is broken anyway the first piece needs but one place, or a wide one.
      const needed = columns <= width ? columns : 2;
      if (used + 1 + needed <= width) {
        line += " ";
        used += 1;
      } else {
        broken();
      }
    }
    if (columns <= width) {
      line += word;
      used += columns;
      continue;
    }
    for (const cell of cellsOf(word)) {
      if (used > 0 && used + cell.width > width) {
        broken();
      }
      line += cell.text;
      used += cell.width;
    }
  }
  lines.push(line);
  return lines;
}
