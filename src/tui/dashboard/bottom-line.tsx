/** The last line: a question, a filter being typed, an answer, or which keys there are. */
import type { ReactElement } from "react";
import { safeText } from "../../text/safe-text.js";
import { hintLine } from "../terminal/key-help.js";
import { cutText, type Line, lineWidth, type Segment, type ViewStyle } from "../terminal/line.js";
import { Row } from "../terminal/lines.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import { dashboardHints, type InterruptFacts } from "./keys.js";
import { type Dialog, filterInHand, type ViewState } from "./view-state.js";

const questions: Readonly<Record<Dialog, string>> = {
  leave: "Leaving stops the run after the current iterations. Leave?",
  stop: "Stop the run after the current iterations?",
  abort: "Abort at once? What is not checkpointed is lost.",
};

export interface BottomLineProps {
  readonly view: ViewState;
  readonly facts: InterruptFacts;
  readonly width: number;
}

export function BottomLine({ view, facts, width }: BottomLineProps): ReactElement {
  return <Row line={bottomLine(view, facts, width, useViewStyle())} width={width} />;
}

function bottomLine(view: ViewState, facts: InterruptFacts, width: number, style: ViewStyle): Line {
  const hints = dashboardHints(view, facts, style);
  if (view.dialog !== null) {
    return [
      { text: "y/n ", bold: true, inverse: true },
      { text: ` ${questions[view.dialog]}`, bold: true, color: "yellow" },
    ];
  }
  if (view.typing) {
    const label = `Filter ${filterInHand(view)}: `;
    const room = Math.max(0, width - label.length - 1);
    return [
      { text: label, bold: true },
      { text: cutText(safeText(view.filters[filterInHand(view)]), room, style) },
      { text: style.unicode ? "▏" : "_", color: "cyan" },
      { text: "  Enter keeps, Esc clears", dim: true },
    ];
  }
  if (view.notice !== null) {
    const { level, text } = view.notice;
    const said: Segment = {
      text: `${level === "error" ? "! " : ""}${text}`,
      color: level === "error" ? "yellow" : "green",
    };
    return [said, { text: "  " }, ...hintLine(hints, width - lineWidth([said]) - 2)];
  }
  if (facts.stopping) {
    const again = facts.stopsWithView ? " Ctrl-C once more aborts at once." : "";
    return [{ text: `Stopping after the current iterations.${again}`, color: "yellow" }];
  }
  return hintLine(hints, width);
}
