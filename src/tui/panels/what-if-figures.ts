/** The run's figures of a step beside those that the question would have had. */

import type { Episodes } from "../../journal/events.js";
import { usesAlpha } from "../../risk/measures/registry.js";
import { conditionalValueAtRisk, valueAtRisk } from "../../risk/tail.js";
import type { WhatIf, WhatIfQuestion } from "../../run-model/what-if.js";
import { formatNumber } from "../../text/numbers.js";
import type { Line, Look, ViewStyle } from "../line.js";
import { settingNumber } from "./field.js";
import { tableLines } from "./table-lines.js";

export function alphaName({ unicode }: ViewStyle): string {
  return unicode ? "α" : "alpha";
}

export interface FiguresRoom {
  readonly rows: number;
  /** False: in as few columns as it can be. */
  readonly isFull: boolean;
}

/** What is asked about first where not all have room. */
const byImportance = ["kept", "cvar", "alpha", "mean", "var", "measure"] as const;

/** As many as there are rows for, in a table, and below it how the two differ. */
export function figureLines(
  { actual, question }: { readonly actual: WhatIfQuestion; readonly question: WhatIfQuestion },
  episodes: Episodes,
  answer: WhatIf,
  { rows: room, isFull }: FiguresRoom,
  style: ViewStyle,
): Line[] {
  const was = figuresOf(episodes, actual);
  const figure = (value: number | null): string => formatNumber(value, 3, style);
  const alphaOf = ({ measure, alpha }: WhatIfQuestion): string =>
    usesAlpha(measure) ? settingNumber(Number(alpha.toPrecision(3)), style) : "all";
  // Each at its own column's α, unlike those of the risk panel.
  const atAlpha = (name: string): string =>
    isFull || style.unicode ? `${name} at ${alphaName(style)}` : name;
  const changed = (before: string, after: string): { look?: Look } =>
    before === after ? {} : { look: { bold: true } };
  const rows: Readonly<
    Record<(typeof byImportance)[number], readonly [name: string, was: string, is: string]>
  > = {
    measure: ["measure", actual.measure, question.measure],
    alpha: [alphaName(style), alphaOf(actual), alphaOf(question)],
    kept: ["kept", `${was.kept}`, `${answer.kept}`],
    var: [atAlpha("VaR"), figure(was.var), figure(answer.var)],
    cvar: [atAlpha("CVaR"), figure(was.cvar), figure(answer.cvar)],
    mean: [isFull ? "mean of kept" : "mean kept", figure(was.tailMean), figure(answer.tailMean)],
  };
  const wanted = byImportance.filter((name) => isFull || name !== "measure");
  const fits = new Set<string>(wanted.slice(0, Math.max(0, room - 2)));
  const table = tableLines(
    ["", "the run", "what if"],
    Object.entries(rows)
      .filter(([name]) => fits.has(name))
      .map(([, cells]) => ({ cells, ...changed(cells[1], cells[2]) })),
  );
  const { common, added, removed } = answer;
  const difference: Line = [
    { text: isFull ? `${common} in both` : `${common} =` },
    { text: `  ${added.length} more ${isFull ? "(+)" : "+"}`, color: "green" },
    { text: `  ${removed.length} not ${isFull ? "(-)" : "-"}`, color: "red" },
  ];
  return [...table, difference];
}

interface RunFigures {
  readonly kept: number;
  readonly var: number | null;
  readonly cvar: number | null;
  readonly tailMean: number | null;
}

/** Of what the run did, at the share that it did it with. */
function figuresOf({ return: returns, weight }: Episodes, actual: WhatIfQuestion): RunFigures {
  const scored = returns.filter((value): value is number => value !== null);
  const kept = returns.filter((value, at): value is number => weight[at]! > 0 && value !== null);
  const alpha = usesAlpha(actual.measure) ? actual.alpha : 1;
  const sound = scored.length > 0 && alpha > 0 && alpha <= 1;
  return {
    kept: kept.length,
    var: sound ? valueAtRisk(scored, alpha) : null,
    cvar: sound ? conditionalValueAtRisk(scored, alpha) : null,
    tailMean: kept.length === 0 ? null : kept.reduce((sum, value) => sum + value, 0) / kept.length,
  };
}
