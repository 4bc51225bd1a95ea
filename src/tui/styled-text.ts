/** A line as text with escape sequences, of the 16 colours that a terminal's own theme defines. */
import type { Line, Segment, ViewStyle } from "./line.js";

const colors: Readonly<Record<NonNullable<Segment["color"]>, number>> = {
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
};

export function styledText(line: Line, { color }: ViewStyle): string {
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
