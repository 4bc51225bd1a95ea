/** What follows from the figures of a run, for a terminal. */
import type { Evaluation } from "../analysis/evaluation.js";
import { safeText } from "../text/safe-text.js";
import { certificateLines } from "./certificate-words.js";
import { cautionLines, conclusionLines } from "./conclusion-words.js";

/** The conclusion, certificates and warnings: each a line as long as it is. */
export function resultWords({ conclusion, arms }: Evaluation): string[] {
  const arm = (conclusion.end ?? conclusion.start)?.arm;
  const certificates = arm === undefined ? null : (arms[arm]?.certificates ?? null);
  const said = [
    ...conclusionLines(conclusion),
    ...(certificates === null ? [] : certificateLines(arm!, certificates)),
    ...cautionLines(conclusion).map((line) => `warning: ${line}`),
  ];
  return said.map((line) => safeText(line));
}
