/** The run's figures beside those that the question would have had, and which episodes each keeps. */

import type { Episodes } from "../../../journal/events.js";
import { usesAlpha } from "../../../risk/measures/registry.js";
import { tailFigures, weightedMean } from "../../../risk/weighted-tail.js";
import type { WhatIf, WhatIfQuestion } from "../../../run-model/what-if.js";
import { formatNumber } from "../../../text/numbers.js";
import { flowFields, type Line, type Look, type ViewStyle } from "../../terminal/line.js";
import { firstRow } from "../../terminal/scroll.js";
import { alphaName, alphaNumber, heading, tableLines, weightText } from "./field.js";

export interface Compared {
  readonly actual: WhatIfQuestion;
  readonly question: WhatIfQuestion;
  readonly episodes: Episodes;
  readonly answer: WhatIf;
  /** First row of the episodes to show. */
  readonly offset: number;
}

export interface TableRoom {
  readonly rows: number;
  /** Columns. */
  readonly width: number;
  /** False: in as few columns as it can be. */
  readonly isFull: boolean;
}

/** What is asked about first where not all have room. */
const byImportance = ["kept", "cvar", "alpha", "mean", "var", "measure"] as const;
type FigureName = (typeof byImportance)[number];
/** They say nothing of a measure that α plays no part in. */
const ofAlpha: readonly FigureName[] = ["alpha", "var", "cvar"];

/** As many as there are rows for, in a table, and below it how the two differ. */
export function figureLines(
  { actual, question, episodes, answer }: Compared,
  { rows: room, width, isFull }: TableRoom,
  style: ViewStyle,
): Line[] {
  const difference = differenceLines(answer, width);
  const was = figuresOf(episodes, actual);
  const figure = (value: number | null): string => formatNumber(value, 3, style);
  const none = figure(null);
  const [wasAlpha, isAlpha] = [actual, question].map(({ measure }) => usesAlpha(measure));
  const alphaOf = ({ measure, alpha }: WhatIfQuestion): string =>
    usesAlpha(measure) ? alphaNumber(alpha, style) : none;
  const asked = (value: number): string => (isAlpha ? figure(value) : none);
  // Each at its own column's α, unlike those of the risk panel.
  const atAlpha = (name: string): string =>
    isFull || style.unicode ? `${name} at ${alphaName(style)}` : name;
  const rows: Readonly<Record<FigureName, readonly [name: string, was: string, is: string]>> = {
    measure: ["measure", actual.measure, question.measure],
    alpha: [alphaName(style), alphaOf(actual), alphaOf(question)],
    kept: ["kept", `${was.kept}`, `${answer.kept}`],
    var: [atAlpha("VaR"), figure(was.var), asked(answer.var)],
    cvar: [atAlpha("CVaR"), figure(was.cvar), asked(answer.cvar)],
    mean: [isFull ? "mean of kept" : "mean kept", figure(was.tailMean), figure(answer.tailMean)],
  };
  const wanted = byImportance.filter(
    (name) => (isFull || name !== "measure") && (wasAlpha || isAlpha || !ofAlpha.includes(name)),
  );
  const fits = new Set<string>(wanted.slice(0, Math.max(0, room - 1 - difference.length)));
  const changed = (before: string, after: string): { look?: Look } =>
    before === after ? {} : { look: { bold: true } };
  const table = tableLines(
    ["", "the run", "what if"],
    Object.entries(rows)
      .filter(([name]) => fits.has(name))
      .map(([, cells]) => ({ cells, ...changed(cells[1], cells[2]) })),
  );
  return [...table, ...difference];
}

/** Which episodes the two have in common, with the marks that stand before the others in the list. */
function differenceLines({ common, added, removed }: WhatIf, width: number): Line[] {
  const fields = [
    [{ text: `kept in both ${common}` }],
    [{ text: `only what-if ${added.length} (+)`, color: "green" as const }],
    [{ text: `only run ${removed.length} (-)`, color: "red" as const }],
  ];
  return flowFields(fields, width);
}

interface RunFigures {
  readonly kept: number;
  /** At α'; null: it plays no part. */
  readonly var: number | null;
  readonly cvar: number | null;
  readonly tailMean: number | null;
}

/** Of what the run did, at the fraction that it did it with. */
function figuresOf(episodes: Episodes, actual: WhatIfQuestion): RunFigures {
  const { return: returns, weight, importance } = episodes;
  const scored = [...returns.keys()].filter((at) => returns[at] !== null);
  const kept = scored.filter((at) => weight[at]! > 0);
  const valuesOf = (places: readonly number[]) => places.map((at) => returns[at]!);
  const countsOf = (places: readonly number[]) => places.map((at) => importance?.[at] ?? 1);
  const { measure, alpha } = actual;
  const sound = usesAlpha(measure) && scored.length > 0 && alpha > 0 && alpha <= 1;
  const tail = sound
    ? tailFigures(valuesOf(scored), alpha, importance === undefined ? null : countsOf(scored))
    : { var: null, cvar: null };
  return {
    kept: kept.length,
    ...tail,
    tailMean: kept.length === 0 ? null : weightedMean(valuesOf(kept), countsOf(kept)),
  };
}

const marks = {
  both: { mark: "=", look: {} },
  added: { mark: "+", look: { color: "green" } },
  removed: { mark: "-", look: { color: "red" } },
} as const satisfies Record<string, { mark: string; look: Look }>;

/** Columns of a list that is not full, where weights are below 100. */
export const shortWeights = 29;

/** Episodes that either keeps, lowest return first, with the weights that each gives them. */
export function weightLines(
  { offset, episodes, answer: { weights } }: Compared,
  { rows, isFull }: TableRoom,
  style: ViewStyle,
): Line[] {
  const kept = [...weights.keys()]
    .filter((at) => weights[at]! > 0 || episodes.weight[at]! > 0)
    .sort((a, b) => (episodes.return[a] ?? 0) - (episodes.return[b] ?? 0) || a - b);
  const room = Math.max(0, rows - 2);
  const first = firstRow({ count: kept.length, selected: null, offset, room });
  const shown = kept.slice(first, first + room);
  const table = tableLines(
    ["", ...(isFull ? ["#"] : []), "prompt", "return", "run", "if"],
    shown.map((at) => {
      const [was, is] = [episodes.weight[at]!, weights[at]!];
      const { mark, look } = was > 0 ? (is > 0 ? marks.both : marks.removed) : marks.added;
      return {
        cells: [
          mark,
          ...(isFull ? [String(at)] : []),
          String(episodes.prompt[at]),
          formatNumber(episodes.return[at] ?? null, 2, style),
          weightText(was, style),
          weightText(is, style),
        ],
        look,
      };
    }),
  );
  const range =
    kept.length === 0 ? "" : `${first + 1} to ${first + shown.length} of ${kept.length}`;
  return [heading("Weights", range), ...table];
}
