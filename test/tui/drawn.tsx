/** Components as they would stand on a terminal of any size. */
import { stripVTControlCharacters } from "node:util";
import { renderToString } from "ink";
import type { ReactNode } from "react";
import type { Line, ViewStyle } from "../../src/tui/terminal/line.js";
import { TerminalProvider, type TerminalSize } from "../../src/tui/terminal/terminal-context.js";

export const rich: ViewStyle = { unicode: true, color: false };
export const ascii: ViewStyle = { unicode: false, color: false };

/** With the escape sequences that are in it. */
export function drawnRaw(node: ReactNode, size: TerminalSize, style: ViewStyle = rich): string {
  const terminal = { size, style, onKey: () => () => {} };
  return renderToString(<TerminalProvider value={terminal}>{node}</TerminalProvider>, {
    columns: size.columns,
  });
}

/** Without blanks at the ends of rows. */
export function drawn(node: ReactNode, size: TerminalSize, style: ViewStyle = rich): string {
  return stripVTControlCharacters(drawnRaw(node, size, style)).replace(/ +$/gm, "");
}

/** What a line says, without its look. */
export function lineText(line: Line): string {
  return line.map(({ text }) => text).join("");
}
