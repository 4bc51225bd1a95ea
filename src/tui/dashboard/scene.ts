/** Everything that a frame is drawn from: frames are functions of it, size and style alone. */
import type { ArmConfig, Experiment } from "../../config/schema/experiment.js";
import type { EpisodeText } from "../../engine/ports.js";
import type { Episodes } from "../../journal/events.js";
import type { RunModel, StepHead, TrialModel } from "../../run-model/run-model.js";
import type { NoAnswer, WhatIf, WhatIfQuestion } from "../../run-model/what-if.js";
import type { FanRow } from "../charts/fan-chart.js";
import type { PromptVisit } from "../panels/prompt-history.js";
import { headInView, trialInView } from "./in-view.js";
import type { ViewState } from "./view-state.js";

export interface Scene {
  readonly model: RunModel;
  readonly view: ViewState;
  readonly experiment: Experiment;
  readonly foreground: boolean;
  /** The run can be steered from here. */
  readonly live: boolean;
  /** A controller has it. */
  readonly held: boolean;
  /** The run as commands take it. */
  readonly word: string;
  /** Why its journal cannot be read now; null: it can. */
  readonly unreadable: Unreadable | null;
  readonly reading: Reading;
  /** Seconds since 1970. */
  readonly now: number;
}

export interface Unreadable {
  /** There is no folder where the run was. */
  readonly gone: boolean;
  /** Safe to print. */
  readonly message: string;
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
  /** The journal has not been read to its end yet. */
  readonly unread: boolean;
}

export const nothingRead: Reading = {
  episodes: null,
  previous: null,
  texts: [],
  quantiles: [],
  history: null,
  whatIf: null,
  unread: false,
};

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

/** What the run did at the step in view. */
export function actualQuestion({ step, config }: Subject): WhatIfQuestion | null {
  return config === null
    ? null
    : { ...questionOf(config), alpha: step?.alpha ?? config.risk.alpha };
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

function questionOf({ risk }: ArmConfig): WhatIfQuestion {
  const { measure, alpha, statistic, mixture, temperature } = risk;
  return { measure, alpha, statistic, mixture, temperature };
}
