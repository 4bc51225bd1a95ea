/** Curves minus one of them, as the part of a report. */
import type { CurveDifference } from "../../analysis/evaluation.js";
import type { Block } from "../blocks.js";
import { differencesTable } from "./frontier-tables.js";
import { overlapWords, readingWords } from "./frontier-words.js";

const style = { unicode: true };

/** @param differences from one curve, all of them; empty where there are none */
export function differenceBlocks(differences: readonly CurveDifference[]): Block[] {
  const [first] = differences;
  if (first === undefined) return [];
  return [
    { kind: "subheading", text: `Minus ${first.b}, at equal KL` },
    ...readingWords(differences).map((text): Block => ({ kind: "paragraph", text })),
    { kind: "table", ...differencesTable(differences, "tested", style) },
    ...overlapWords(differences, style).map((text): Block => ({ kind: "warning", text })),
    { kind: "paragraph", text: "What it costs, at the same KL; not tested:" },
    { kind: "table", ...differencesTable(differences, "costs", style) },
  ];
}
