/** A named text over several lines, cut with a mark where it does not fit. */
import { wrapWords } from "../../report/wrap-words.js";
import type { Line, ViewStyle } from "../line.js";
import { modelText } from "./model-text.js";

export interface WrappedText {
  /** Stands before the first line; the others are indented by it. */
  readonly name: string;
  readonly text: string;
  /** Lines at most, ≥ 1. */
  readonly most: number;
  readonly width: number;
  /** False: masked. */
  readonly revealed: boolean;
}

/** The last line may be wider than the width: it is for the caller to cut. */
export function wrappedText(given: WrappedText, style: ViewStyle): Line[] {
  const { name, text, most, width, revealed } = given;
  const indent = name.length + 1;
  const columns = Math.max(1, width - indent);
  const shown = modelText(text.trim(), { revealed, room: columns * most, style });
  const lines = wrapWords(shown, columns);
  // What does not fit goes behind the last line, which is then cut with a mark.
  const kept =
    lines.length <= most ? lines : [...lines.slice(0, most - 1), lines.slice(most - 1).join(" ")];
  return kept.map(
    (line, at): Line => [
      { text: at === 0 ? `${name} ` : " ".repeat(indent), dim: true },
      { text: line },
    ],
  );
}
