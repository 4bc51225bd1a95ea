/** A trial without RL iterations: what it does instead, and what its evaluation came to. */
import type { ReactElement } from "react";
import { hasEnded, type TrialModel } from "../../../run-model/run-model.js";
import { wordsOfMetric } from "../../../text/metric-words.js";
import { formatNumber } from "../../../text/numbers.js";
import type { Line, Size, ViewStyle } from "../../terminal/line.js";
import { Lines } from "../../terminal/lines.js";
import { useViewStyle } from "../../terminal/terminal-context.js";
import { heading, said, tableLines } from "./field.js";
import { memoByValue } from "./memo-by-value.js";

export const EvaluationPanel = memoByValue(function EvaluationPanel({
  trial,
  width,
  height,
}: Size & { readonly trial: TrialModel }): ReactElement {
  const style = useViewStyle();
  const words = said(`${whatItDoes[trial.stage]} ${whyNoRisk}`, width);
  const keys = said("Left and right choose another trial, 0 shows all.", width);
  const lines = [...words, ...keys, [], ...figureLines(trial, style)];
  return <Lines lines={lines} width={width} height={height} />;
});

const whatItDoes: Readonly<Record<TrialModel["stage"], string>> = {
  base: "The policy is evaluated as it was loaded.",
  sft: "The policy is fine-tuned on the good texts (SFT) and evaluated.",
  decode: "The policy decodes in its own way and is evaluated.",
  rl: "The policy is trained with RL.",
};

const whyNoRisk = "There are no RL iterations, so no risk measure, tail or what-if.";

function figureLines(trial: TrialModel, style: ViewStyle): Line[] {
  const head = trial.evaluations.at(-1)?.head;
  if (head === undefined) {
    const text = hasEnded(trial)
      ? "It ended before its evaluation."
      : "Its evaluation shows here when it is done.";
    return [[{ text, dim: true }]];
  }
  const rows = Object.entries(head.metrics).flatMap(([name, value]) => {
    const words = wordsOfMetric(name);
    return words === undefined || words.shown === "none"
      ? []
      : [
          {
            cells: [
              style.unicode ? words.title : words.ascii,
              formatNumber(value * words.factor, words.digits, style),
            ],
          },
        ];
  });
  const [, ...lines] = tableLines(["", ""], rows);
  return [heading("Evaluation", head.final ? "final" : ""), ...lines];
}
