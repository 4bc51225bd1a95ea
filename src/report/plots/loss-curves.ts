/** How the loss of stages and of fine-tuning went, before any RL. */
import type { ArmStyle } from "../arm-style.js";
import type { ReportData } from "../report-data.js";
import type { Curve, PlotPanel, PlotSpec } from "./panel.js";
import { seedMean } from "./seed-mean.js";

interface LossPoint {
  readonly step: number;
  readonly loss: number;
  readonly held_out: number | null;
}

const trained: ArmStyle = { color: "#0072B2", dash: "solid", marker: "circle" };
const heldOut: ArmStyle = { color: "#D55E00", dash: [8, 4], marker: "rect" };

/** Null where nothing was fine-tuned, or the journal is older than the curve. */
export function lossCurves(data: ReportData): PlotSpec | null {
  const fineTuned = data.trials.flatMap(({ sft }) =>
    // A head that is read unchecked from an older journal lacks it.
    (sft?.curve ?? []).length > 0 ? [sft!.curve] : [],
  );
  const panels = [
    ...data.stages
      .filter(({ curve }) => curve.length > 0)
      .map(({ name, kind, curve }) =>
        lossPanel(`Stage ${name}`, kind === "language_model" ? "nats per token" : "nats", [curve]),
      ),
    ...(fineTuned.length === 0
      ? []
      : [lossPanel("Fine-tuning (SFT)", "nats per token", fineTuned)]),
  ];
  return panels.length === 0
    ? null
    : {
        id: "loss-curves",
        title: "Losses before RL",
        caption:
          "The loss of what was trained before RL, against gradient steps: a held-out loss that rises " +
          "while the training loss falls is overfitting.",
        panels,
        columns: Math.min(2, panels.length),
      };
}

/** @param seeds one curve each */
function lossPanel(
  title: string,
  unit: string,
  seeds: readonly (readonly LossPoint[])[],
): PlotPanel {
  const losses = seeds.map((points) => points.map(({ step, loss }) => ({ x: step, y: loss })));
  const measured = seeds.map((points) =>
    points.flatMap(({ step, held_out }) => (held_out === null ? [] : [{ x: step, y: held_out }])),
  );
  const curve = (
    name: string,
    style: ArmStyle,
    points: readonly (readonly { x: number; y: number }[])[],
  ): Curve => ({ name, style, ...seedMean(points), shape: "line", markers: "some" });
  return {
    title,
    x: { name: "gradient step", min: 0 },
    y: { name: `loss, ${unit}` },
    curves: [
      curve("training loss", trained, losses),
      ...(measured.some((points) => points.length > 0)
        ? [curve("held-out loss", heldOut, measured)]
        : []),
    ],
  };
}
