/** A panel under its title, in its place on the screen. */
import { Box } from "ink";
import type { ReactElement, ReactNode } from "react";
import { fitLine, type Line, lineWidth, type Segment, type ViewStyle } from "../terminal/line.js";
import { Row } from "../terminal/lines.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import { type PanelId, panelIds } from "./view-state.js";

export interface PanelProps {
  /** `1 Risk`. */
  readonly name: string;
  /** Behind the title: what its contents are of. */
  readonly note: Line;
  /** Names of all panels that take turns here, in their order, this one's among them; empty: none do. */
  readonly turns: readonly string[];
  readonly focused: boolean;
  readonly width: number;
  readonly height: number;
  /** Within one line less than the height. */
  readonly children: ReactNode;
}

const titles: Readonly<Record<PanelId, string>> = {
  risk: "Risk",
  training: "Training",
  tail: "Tail",
  "what-if": "What if",
  events: "Events",
  log: "Log",
};

export function Panel({ children, width, height, ...title }: PanelProps): ReactElement {
  return (
    <Box flexDirection="column" width={width} height={height} flexShrink={0}>
      <Row line={titleLine({ ...title, width }, useViewStyle())} width={width} />
      {height > 1 ? children : null}
    </Box>
  );
}

/** Columns below which a note that is cut says nothing. */
const leastNote = 16;

/** `4 What if` */
export function panelName(panel: PanelId): string {
  return `${panelIds.indexOf(panel) + 1} ${titles[panel]}`;
}

/**
 * The focused one has a heavier rule and a mark: colour and weight alone may not show. Panels that
 * take turns keep their places, whichever is open.
 */
function titleLine(
  { name, note, turns, focused, width }: Omit<PanelProps, "height" | "children">,
  style: ViewStyle,
): Line {
  const heavy = style.unicode ? "━" : "=";
  const light = style.unicode ? "─" : "-";
  const mark = focused ? (style.unicode ? "▸" : ">") : style.unicode ? "▹" : "-";
  const ruled = (length: number): Segment => ({
    text: (focused ? heavy : light).repeat(Math.max(0, length)),
    dim: !focused,
  });
  const open = (before: string): Segment => ({
    text: `${before}${name} `,
    bold: focused,
    ...(focused ? { color: "cyan" as const } : {}),
  });
  const alone = [open(focused ? mark : " ")];
  const among = (nameOfOther: (other: string) => string): Line =>
    turns.flatMap((other, at): Line => {
      const rule = at === 0 ? [] : [ruled(1)];
      const text = ` ${nameOfOther(other)} `;
      return other === name ? [...rule, open(mark)] : [...rule, { text, dim: true }];
    });
  // Where not all names have room, the numbers of the others still do.
  const ways = [among((other) => other), among((other) => other.slice(0, 1))];
  const names = turns.length === 0 ? alone : (ways.find((way) => lineWidth(way) < width) ?? alone);
  const room = Math.max(0, width - 1 - lineWidth(names));
  const noteRoom = room - 3;
  const hasNote = lineWidth(note) > 0 && noteRoom >= Math.min(lineWidth(note), leastNote);
  const behind: Line = hasNote
    ? [{ text: " " }, ...fitLine(note, noteRoom, style), { text: " " }]
    : [];
  return [ruled(1), ...names, ...behind, ruled(room - lineWidth(behind))];
}
