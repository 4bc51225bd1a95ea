/** A panel under its title, in its place on the screen. */
import { Box } from "ink";
import type { ReactElement, ReactNode } from "react";
import { fitLine, type Line, lineWidth, type Segment, type ViewStyle } from "../terminal/line.js";
import { Row } from "../terminal/lines.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import { type PanelId, panelIds } from "./view-state.js";

export interface PanelProps {
  readonly id: PanelId;
  /** Behind the title: what its contents are of. */
  readonly note: Line;
  /** Panels that take turns here with it. */
  readonly others: readonly PanelId[];
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
function nameOf(panel: PanelId): string {
  return `${panelIds.indexOf(panel) + 1} ${titles[panel]}`;
}

/** The focused one has a heavier rule and a mark: colour and weight alone may not show. */
function titleLine(
  { id, note, others, focused, width }: Omit<PanelProps, "height" | "children">,
  style: ViewStyle,
): Line {
  const heavy = style.unicode ? "━" : "=";
  const light = style.unicode ? "─" : "-";
  const mark = focused ? (style.unicode ? "▸" : ">") : " ";
  const ruled = (length: number): Segment => ({
    text: (focused ? heavy : light).repeat(Math.max(0, length)),
    dim: !focused,
  });
  const name: Segment = {
    text: `${mark}${nameOf(id)} `,
    bold: focused,
    ...(focused ? { color: "cyan" as const } : {}),
  };
  // At the right: which others there are comes before what is seen of this one.
  const tabs = others.flatMap(
    (other): Line => [{ text: ` ${nameOf(other)} `, dim: true }, ruled(1)],
  );
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
