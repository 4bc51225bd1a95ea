/** The run's figures of a step beside those that the question would have had. */
import { conditionalValueAtRisk, valueAtRisk } from "../../domain/cvar.js";
import { usesAlpha } from "../../domain/risk-measures/singled-out.js";
import type { Episodes } from "../../experiment/events.js";
import { formatNumber } from "../../report/number-format.js";
import type { Line, Look, ViewStyle } from "../line.js";
import type { WhatIf, WhatIfQuestion } from "../what-if.js";
import { settingNumber } from "./field.js";
import { tableLines } from "./table-lines.js";

export function alphaName({ unicode }: ViewStyle): string {
  return unicode ? "α" : "alpha";
}

export function figureLines(
  { actual, question }: { readonly actual: WhatIfQuestion; readonly question: WhatIfQuestion },
  episodes: Episodes,
  answer: WhatIf,
  style: ViewStyle,
): Line[] {
  const was = figuresOf(episodes, actual);
  const figure = (value: number | null): string => formatNumber(value, 3, style);
  const alphaOf = ({ measure, alpha }: WhatIfQuestion): string =>
    usesAlpha(measure) ? settingNumber(Number(alpha.toPrecision(3)), style) : "all";
  const changed = (before: string, after: string): { look?: Look } =>
    before === after ? {} : { look: { bold: true } };
  const rows: readonly (readonly [string, string, string])[] = [
    ["measure", actual.measure, question.measure],
    [alphaName(style), alphaOf(actual), alphaOf(question)],
    ["ranked by", actual.statistic, question.statistic],
    ["kept", `${was.kept}`, `${answer.kept}`],
    ["VaR", figure(was.var), figure(answer.var)],
    ["CVaR", figure(was.cvar), figure(answer.cvar)],
    ["mean of kept", figure(was.tailMean), figure(answer.tailMean)],
  ];
  const table = tableLines(
    ["", "the run", "what if"],
    rows.map((cells) => ({ cells, ...changed(cells[1], cells[2]) })),
  );
  const { common, added, removed } = answer;
  const difference: Line = [
    { text: `${common} in both` },
    { text: `  ${added.length} more (+)`, color: "green" },
    { text: `  ${removed.length} not (-)`, color: "red" },
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
