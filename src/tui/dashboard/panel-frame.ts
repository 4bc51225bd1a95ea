/** Panels under their titles, side by side, as lines of one width. Pure. */
import { displayWidth, truncate } from "../../report/display-width.js";
import { fitLine, type Line, padLine, type Segment, type ViewStyle } from "../line.js";

export interface DrawnPanel {
  readonly number: number;
  readonly title: string;
  /** Behind the title: what narrows or changes what is seen. Safe to print. */
  readonly note: string;
  readonly focused: boolean;
  readonly width: number;
  readonly lines: readonly Line[];
}

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
function titleLine(panel: DrawnPanel, { unicode }: ViewStyle): Line {
  const { number, title, note, focused, width } = panel;
  const [rule, mark] = unicode
    ? focused
      ? ["━", "▸"]
      : ["─", " "]
    : focused
      ? ["=", ">"]
      : ["-", " "];
  const name = `${mark}${number} ${title} `;
  const room = Math.max(0, width - displayWidth(name) - 3);
  const said = note === "" ? "" : `${truncate(note, Math.max(0, room - 1), unicode ? "…" : "~")} `;
  const left = Math.max(0, width - 1 - displayWidth(name) - displayWidth(said));
  return [
    { text: rule, dim: !focused },
    { text: name, bold: focused, ...(focused ? { color: "cyan" as const } : {}) },
    { text: said, dim: true },
    { text: rule.repeat(left), dim: !focused },
  ];
}
