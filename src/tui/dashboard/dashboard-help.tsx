/** The help: every key, and what figures of the dashboard mean that do not say it themselves. */

import type { ReactElement } from "react";
import { pad, wrapText } from "../../text/width.js";
import { keyLines } from "../terminal/key-help.js";
import type { Line, ViewStyle } from "../terminal/line.js";
import { Lines } from "../terminal/lines.js";
import { type TerminalSize, useTerminalSize, useViewStyle } from "../terminal/terminal-context.js";
import { dashboardKeys } from "./keys.js";

/** @param first line of the list to begin with; beyond the end: the last that fills the screen */
export function DashboardHelp({ first }: { readonly first: number }): ReactElement {
  const size = useTerminalSize();
  const list = listLines(size.columns, useViewStyle());
  const room = roomOf(size);
  const from = Math.max(0, Math.min(first, list.length - room));
  const title: Line = [
    { text: "Keys", bold: true },
    { text: "  Esc or ? closes this", dim: true },
    { text: list.length > room && room > 0 ? "  j, k, PgUp, PgDn scroll" : "", dim: true },
  ];
  const shown = list.slice(from, from + room);
  return <Lines lines={[title, [], ...shown]} width={size.columns} height={size.rows - 1} />;
}

/** What the last page of the list begins with. */
export function lastHelpLine(size: TerminalSize, style: ViewStyle): number {
  return Math.max(0, listLines(size.columns, style).length - roomOf(size));
}

/** Lines of the list below the title. */
function roomOf({ rows }: TerminalSize): number {
  return Math.max(0, rows - 3);
}

function listLines(columns: number, style: ViewStyle): Line[] {
  return [...keyLines(dashboardKeys, columns, style), [], ...wordLines(columns, style)];
}

function wordLines(columns: number, { unicode }: ViewStyle): Line[] {
  const [alpha, dash] = unicode ? ["α", "–"] : ["alpha", "-"];
  const words = [
    [`${alpha}, ${alpha}'`, `the arm's fraction of worst episodes; ${alpha}' is in force now`],
    ["CVaR 0.4", "mean of the worst 40 % of the returns; VaR: the best of those"],
    [`CVaR at ${alpha}`, `in what if: at the ${alpha} of its column`],
    [
      "raw reward",
      `as it was scored; return: the trained reward less ${unicode ? "β · KL" : "beta * KL"}`,
    ],
    ["(2.67)", "in Training: the other arm's figure, drawn dimmed"],
    ["tail again", `prompts of this tail in the last one, too; ${dash} where all were kept`],
  ] as const;
  const width = Math.max(...words.map(([name]) => name.length));
  return words.flatMap(([name, meaning]) =>
    wrapText(meaning, Math.max(1, columns - width - 2)).map(
      (text, at): Line => [
        { text: pad(at === 0 ? name : "", width, "left"), bold: true },
        { text: `  ${text}`, dim: true },
      ],
    ),
  );
}
