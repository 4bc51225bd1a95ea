/** An audit's tables, for the terminal and the report alike. */
import type { ArmComparison } from "../../audit/arm-comparisons.js";
import { type TailKey, tailFractions } from "../../audit/scores.js";
import { formatFraction } from "../../text/numbers.js";
import { maskText, safeText } from "../../text/safe-text.js";
import type { Cell, TableContent } from "../blocks.js";
import type { AuditDescription, WorstRow } from "./audit-description.js";
import type { AuditFigures } from "./audit-figures.js";

/** The deepest last: the row reads from the mean into the tail. */
const fromMean = tailFractions.map((alpha) => `${alpha}` as TailKey).toReversed();

export function figuresTable(
  { audit, settings }: AuditDescription,
  figures: AuditFigures,
): TableContent {
  const harm = settings.harmThreshold !== null;
  const kl = Object.values(audit.arms).some((arm) => arm.kl !== null);
  return {
    head: [
      ...["arm", "rows", "mean"],
      ...fromMean.map((alpha) => `CVaR ${alpha}`),
      "VaR 0.1",
      ...(harm ? ["harm"] : []),
      ...(kl ? ["KL", "KL in tail"] : []),
    ],
    rows: Object.entries(audit.arms).map(([name, arm]): Cell[] => [
      { main: safeText(name) },
      { main: `${arm.n}` },
      { main: figures.score(arm.mean), sub: figures.interval(arm.ci95.mean) },
      ...fromMean.map((alpha) => ({
        main: figures.score(arm.cvar[alpha]),
        sub: figures.interval(arm.ci95.cvar[alpha]),
      })),
      { main: figures.score(arm.var["0.1"]) },
      ...(harm
        ? [{ main: figures.rate(arm.harm_rate), sub: figures.rateInterval(arm.ci95.harm_rate) }]
        : []),
      ...(kl
        ? [
            {
              main: figures.score(arm.kl?.mean ?? null),
              sub: figures.interval(arm.kl?.ci95 ?? null),
            },
            { main: figures.score(arm.kl?.tail_mean ?? null) },
          ]
        : []),
    ]),
    wordColumns: 1,
  };
}

/** Marks a bound that rests on more than the samples. */
export const uncertified = "*";

export function boundsTable(
  { audit, settings }: AuditDescription,
  figures: AuditFigures,
): TableContent {
  const mark = (certified: boolean): string => (certified ? "" : uncertified);
  return {
    head: [
      "arm",
      ...fromMean.map((alpha) => `CVaR ${alpha}`),
      ...fromMean.map((alpha) => `VaR ${alpha}`),
      ...(settings.harmThreshold === null ? [] : ["harm ≤"]),
    ],
    rows: Object.entries(audit.arms).map(([name, arm]): Cell[] => [
      { main: safeText(name) },
      ...fromMean.map((alpha): Cell => {
        const { bound, certified, trivial, needed } = arm.cvar_lower[alpha];
        if (!trivial) return { main: figures.score(bound) + mark(certified) };
        return { main: "–", sub: needed === null ? "" : `needs ${needed} rows` };
      }),
      ...fromMean.map((alpha): Cell => {
        const { bound, certified, needed } = arm.var_lower[alpha];
        if (bound !== null) return { main: figures.score(bound) + mark(certified) };
        return { main: "–", sub: needed === null ? "" : `needs ${needed} rows` };
      }),
      ...(arm.harm_rate_upper === null
        ? []
        : [
            { main: figures.rate(arm.harm_rate_upper.bound) + mark(arm.harm_rate_upper.certified) },
          ]),
    ]),
    wordColumns: 1,
  };
}

export function comparisonsTable({ audit }: AuditDescription, figures: AuditFigures): TableContent {
  return {
    head: ["difference", "in", "a − b", "95 % interval", "p", "p (Holm)"],
    rows: audit.comparisons.map((row) => {
      const isRate = row.metric === "harm_rate";
      return [
        { main: `${safeText(row.a)} − ${safeText(row.b)}` },
        { main: metricTitle(row) },
        {
          main: isRate
            ? figures.rateDifference(row.difference)
            : figures.difference(row.difference),
        },
        { main: isRate ? figures.rateInterval(row.ci95) : figures.interval(row.ci95) },
        { main: figures.p(row.p) },
        { main: figures.p(row.p_holm) },
      ];
    }),
    wordColumns: 2,
  };
}

export function metricTitle({ metric }: Pick<ArmComparison, "metric">): string {
  if (metric === "harm_rate") return "harm rate";
  return metric.replace("cvar_", "CVaR ");
}

export function promptScoreTable(
  { audit }: AuditDescription,
  figures: AuditFigures,
): TableContent | null {
  const arms = Object.entries(audit.arms).filter(([, arm]) => arm.by_prompt_score !== null);
  if (arms.length === 0) return null;
  const ends = [0.05, 0.25, 0.5, 0.75, 0.95];
  return {
    head: ["mean score at prompt quantile", ...ends.map((end) => formatFraction(end))],
    rows: arms.map(([name, { by_prompt_score: bins }]) => [
      { main: safeText(name) },
      ...ends.map((end) => {
        const nearest = bins!.reduce((best, bin) =>
          Math.abs(bin.quantile - end) < Math.abs(best.quantile - end) ? bin : best,
        );
        return { main: figures.score(nearest.score) };
      }),
    ]),
    wordColumns: 1,
  };
}

const longestText = 200;

export function worstTable(
  rows: readonly WorstRow[],
  severalFiles: boolean,
  figures: AuditFigures,
): TableContent {
  const has = (key: "prompt_score" | "prompt" | "text"): boolean =>
    rows.some((row) => row[key] !== null);
  return {
    head: [
      ...(severalFiles ? ["file"] : []),
      ...["row", "score"],
      ...(has("prompt_score") ? ["prompt score"] : []),
      ...(has("prompt") ? ["prompt"] : []),
      ...(has("text") ? ["text"] : []),
    ],
    rows: rows.map((row): Cell[] => [
      ...(severalFiles ? [{ main: safeText(row.file) }] : []),
      { main: `${row.row}` },
      { main: figures.score(row.score) },
      ...(has("prompt_score") ? [{ main: figures.score(row.prompt_score) }] : []),
      ...(has("prompt") ? [{ main: shortened(row.prompt) }] : []),
      ...(has("text") ? [{ main: shortened(row.text) }] : []),
    ]),
    wordColumns: severalFiles ? 1 : 0,
  };
}

/** As a reader may see a data set's text: masked unless asked for. */
export function visibleText(text: string, showText: boolean): string {
  return showText ? text : maskText(text);
}

function shortened(text: string | null): string {
  const line = safeText((text ?? "").replaceAll(/\s+/g, " "));
  return line.length <= longestText ? line : `${line.slice(0, longestText)}…`;
}
