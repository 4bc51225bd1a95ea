/** The arms of all compared runs in one list, each under a name that fits into a table. */

import type { ComparedArm } from "../../report/comparison.js";
import type { Point } from "../../stats/interpolation.js";
import type { ComparedRun } from "./compared-run.js";

export interface ComparedArmRow extends ComparedArm {
  readonly curve: readonly Point[];
}

/** Run folders have long names: of several runs each gets a letter, `A`, `B`, … */
export function runLetter(place: number, runs: number): string {
  if (runs <= 1) {
    return "";
  }
  return place < 26 ? String.fromCharCode(65 + place) : `R${place + 1}`;
}

/** `ra-rlhf` of one run; `B ra-rlhf` of several. */
export function comparedRows(runs: readonly ComparedRun[]): ComparedArmRow[] {
  return runs.flatMap(({ arms }, place) => {
    const letter = runLetter(place, runs.length);
    return arms.map(({ arm, seeds, metrics, scale, curve }) => ({
      label: letter === "" ? arm : `${letter} ${arm}`,
      seeds,
      metrics,
      scale,
      curve,
    }));
  });
}

/** The rows with the reference first, so that differences are from it. */
export function withReferenceFirst<Row>(rows: readonly Row[], reference: number): Row[] {
  const first = rows[reference];
  return first === undefined ? [...rows] : [first, ...rows.filter((row) => row !== first)];
}
