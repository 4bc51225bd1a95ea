/** How the loss went of what is trained before RL: fine-tuning, or a stage. */
import type { ReactElement } from "react";
import type { LossCurve, LossPoint } from "../../../run-model/run-model.js";
import { lineChart } from "../../charts/line-chart.js";
import type { Line, Size, ViewStyle } from "../../terminal/line.js";
import { useViewStyle } from "../../terminal/terminal-context.js";
import { Chart } from "./chart.js";
import { shortNumber } from "./field.js";
import { memoByValue } from "./memo-by-value.js";
import { modelText } from "./model-text.js";

export const LossPanel = memoByValue(function LossPanel({
  loss,
  width,
  height,
}: Size & { readonly loss: LossCurve }): ReactElement {
  const style = useViewStyle();
  const { points } = loss;
  const measured = points.filter(({ held_out }) => held_out !== null);
  const series = [
    { ...seriesOf(points, ({ loss }) => loss), look: { color: "cyan" as const } },
    ...(measured.length === 0
      ? []
      : [
          {
            ...seriesOf(measured, ({ held_out }) => held_out),
            look: { color: "yellow" as const },
            dash: 1,
          },
        ]),
  ];
  return (
    <Chart
      title={lossTitle(loss, style)}
      draw={(options) => lineChart({ series, x: null }, options)}
      width={width}
      height={height}
    />
  );
});

function seriesOf(points: readonly LossPoint[], value: (point: LossPoint) => number | null) {
  return { xs: points.map(({ step }) => step), ys: points.map(value) };
}

/** `SFT loss 3.61  held out 3.70  step 60` */
function lossTitle({ name, points }: LossCurve, style: ViewStyle): Line {
  const last = points.at(-1);
  const heldOut = points.findLast(({ held_out }) => held_out !== null)?.held_out ?? null;
  const dash = style.unicode ? "⠒ ⠒" : "...";
  return [
    { text: `${modelText(name, { revealed: true, room: 24, style })} loss`, bold: true },
    { text: ` ${shortNumber(last?.loss, style)}`, color: "cyan" },
    ...(heldOut === null
      ? []
      : [{ text: `  ${dash} held out ${shortNumber(heldOut, style)}`, color: "yellow" as const }]),
    { text: last === undefined ? "" : `  step ${last.step}`, dim: true },
  ];
}
