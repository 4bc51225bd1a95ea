/**
 * Text on the screen: lines in a rectangle of known size, the one way by which text gets there.
 * Whatever is in them, the terminal is given no orders, and no sign that it does not have.
 */
import { createElement, memo, type ReactElement } from "react";
import { fitLine, type Line, type Segment, type Size, type ViewStyle } from "./line.js";
import { plainText } from "./plain-text.js";
import { useViewStyle } from "./terminal-context.js";

export interface LinesProps extends Size {
  /** Cut to the rectangle. */
  readonly lines: readonly Line[];
}

/**
 * The element beneath Ink's `<Text>`, with both of its sides given: Ink then neither measures nor
 * wraps what is in it, both of which it remembers for every text that it has ever seen. A view that
 * draws new figures all day grew by 20 kB a frame with `<Text>`, and does not grow with this.
 */
export const Lines = memo(function Lines({ lines, width, height }: LinesProps): ReactElement {
  const style = useViewStyle();
  const rows = Math.max(0, height);
  const columns = Math.max(0, width);
  const text = lines
    .slice(0, rows)
    .map((line) => styledText(fitLine(shownLine(line, style), columns, style), style))
    .join("\n");
  const box = { width: columns, height: rows, flexGrow: 0, flexShrink: 0, textWrap: "truncate" };
  return createElement("ink-text", { style: box }, columns === 0 ? "" : text);
});

/** One line of its own. */
export function Row({ line, width }: { readonly line: Line; readonly width: number }) {
  return <Lines lines={[line]} width={width} height={1} />;
}

function shownLine(line: Line, style: ViewStyle): Line {
  return line.map((segment) => {
    const text = plainText(segment.text, style);
    return text === segment.text ? segment : { ...segment, text };
  });
}

const colors: Readonly<Record<NonNullable<Segment["color"]>, number>> = {
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
};

function styledText(line: Line, { color }: ViewStyle): string {
  return line.map((segment) => (color ? styled(segment) : segment.text)).join("");
}

function styled({ text, bold, dim, inverse, color }: Segment): string {
  const codes = [
    ...(bold === true ? [1] : []),
    ...(dim === true ? [2] : []),
    ...(inverse === true ? [7] : []),
    ...(color === undefined ? [] : [colors[color]]),
  ];
  return codes.length === 0 || text === "" ? text : `\u001b[${codes.join(";")}m${text}\u001b[0m`;
}
