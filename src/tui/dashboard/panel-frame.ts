/** Panels under their titles, side by side, as lines of one width. Pure. */
import { fitLine, type Line, lineWidth, padLine, type Segment, type ViewStyle } from "../line.js";

export interface DrawnPanel {
  readonly number: number;
  readonly title: string;
  /** Behind the title: what its contents are of. */
  readonly note: Line;
  /** Panels that take turns here with it, as they are called: `4 What if`. */
  readonly others: readonly string[];
  readonly focused: boolean;
  readonly width: number;
  readonly lines: readonly Line[];
}

/** Columns below which a note that is cut says nothing. */
const leastNote = 16;

/** Exactly `height` lines; what a panel draws beyond its place is cut. */
export function panelRowLines(
  panels: readonly DrawnPanel[],
  height: number,
  style: ViewStyle,
): Line[] {
  const separator: Segment = { text: style.unicode ? "│" : "|", dim: true };
  return Array.from({ length: height }, (_, row) =>
    panels.flatMap((panel, at): Line => {
      const line = row === 0 ? titleLine(panel, style) : (panel.lines[row - 1] ?? []);
      const last = at === panels.length - 1;
      return last
        ? fitLine(line, panel.width, style)
        : [...padLine(line, panel.width, style), separator];
    }),
  );
}

/** The focused one has a heavier rule and a mark: colour and weight alone may not show. */
function titleLine(panel: DrawnPanel, style: ViewStyle): Line {
  const { number, title, note, focused, width } = panel;
  const [rule, mark] = style.unicode
    ? focused
      ? ["━", "▸"]
      : ["─", " "]
    : focused
      ? ["=", ">"]
      : ["-", " "];
  const ruled = (length: number): Segment => ({
    text: rule!.repeat(Math.max(0, length)),
    dim: !focused,
  });
  const name: Segment = {
    text: `${mark}${number} ${title} `,
    bold: focused,
    ...(focused ? { color: "cyan" as const } : {}),
  };
  const others = panel.others.map((other) => ` ${other} `);
  // At the right: which others there are comes before what is seen of this one.
  const tabs = others.flatMap((other): Line => [{ text: other, dim: true }, ruled(1)]);
  const room = Math.max(0, width - 1 - lineWidth([name]));
  const shownTabs = lineWidth(tabs) < room ? tabs : [];
  const noteRoom = room - lineWidth(shownTabs) - 3;
  const hasNote = lineWidth(note) > 0 && noteRoom >= Math.min(lineWidth(note), leastNote);
  const behind: Line = hasNote
    ? [{ text: " " }, ...fitLine(note, noteRoom, style), { text: " " }]
    : [];
  const left = room - lineWidth(behind) - lineWidth(shownTabs);
  return [ruled(1), name, ...behind, ruled(left), ...shownTabs];
}
