/** Everything that a frame is drawn from: frames are functions of it, size and style alone. */
import type { ArmConfig, Experiment } from "../../config/schema/experiment.js";
import type { EpisodeText } from "../../engine/ports.js";
import type { Episodes } from "../../journal/events.js";
import type { RunModel, StepHead, TrialModel } from "../../run-model/run-model.js";
import type { NoAnswer, WhatIf, WhatIfQuestion } from "../../run-model/what-if.js";
import type { FanRow } from "../charts/fan-chart.js";
import { headInView, stepInView, trialInView, zoomInView } from "./in-view.js";
import { insideOf, type Layout } from "./layout.js";
import type { PromptVisit } from "./panels/episodes-of-step.js";
import type { RunSnapshot } from "./run-feed.js";
import type { StepReader } from "./step-reader.js";
import type { ViewState } from "./view-state.js";

export interface Scene extends Omit<RunSnapshot, "note"> {
  readonly view: ViewState;
  readonly experiment: Experiment;
  readonly foreground: boolean;
  /** Path of the run folder. */
  readonly directory: string;
  /** The run as commands take it. */
  readonly word: string;
  readonly reading: Reading;
}

/** What was read of the step in view, beyond the model. */
export interface Reading {
  readonly episodes: Episodes | null;
  /** Of the step before it. */
  readonly previous: Episodes | null;
  readonly texts: readonly EpisodeText[];
  readonly quantiles: readonly FanRow[];
  /** Null: no history is open. */
  readonly history: readonly PromptVisit[] | null;
  readonly whatIf: WhatIf | NoAnswer | null;
  /** The last lines that the trial's worker printed; empty where they are not on the screen. */
  readonly log: readonly string[];
}

const noTexts: readonly EpisodeText[] = [];
const noRows: readonly FanRow[] = [];
const noLines: readonly string[] = [];

/** The trial and the step in view, and what its arm trains with. */
export interface Subject {
  readonly trial: TrialModel | null;
  readonly step: StepHead | null;
  /** Null: the arm is none of the experiment's (an SFT trial that others start from). */
  readonly config: ArmConfig | null;
}

export function subjectOf(
  model: RunModel,
  view: ViewState,
  experiment: Pick<Experiment, "arms">,
): Subject {
  const trial = trialInView(model, view);
  const config = trial === null ? null : (experiment.arms[trial.arm] ?? null);
  return { trial, step: headInView(trial, view), config };
}

/** Episodes per prompt; 1 where the arm is none of the experiment's. */
export function completionsOf(config: ArmConfig | null): number {
  return config?.training.completions ?? 1;
}

/** What the run did at the step in view. */
export function actualQuestion({ step, config }: Subject): WhatIfQuestion | null {
  if (config === null) {
    return null;
  }
  return { ...config.risk, alpha: step?.alpha ?? config.risk.alpha };
}

export function askedQuestion(subject: Subject, { whatIf }: ViewState): WhatIfQuestion | null {
  const actual = actualQuestion(subject);
  return actual === null
    ? null
    : {
        ...actual,
        alpha: whatIf.alpha ?? actual.alpha,
        measure: whatIf.measure ?? actual.measure,
      };
}

/** Reads what the panels show, and nothing for panels that are not on the screen. */
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
  const at = trial === null ? -1 : stepInView(trial, view);
  const step = trial?.steps[at];
  const risk = insideOf(layout, "risk");
  const hasTail = insideOf(layout, "tail") !== null;
  const asked = insideOf(layout, "what-if") === null ? null : askedQuestion(subject, view);
  const isNeeded = risk !== null || hasTail || asked !== null;
  const episodes = isNeeded ? reader.episodes(step) : null;
  return {
    episodes,
    previous: risk === null ? null : reader.episodes(trial?.steps[at - 1]),
    texts:
      hasTail && trial !== null && step !== undefined
        ? reader.texts(trial.id, step.head.step, step.entry)
        : noTexts,
    quantiles:
      risk === null || trial === null
        ? noRows
        : reader.quantiles(trial.steps, zoomInView(trial, view), risk.width),
    log: trial === null || insideOf(layout, "log") === null ? noLines : reader.workerLog(trial.id),
    history: view.history === null || trial === null ? null : reader.history(trial, view.history),
    whatIf:
      asked === null || episodes === null || trial === null || step === undefined
        ? null
        : reader.whatIf(
            {
              step: step.head.step,
              seed: trial.seed,
              episodes,
              completions: completionsOf(subject.config),
            },
            asked,
          ),
  };
}
