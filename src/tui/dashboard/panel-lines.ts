/** What each panel is given of a scene, and what it makes of it. Pure. */

import type { TrialModel } from "../../run-model/run-model.js";
import { safeText } from "../../text/safe-text.js";
import { wrapText } from "../../text/wrapping.js";
import type { Line, ViewStyle } from "../line.js";
import type { PageExtent } from "../panels/episode-page.js";
import { eventLog, eventRange } from "../panels/event-log.js";
import type { PanelSize } from "../panels/panel.js";
import { riskPanel, riskSetting } from "../panels/risk.js";
import { type TailInput, tailBrowser, tailPageExtent } from "../panels/tail-browser.js";
import { trainingLegend, trainingPanel } from "../panels/training.js";
import { questionText, whatIfPanel } from "../panels/what-if-panel.js";
import { otherArm, zoomInView } from "./in-view.js";
import type { PanelId } from "./panel-ids.js";
import { actualQuestion, askedQuestion, type Scene, subjectOf } from "./scene.js";

type Draw = (scene: Scene, size: PanelSize, style: ViewStyle) => Line[];

const draw: Readonly<Record<PanelId, Draw>> = {
  risk: riskLines,
  training: trainingLines,
  tail: tailLines,
  "what-if": whatIfLines,
  events: eventLines,
};

const titles: Readonly<Record<PanelId, string>> = {
  risk: riskPanel.title,
  training: trainingPanel.title,
  tail: tailBrowser.title,
  "what-if": whatIfPanel.title,
  events: eventLog.title,
};

export function panelLines(
  panel: PanelId,
  scene: Scene,
  size: PanelSize,
  style: ViewStyle,
): Line[] {
  return draw[panel](scene, size, style);
}

export function panelTitle(panel: PanelId): string {
  return titles[panel];
}

function riskLines(scene: Scene, size: PanelSize, style: ViewStyle): Line[] {
  const { model, view, experiment, reading } = scene;
  const { trial, step, config } = subjectOf(model, view, experiment);
  if (trial === null || config === null || config.stage !== "rl") {
    return noSteps(trial?.id ?? null, size);
  }
  const { episodes, previous, quantiles } = reading;
  const zoom = zoomInView(trial, view);
  const input = { config, steps: trial.steps, step, episodes, previous, quantiles, zoom };
  return riskPanel.lines(input, size, style);
}

function trainingLines(scene: Scene, size: PanelSize, style: ViewStyle): Line[] {
  const { model, view, experiment } = scene;
  const { trial, step, config } = subjectOf(model, view, experiment);
  if (trial === null || config === null || config.stage !== "rl") {
    return noSteps(trial?.id ?? null, size);
  }
  const input = {
    steps: trial.steps,
    other: comparedWith(otherArm(model, trial)),
    step: step?.step ?? null,
    klTarget: config.kl.k_beta === 0 ? null : config.kl.target,
    alpha: config.risk.alpha,
    zoom: zoomInView(trial, view),
    only: view.chart,
  };
  return trainingPanel.lines(input, size, style);
}

/** Rows above the selected one that stay in sight. */
const rowsAbove = 2;

function tailInput({ model, view, experiment, reading }: Scene): TailInput {
  const { step } = subjectOf(model, view, experiment);
  const { episodes, texts, history } = reading;
  return {
    step: step?.step ?? null,
    episodes,
    texts,
    revealed: view.revealed,
    filter: view.filters.tail,
    selected: view.selected,
    offset: history === null ? Math.max(0, view.selected - rowsAbove) : view.pageFrom,
    history,
  };
}

/** How far the selected episode's page scrolls; null: it is not open. */
export function pageExtent(scene: Scene, size: PanelSize, style: ViewStyle): PageExtent | null {
  return tailPageExtent(tailInput(scene), size, style);
}

function tailLines(scene: Scene, size: PanelSize, style: ViewStyle): Line[] {
  const { model, view, experiment } = scene;
  const { trial, config } = subjectOf(model, view, experiment);
  return trial !== null && config?.stage !== "rl"
    ? noSteps(trial.id, size)
    : tailBrowser.lines(tailInput(scene), size, style);
}

function whatIfLines(scene: Scene, size: PanelSize, style: ViewStyle): Line[] {
  const { model, view, experiment, reading } = scene;
  const subject = subjectOf(model, view, experiment);
  const question = askedQuestion(subject, view);
  const actual = actualQuestion(subject);
  if (question === null || actual === null || subject.config?.stage !== "rl") {
    return noSteps(subject.trial?.id ?? null, size);
  }
  const input = {
    step: subject.step?.step ?? null,
    episodes: reading.episodes,
    question,
    actual,
    answer: reading.whatIf,
    offset: view.whatIf.offset,
  };
  return whatIfPanel.lines(input, size, style);
}

function eventLines({ model, view }: Scene, size: PanelSize, style: ViewStyle): Line[] {
  const input = { log: model.log, filter: view.filters.events, offset: view.eventsFrom };
  return eventLog.lines(input, size, style);
}

function noSteps(trial: string | null, { width, height }: PanelSize): Line[] {
  const text =
    trial === null
      ? "nothing has begun yet"
      : `${trial} takes no reinforcement steps: left and right choose another trial`;
  return wrapText(safeText(text), Math.max(1, width))
    .slice(0, Math.max(0, height))
    .map((line): Line => [{ text: line, dim: true }]);
}

/** What a panel's contents are of, for its title. */
export function panelNote(
  panel: PanelId,
  scene: Scene,
  { height }: PanelSize,
  style: ViewStyle,
): Line {
  const { model, view, experiment } = scene;
  const subject = subjectOf(model, view, experiment);
  const { trial, step, config } = subject;
  if (panel === "events") {
    const input = { log: model.log, filter: view.filters.events, offset: view.eventsFrom };
    return eventRange(input, height, style);
  }
  if (panel === "tail") {
    const { tail } = view.filters;
    return tail === "" ? [] : [{ text: `/${safeText(tail)}`, dim: true }];
  }
  if (config?.stage !== "rl") {
    return [];
  }
  if (panel === "what-if") {
    const [question, actual] = [askedQuestion(subject, view), actualQuestion(subject)];
    return step === null || question === null || actual === null
      ? []
      : questionText(step.step, question, actual, style);
  }
  const of: Line =
    panel === "risk"
      ? [{ text: riskSetting(config, style), dim: true }]
      : trainingLegend(comparedWith(otherArm(model, trial)), style);
  const zoom = zoomInView(trial, view);
  return zoom === null
    ? of
    : [
        ...of,
        { text: of.length === 0 ? "" : "  " },
        { text: `steps ${zoom.from} to ${zoom.to}`, color: "yellow" },
      ];
}

function comparedWith(other: TrialModel | null) {
  return other === null ? null : { name: other.arm, steps: other.steps };
}
