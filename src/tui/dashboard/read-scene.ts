/** Reads for a frame what its panels show, and nothing for panels that are not on the screen. */
import { whatIf } from "../../run-model/what-if.js";
import { stepInView, zoomInView } from "./in-view.js";
import { insideOf, type Layout } from "./layout.js";
import { askedQuestion, nothingRead, type Reading, type Scene, subjectOf } from "./scene.js";
import type { StepReader } from "./step-reader.js";

export function readScene(
  scene: Omit<Scene, "reading">,
  layout: Layout,
  reader: StepReader,
): Reading {
  const { model, view, experiment } = scene;
  const subject = subjectOf(model, view, experiment);
  const { trial } = subject;
  if (view.history === null) {
    reader.forgetHistory();
  }
  if (trial === null) {
    return nothingRead;
  }
  const at = stepInView(trial, view);
  const step = trial.steps[at];
  const risk = insideOf(layout, "risk");
  const tail = insideOf(layout, "tail") !== null;
  const asked = insideOf(layout, "what-if") === null ? null : askedQuestion(subject, view);
  const needed = risk !== null || tail || asked !== null;
  const episodes = needed ? reader.episodes(step) : null;
  return {
    ...nothingRead,
    episodes,
    previous: risk === null ? null : reader.episodes(trial.steps[at - 1]),
    texts: tail && step !== undefined ? reader.texts(trial.id, step.head.step, step.entry) : [],
    quantiles:
      risk === null ? [] : reader.quantiles(trial.steps, zoomInView(trial, view), risk.width),
    history: view.history === null ? null : reader.history(trial, view.history),
    whatIf:
      asked === null || episodes === null || step === undefined
        ? null
        : whatIf({ step: step.head.step, seed: trial.seed, episodes, promptScores: null }, asked),
  };
}
