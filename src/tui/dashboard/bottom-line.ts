/** The last line: a question, a filter being typed, an answer, or which keys there are. */

import { safeText } from "../../text/safe-text.js";
import { displayWidth, truncate } from "../../text/width.js";
import { type KeyBinding, keyLabel } from "../key-table.js";
import { fitLine, type Line, lineWidth, type Segment, type ViewStyle } from "../line.js";
import { type Hint, hintsOf } from "./hints.js";
import { dashboardKeys, shortLabel } from "./keys.js";
import { type Dialog, filterInHand, type ViewState } from "./view-state.js";

const questions: Readonly<Record<Dialog, string>> = {
  leave: "Leaving stops the run after the steps in hand. Leave?",
  stop: "Stop the run after the steps in hand?",
  halt: "Break off at once? What is not checkpointed is lost.",
};

export interface BottomFacts {
  /** The run lives in this process, and is not over. */
  readonly stopsWithView: boolean;
  readonly stopping: boolean;
}

export function bottomLine(
  view: ViewState,
  facts: BottomFacts,
  columns: number,
  style: ViewStyle,
): Line {
  return fitLine(wholeLine(view, facts, columns, style), columns, style);
}

function wholeLine(view: ViewState, facts: BottomFacts, columns: number, style: ViewStyle): Line {
  if (view.dialog !== null) {
    return [
      { text: "y/n ", bold: true, inverse: true },
      { text: ` ${questions[view.dialog]}`, bold: true, color: "yellow" },
    ];
  }
  if (view.typing) {
    const caret = style.unicode ? "▏" : "_";
    const label = `Filter ${filterInHand(view)}: `;
    const text = safeText(view.filters[filterInHand(view)]);
    const hint = "  Enter keeps, Esc clears";
    const room = Math.max(0, columns - label.length - 1);
    return [
      { text: label, bold: true },
      { text: truncate(text, room, style.unicode ? "…" : "~") },
      { text: caret, color: "cyan" },
      { text: hint, dim: true },
    ];
  }
  if (view.notice !== null) {
    const { level, text } = view.notice;
    const mark = level === "error" ? "! " : "";
    const said: Segment = {
      text: `${mark}${text}`,
      color: level === "error" ? "yellow" : "green",
    };
    const room = columns - lineWidth([said]) - 2;
    return [said, { text: "  " }, ...hints(view, facts, room, style)];
  }
  if (facts.stopping) {
    const again = facts.stopsWithView ? " Ctrl-C once more breaks off at once." : "";
    return [{ text: `Stopping after the steps in hand.${again}`, color: "yellow" }];
  }
  return hints(view, facts, columns, style);
}

/** As many as fit whole. Ctrl-C says nothing in a view that it only leaves. */
function hints(
  view: ViewState,
  { stopsWithView, stopping }: BottomFacts,
  columns: number,
  style: ViewStyle,
): Line {
  const line: Segment[] = [];
  let room = columns;
  const [help, leave, ...others] = hintsOf(view);
  const stop: Hint = {
    action: "interrupt",
    words: stopping ? "once more: now" : "stop, twice: now",
  };
  const shown = [help!, leave!, ...(stopsWithView ? [stop] : []), ...others];
  for (const { action, words } of shown) {
    const binding = dashboardKeys.find((key) => key.action === action)!;
    const label = hintLabel(binding, style.unicode);
    const gap = line.length === 0 ? "" : "  ";
    room -= displayWidth(gap) + displayWidth(label) + 1 + words.length;
    if (room < 0) {
      break;
    }
    line.push({ text: gap }, { text: label, bold: true }, { text: ` ${words}`, dim: true });
  }
  return line;
}

/** Of arrows that have letters, too, the arrows. */
function hintLabel(binding: KeyBinding, unicode: boolean): string {
  const { action, keys } = binding;
  return action === "move" || action === "side"
    ? keyLabel({ ...binding, keys: keys.slice(0, 2) }, unicode)
    : shortLabel(binding, unicode);
}
