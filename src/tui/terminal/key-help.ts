/** The help of a screen and the line of keys under it, both drawn from its key table. */
import { displayWidth, pad } from "../../text/width.js";
import { hintLabel, type KeyTable, keyLabel } from "./key-table.js";
import { type Line, padLine, type Segment, type ViewStyle } from "./line.js";

const gap = 2;

/** Keys and what they do, in as many columns as fit. */
export function keyLines(table: KeyTable, width: number, style: ViewStyle): Line[] {
  const entries = table.map((binding) => ({
    label: keyLabel(binding, style.unicode),
    words: binding.words,
  }));
  for (let across = entries.length; ; across -= 1) {
    const down = Math.ceil(entries.length / across);
    const blocks = Array.from({ length: Math.ceil(entries.length / down) }, (_, column) => {
      const part = entries.slice(column * down, (column + 1) * down);
      const labels = Math.max(...part.map(({ label }) => displayWidth(label)));
      return {
        width: labels + gap + Math.max(...part.map(({ words }) => displayWidth(words))),
        lines: part.map(
          ({ label, words }): Line => [
            { text: pad(label, labels, "left"), bold: true },
            { text: `${" ".repeat(gap)}${words}` },
          ],
        ),
      };
    });
    const used = blocks.reduce((sum, block) => sum + block.width + gap, -gap);
    if (used <= width || across === 1) {
      return Array.from({ length: down }, (_, row) =>
        blocks.flatMap((block, at): Line => {
          const space: Line = at === 0 ? [] : [{ text: " ".repeat(gap) }];
          return [...space, ...padLine(block.lines[row] ?? [], block.width, style)];
        }),
      );
    }
  }
}

export interface Hint {
  readonly label: string;
  readonly words: string;
}

/** The bindings that have a hint. */
export function hintsOf(table: KeyTable, { unicode }: ViewStyle): Hint[] {
  return table.flatMap((binding) =>
    binding.hint === undefined ? [] : [{ label: hintLabel(binding, unicode), words: binding.hint }],
  );
}

/** `? help  q quit  Enter open  …`: as many as fit whole. */
export function hintLine(hints: readonly Hint[], width: number): Line {
  const line: Segment[] = [];
  let room = width;
  for (const { label, words } of hints) {
    const space = line.length === 0 ? "" : " ".repeat(gap);
    room -= space.length + displayWidth(label) + 1 + displayWidth(words);
    if (room < 0) {
      break;
    }
    line.push({ text: space }, { text: label, bold: true }, { text: ` ${words}`, dim: true });
  }
  return line;
}
