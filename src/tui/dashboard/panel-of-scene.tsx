/** What each panel is given of a scene. */
import type { ReactElement } from "react";
import type { ArmConfig } from "../../config/schema/experiment.js";
import { klControllerAt } from "../../risk/kl-stages.js";
import type { TrialModel } from "../../run-model/run-model.js";
import { iterationNumber } from "../../text/iterations.js";
import { safeText } from "../../text/safe-text.js";
import { smoothingSpans } from "../charts/smoothing.js";
import { joinFields, type Line, type Size, type ViewStyle } from "../terminal/line.js";
import { Lines } from "../terminal/lines.js";
import { useViewStyle } from "../terminal/terminal-context.js";
import { otherArm, trialInView, zoomInView } from "./in-view.js";
import { EvaluationPanel } from "./panels/evaluation-panel.js";
import { EventLog, eventRange } from "./panels/event-log.js";
import { said } from "./panels/field.js";
import { LossPanel } from "./panels/loss-panel.js";
import { RiskPanel, riskSetting } from "./panels/risk-panel.js";
import { type TailInput, TailPanel } from "./panels/tail-panel.js";
import { foundCharts } from "./panels/training-figures.js";
import { TrainingPanel, trainingLegend } from "./panels/training-panel.js";
import { questionText, WhatIfPanel } from "./panels/what-if-panel.js";
import { type WorkerLogInput, WorkerLogPanel, workerLogNote } from "./panels/worker-log.js";
import {
  actualQuestion,
  askedQuestion,
  completionsOf,
  type Scene,
  type Subject,
  subjectOf,
} from "./scene.js";
import type { PanelId, ViewState } from "./view-state.js";

export function PanelOfScene({
  panel,
  scene,
  width,
  height,
}: Size & { readonly panel: PanelId; readonly scene: Scene }): ReactElement {
  const style = useViewStyle();
  const { model, view, experiment, reading } = scene;
  const subject = subjectOf(model, view, experiment);
  const { trial, step, config } = subject;
  const size = { width, height };
  if (panel === "events") {
    return <EventLog {...logInput(scene)} {...size} />;
  }
  if (panel === "log") {
    return <WorkerLogPanel {...workerLogInput(scene)} {...size} />;
  }
  if (panel === "tail" && (trial === null || config?.stage === "rl")) {
    return <TailPanel {...tailInput(scene)} {...size} />;
  }
  if (panel === "training" && trial !== null && trial.steps.length === 0 && trial.loss !== null) {
    return <LossPanel loss={trial.loss} {...size} />;
  }
  const [question, actual] = [askedQuestion(subject, view), actualQuestion(subject)];
  if (trial !== null && trial.stage !== "rl" && panel === "risk") {
    return <EvaluationPanel trial={trial} {...size} />;
  }
  if (trial === null || config?.stage !== "rl" || question === null || actual === null) {
    const lines = noIterations(panel, trial).flatMap((words) => said(words, width));
    return <Lines lines={lines} {...size} />;
  }
  const { episodes, previous, quantiles, whatIf } = reading;
  const zoom = zoomInView(trial, view);
  const iteration = step === null ? null : iterationNumber(step.step);
  const { steps } = trial;
  const charts = foundCharts(
    steps,
    view.filters.training,
    { klTarget: null, alpha: config.risk.alpha },
    style,
  );
  switch (panel) {
    case "risk": {
      const input = { config, steps, step, episodes, previous, quantiles, zoom };
      return <RiskPanel {...input} {...size} />;
    }
    case "what-if": {
      const { offset } = view.whatIf;
      const input = { iteration, episodes, question, actual, answer: whatIf, offset };
      return <WhatIfPanel {...input} {...size} />;
    }
    default:
      return (
        <TrainingPanel
          steps={steps}
          other={comparedWith(otherArm(model, trial))}
          iteration={iteration}
          klTarget={targetOf(config.kl, step?.step ?? 0)}
          alpha={config.risk.alpha}
          zoom={zoom}
          filter={view.filters.training}
          isLog={view.isLog}
          span={smoothingSpans[view.smoothing]!}
          only={view.chart !== null && charts.includes(view.chart) ? view.chart : null}
          {...size}
        />
      );
  }
}

/** What β is steered to at a step; null: it is fixed there. */
function targetOf(kl: ArmConfig["kl"], step: number): number | null {
  const { target, k_beta } = klControllerAt(kl, step);
  return k_beta === 0 ? null : target;
}

/** Why a panel is empty, and where there is something to see. */
function noIterations(panel: PanelId, trial: TrialModel | null): string[] {
  if (trial === null) {
    return ["Nothing has begun yet."];
  }
  const why =
    panel === "training"
      ? trial.stage === "sft"
        ? "The loss of the fine-tuning shows here once it begins."
        : "Nothing is trained in this trial."
      : "This trial has no RL iterations.";
  return [why, "Left and right choose another trial, 0 shows all."];
}

function logInput({ model, view }: Scene) {
  return { log: model.log, filter: view.filters.events, offset: view.eventsFrom };
}

function workerLogInput({ model, view, reading }: Scene): WorkerLogInput {
  const trial = trialInView(model, view);
  return { trial: trial?.id ?? null, lines: reading.log, offset: view.logFrom };
}

/** Rows above the selected one that stay in sight. */
const rowsAbove = 2;

export function tailInput({ model, view, experiment, reading }: Scene): TailInput {
  const { step, config } = subjectOf(model, view, experiment);
  const { episodes, texts, history } = reading;
  return {
    iteration: step === null ? null : iterationNumber(step.step),
    episodes,
    texts,
    revealed: view.revealed,
    filter: view.filters.tail,
    completions: completionsOf(config),
    best: view.best,
    grouped: view.grouped,
    selected: view.selected,
    offset: history === null ? Math.max(0, view.selected - rowsAbove) : view.pageFrom,
    history,
  };
}

/** What a panel's contents are of, for its title. */
export function panelNote(panel: PanelId, scene: Scene, height: number, style: ViewStyle): Line {
  const { model, view, experiment } = scene;
  const subject = subjectOf(model, view, experiment);
  switch (panel) {
    case "events":
      return eventRange(logInput(scene), height, style);
    case "log":
      return workerLogNote(workerLogInput(scene), height, style);
    case "tail": {
      const { tail } = view.filters;
      return tail === "" ? [] : [{ text: `/${safeText(tail)}`, dim: true }];
    }
    case "what-if":
      return whatIfNote(subject, scene, style);
    case "risk":
      return subject.config?.stage === "rl"
        ? withZoom([{ text: riskSetting(subject.config, style), dim: true }], subject, scene)
        : [];
    case "training":
      return subject.config?.stage === "rl"
        ? withZoom(
            joinFields(
              [
                trainingLegend(comparedWith(otherArm(model, subject.trial)), style),
                ...chartFields(view),
              ].filter((field) => field.length > 0),
            ),
            subject,
            scene,
          )
        : [];
  }
}

/** How the curves are drawn, where that is not as usual. */
export function chartFields({ isLog, smoothing, filters }: ViewState): Line[] {
  const words = [
    ...(filters.training === "" ? [] : [`/${safeText(filters.training)}/`]),
    ...(isLog ? ["log axis"] : []),
    ...(smoothing === 0 ? [] : [`smoothed over ${smoothingSpans[smoothing]}`]),
  ];
  return words.map((text) => [{ text, color: "yellow" }]);
}

function whatIfNote(subject: Subject, { view }: Scene, style: ViewStyle): Line {
  const { step, config } = subject;
  const [question, actual] = [askedQuestion(subject, view), actualQuestion(subject)];
  return config?.stage !== "rl" || step === null || question === null || actual === null
    ? []
    : questionText(iterationNumber(step.step), question, actual, style);
}

function withZoom(note: Line, { trial }: Subject, { view }: Scene): Line {
  const zoom = zoomInView(trial, view);
  return zoom === null
    ? note
    : [
        ...note,
        { text: note.length === 0 ? "" : "  " },
        { text: `iterations ${zoom.from} to ${zoom.to}`, color: "yellow" },
      ];
}

function comparedWith(other: TrialModel | null) {
  return other === null ? null : { name: other.arm, steps: other.steps };
}
