/** Texts of models over several lines. */
import { wrapText } from "../../text/wrapping.js";
import type { Line, ViewStyle } from "../line.js";
import { modelParagraphs, modelText } from "./model-text.js";

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

/** Cut with a mark where it does not fit: the last line is wider than the width, for the caller to cut. */
export function wrappedText(given: WrappedText, style: ViewStyle): Line[] {
  const { name, text, most, width, revealed } = given;
  const indent = name.length + 1;
  const columns = Math.max(1, width - indent);
  const shown = modelText(text.trim(), { revealed, room: columns * most, style });
  const lines = wrapText(shown, columns);
  const kept =
    lines.length <= most ? lines : [...lines.slice(0, most - 1), lines.slice(most - 1).join(" ")];
  return kept.map(
    (line, at): Line => [
      { text: at === 0 ? `${name} ` : " ".repeat(indent), dim: true },
      { text: line },
    ],
  );
}

/** All of a text, its own line breaks kept; as many lines as it takes. */
export function wholeText(
  text: string,
  { width, revealed }: Pick<WrappedText, "width" | "revealed">,
  style: ViewStyle,
): Line[] {
  return modelParagraphs(text.trim(), { revealed, style }).flatMap((paragraph) =>
    wrapText(paragraph, Math.max(1, width)).map((line): Line => [{ text: line }]),
  );
}
