/** What a page is told of a run over server-sent events: how it stands, and each panel's curves. */
import { armStyles } from "../report/arm-style.js";
import type { Curve, PlotPanel } from "../report/plots/panel.js";
import { seedMean } from "../report/plots/seed-mean.js";
import { trainingCurves } from "../report/plots/training-curves.js";
import { elapsedSeconds, type RunModel, type TrialModel } from "../run-model/run-model.js";
import type { RunSource } from "../run-model/run-source.js";
import { runEta, trialEta } from "../run-model/time-left.js";
import { trainingFigures } from "../run-model/trial-figures.js";
import { maskText, safeText } from "../text/safe-text.js";

/** Event `state`. */
export interface StateMessage {
  readonly state: RunModel["state"];
  /** It can be steered from this machine, so that progress is heard. */
  readonly live: boolean;
  /** Why it failed, or cannot be read; empty: nothing is wrong. */
  readonly message: string;
  readonly elapsed_seconds: number | null;
  readonly eta_seconds: number | null;
  readonly trials: readonly TrialMessage[];
  /** Newest last. */
  readonly log: readonly Pick<RunModel["log"][number], "time" | "trial" | "level" | "text">[];
  /** Titles of the panels, in order. */
  readonly panels: readonly string[];
  readonly arms: readonly ArmMessage[];
}

interface ArmMessage {
  readonly name: string;
  readonly color: string;
  readonly dash: "solid" | readonly number[];
}

interface TrialMessage {
  readonly id: string;
  readonly status: TrialModel["status"];
  /** `update 3/8 minibatches`; empty: between two phases, or over. */
  readonly phase: string;
  readonly step: number;
  readonly iterations: number;
  readonly reward_mean: number | null;
  readonly cvar: number | null;
  readonly kl_mean: number | null;
  readonly eta_seconds: number | null;
  readonly message: string;
}

/** Event `panel`; with the title of one that was told before, it takes its place. */
export interface PanelMessage {
  readonly title: string;
  readonly x: PlotPanel["x"];
  readonly y: PlotPanel["y"];
  readonly marks: NonNullable<PlotPanel["marks"]>;
  readonly curves: readonly CurveMessage[];
}

interface CurveMessage extends ArmMessage {
  /** x and y. */
  readonly points: readonly (readonly [number, number])[];
  /** Mean ± one standard deviation over seeds: x, low, high. Empty with one seed. */
  readonly band: readonly (readonly [number, number, number])[];
}

/** Event `texts`: the worst episodes of each trial's last iteration, where texts are kept. */
export interface TextsMessage {
  readonly masked: boolean;
  readonly trials: readonly {
    readonly trial: string;
    /** From 1. */
    readonly iteration: number;
    readonly texts: readonly { readonly prompt: string; readonly completion: string }[];
  }[];
}

const logLines = 40;
const textsShown = 3;
/** A screen's width has room for more than a page of paper. */
const mostPoints = 240;

/** @param now seconds since 1970 */
export function stateMessage(
  source: Pick<RunSource, "live" | "experiment">,
  model: RunModel,
  fault: string | null,
  panels: readonly PanelMessage[],
  now: number,
): StateMessage {
  const styles = armStyles(armsOf(model), source.experiment.arms);
  return {
    state: model.state,
    live: source.live,
    message: fault ?? safeText(model.message),
    elapsed_seconds: elapsedSeconds(model, now),
    eta_seconds: runEta(model, now),
    trials: model.trials.map((trial) => trialMessage(trial, now)),
    log: model.log
      .slice(-logLines)
      .map(({ time, trial, level, text }) => ({ time, trial, level, text })),
    panels: panels.map(({ title }) => title),
    arms: [...styles].map(([name, { color, dash }]) => ({ name, color, dash })),
  };
}

function trialMessage(trial: TrialModel, now: number): TrialMessage {
  const { id, status, phase, steps, iterations, message } = trial;
  const figures = trainingFigures(trial);
  return {
    id,
    status,
    phase: phase === null ? "" : phaseText(phase),
    step: steps.length,
    iterations,
    reward_mean: figures?.reward ?? null,
    cvar: figures?.cvar ?? null,
    kl_mean: figures?.kl ?? null,
    eta_seconds: trialEta(trial, now),
    message: message === null ? "" : safeText(message),
  };
}

function phaseText({ name, done, total, unit }: NonNullable<TrialModel["phase"]>): string {
  return safeText(total > 0 ? `${name} ${done}/${total} ${unit}` : name);
}

/** Losses before RL, then the panels of a report's training curves. */
export function panelMessages(
  { experiment }: Pick<RunSource, "experiment">,
  model: RunModel,
): PanelMessage[] {
  const data = {
    arms: armsOf(model),
    trials: model.trials.map(({ arm, steps }) => ({ arm, steps: steps.map(({ head }) => head) })),
    run: { experiment },
  };
  const training = trainingCurves(data, mostPoints);
  return [...lossPanels(data.arms, experiment, model), ...(training?.panels ?? [])].map(
    panelMessage,
  );
}

/** The newest training before RL of each trial. */
function lossPanels(
  arms: readonly string[],
  { arms: configs }: RunSource["experiment"],
  model: RunModel,
): PlotPanel[] {
  const styles = armStyles(arms, configs);
  const names = new Set(model.trials.flatMap(({ loss }) => loss?.name ?? []));
  return [...names].map((name) => ({
    title: `Loss of ${name}`,
    x: { name: "gradient step", min: 0 },
    y: { name: "loss" },
    curves: arms.flatMap((arm): Curve[] => {
      const seeds = model.trials
        .filter((trial) => trial.arm === arm && trial.loss?.name === name)
        .map(({ loss }) => loss!.points.map(({ step, loss: y }) => ({ x: step, y })))
        .filter((points) => points.length > 0);
      return seeds.length === 0
        ? []
        : [
            {
              ...{ name: arm, style: styles.get(arm)!, shape: "line", markers: "none" },
              ...seedMean(seeds),
            },
          ];
    }),
  }));
}

function panelMessage({ title, x, y, marks = [], curves }: PlotPanel): PanelMessage {
  return {
    title,
    x,
    y,
    marks,
    curves: curves.map(({ name, style: { color, dash }, points, band = [] }) => ({
      name,
      color,
      dash,
      points: points.map(({ x: at, y: value }) => [short(at), short(value)] as const),
      band: band.map(({ x: at, low, high }) => [short(at), short(low), short(high)] as const),
    })),
  };
}

export function textsMessage(
  source: Pick<RunSource, "texts">,
  model: RunModel,
  showText: boolean,
): TextsMessage {
  const shown = (text: string): string => safeText(showText ? text : maskText(text));
  const trials = model.trials.flatMap(({ id, steps }) => {
    const step = steps.at(-1)?.head.step;
    const texts = step === undefined ? [] : source.texts(id, step).slice(0, textsShown);
    return step === undefined || texts.length === 0
      ? []
      : [
          {
            trial: id,
            iteration: step + 1,
            texts: texts.map(({ prompt, completion }) => ({
              prompt: shown(prompt),
              completion: shown(completion),
            })),
          },
        ];
  });
  return { masked: !showText, trials };
}

function armsOf({ trials }: RunModel): string[] {
  return [...new Set(trials.map(({ arm }) => arm))];
}

/** No pixel shows more. */
function short(value: number): number {
  return Number(value.toPrecision(5));
}
