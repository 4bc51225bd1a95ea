/** `averse show`: one run's settings, the state of its trials, and its results. */

import { join } from "node:path";
import { z } from "zod";
import { groupsByPrompt } from "../../analysis/prompt-groups.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { trialParts } from "../../config/trials.js";
import { readEpisodesFile } from "../../journal/episodes-file.js";
import type { JournalEvent, StepEvent } from "../../journal/events.js";
import { readJournalSoFar } from "../../journal/reader.js";
import type { RunModel } from "../../run-model/run-model.js";
import { readEvaluationIfAny } from "../../store/evaluation-file.js";
import { type Manifest, missingEvents, readManifest } from "../../store/manifest/manifest.js";
import { experimentOf } from "../../store/manifest/text.js";
import { checkedPath } from "../../store/paths.js";
import type { TrialProgress } from "../../store/run-progress.js";
import { readTexts } from "../../store/texts-file.js";
import { gridLines } from "../../text/grid.js";
import { iterationName } from "../../text/iterations.js";
import { formatDuration, formatNumber } from "../../text/numbers.js";
import { safeText } from "../../text/safe-text.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { modelFacts, readModel } from "../lookup/run-facts.js";
import { runFolder } from "../lookup/runs.js";
import { readSamples, resultText, sampleLines } from "../run/results.js";
import { AttachedRun } from "../run/run-source.js";
import type { Terminal } from "../terminal.js";

export interface ShowOptions {
  readonly runs: string;
  readonly json: boolean;
  readonly showText: boolean;
}

export async function show(
  run: string,
  options: ShowOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const folder = runFolder(run, options.runs);
  const manifest = readManifest(folder);
  const lastSteps = new Map<string, StepEvent>();
  const { trials, events } = await trialFacts(folder, lastSteps);
  const missing = missingEvents(manifest, events);
  if (missing !== null) terminal.err(`warning: ${missing}.`);
  const evaluation = readEvaluationIfAny(folder);
  const { live, model } = await viewOf(folder);
  if (options.json) {
    const facts = { folder, manifest, trials: [...trials.values()], evaluation };
    terminal.out(JSON.stringify({ ...facts, view: { live, ...modelFacts(model) } }));
    return exitCode.done;
  }
  const parts = [headText(folder, manifest, model), trialText([...trials.values()])];
  if (evaluation !== null) parts.push(resultText(evaluation, terminal));
  const samples = [...trials.values()].flatMap(({ trial, samples: file }) =>
    file === null ? [] : readSamples(folder, trial, file),
  );
  if (options.showText) {
    if (samples.length > 0) parts.push(sampleLines(samples));
    for (const trial of trials.keys()) {
      const event = lastSteps.get(trial);
      const lines = event === undefined ? [] : tailTextLines(folder, event);
      if (lines.length > 0) parts.push(lines.join("\n"));
    }
  }
  terminal.out(parts.join("\n\n"));
  return exitCode.done;
}

/** What the dashboard shows, whether the run is running or over. */
async function viewOf(folder: string): Promise<{ live: boolean; model: RunModel }> {
  const run = await AttachedRun.open(folder);
  try {
    return { live: run.live, model: readModel(run) };
  } finally {
    run.close();
  }
}

interface TrialFacts {
  readonly trial: string;
  state: TrialProgress["status"];
  step: number;
  iterations: number;
  /** Iterations in its newest checkpoint. */
  checkpoint: number | null;
  /** Workers that it lost. */
  restarts: number;
  /** Episodes without a reward. */
  failed_rewards: number;
  seconds: number | null;
  message: string | null;
  samples: string | null;
}

/**
 * What the journal says of each trial.
 *
 * @param lastSteps takes up each trial's last step
 */
async function trialFacts(
  folder: string,
  lastSteps: Map<string, StepEvent>,
): Promise<{ trials: Map<string, TrialFacts>; events: number }> {
  const trials = new Map<string, TrialFacts>();
  let events = 0;
  for await (const event of readJournalSoFar(folder)) {
    events += 1;
    take(event, trials);
    if (event.type === "step" && event.trial !== null) lastSteps.set(event.trial, event);
  }
  return { trials, events };
}

function take(event: JournalEvent, trials: Map<string, TrialFacts>): void {
  if (event.type === "run_started") {
    for (const trial of event.trials) {
      trials.set(trial, {
        trial,
        state: "waiting",
        step: 0,
        iterations: 0,
        checkpoint: null,
        restarts: 0,
        failed_rewards: 0,
        seconds: null,
        message: null,
        samples: null,
      });
    }
  }
  if (event.type === "run_resumed") {
    for (const [trial, from] of Object.entries(event.from)) {
      Object.assign(trials.get(trial) ?? {}, { state: "waiting", step: from ?? 0, message: null });
    }
  }
  if (event.type === "points_dropped") {
    for (const [trial, facts] of trials) {
      if (event.dropped.includes(trialParts(trial).arm) && facts.state === "waiting")
        facts.state = "dropped";
    }
  }
  const facts = trials.get(event.trial ?? "");
  if (facts !== undefined) takeOfTrial(event, facts);
}

function takeOfTrial(event: JournalEvent, facts: TrialFacts): void {
  switch (event.type) {
    case "trial_started":
      Object.assign(facts, { state: "running", iterations: event.iterations });
      return;
    case "step":
      facts.step = event.step + 1;
      facts.failed_rewards += event.failed;
      return;
    case "evaluated":
      if (event.final) facts.samples = event.samples;
      return;
    case "checkpoint_saved":
      facts.checkpoint = event.step;
      return;
    case "worker_lost":
      Object.assign(facts, { step: event.from ?? 0, restarts: facts.restarts + 1 });
      return;
    case "checkpoint_damaged":
      Object.assign(facts, { step: event.from ?? 0, checkpoint: event.from });
      return;
    case "trial_finished":
      Object.assign(facts, { state: "done", seconds: event.seconds });
      return;
    case "trial_failed":
      Object.assign(facts, { state: "failed", message: event.message });
      return;
    case "trial_interrupted":
      facts.state = "interrupted";
      return;
  }
}

function headText(folder: string, manifest: Manifest, model: RunModel): string {
  const { outcome, started, finished, message } = manifest;
  const state = outcome ?? model.state;
  const rows = [
    ["run", folder],
    [
      "experiment",
      `${manifest.name}${manifest.purpose === "" ? "" : `: ${safeText(manifest.purpose)}`}`,
    ],
    ["state", `${state}${message ? `: ${safeText(message)}` : ""}`],
    ["started", `${started}${finished === null ? "" : `, finished ${finished}`}`],
    ["overrides", changedKeys(manifest)],
  ].filter(([, value]) => value !== "");
  return gridLines(rows as string[][], ["left", "left"]).join("\n");
}

/** Keys given by `--set`: what sets this run apart from its file. */
function changedKeys(manifest: Manifest): string {
  const origins = z.record(z.string(), z.unknown()).parse(manifest.origins);
  // A record that is older than sweeps has none.
  const { points = [] } = (experimentOf(manifest) as Partial<Experiment>).sweep ?? {};
  return (
    Object.entries(origins)
      .filter(([, origin]) => origin === "override")
      .map(([key]) => key)
      // The grid says it for all points of a sweep.
      .filter((key) => !points.some(({ arm }) => key.startsWith(`arms.${arm}.`)))
      .join(", ")
  );
}

function trialText(trials: readonly TrialFacts[]): string {
  const rows = trials.map((facts) => [
    facts.trial,
    facts.state,
    facts.iterations > 0 ? `${facts.step}/${facts.iterations}` : "",
    facts.checkpoint === null ? "" : String(facts.checkpoint),
    facts.seconds === null ? "" : formatDuration(facts.seconds),
    remarks(facts),
  ]);
  return gridLines(
    [["trial", "state", "iterations", "saved at", "time", ""], ...rows],
    ["left", "left", "right", "right", "right", "left"],
  ).join("\n");
}

function remarks({ message, restarts, failed_rewards }: TrialFacts): string {
  return [
    ...(restarts > 0 ? [`worker restarted ${restarts} ${restarts === 1 ? "time" : "times"}`] : []),
    ...(failed_rewards > 0 ? [`${failed_rewards} rewards failed`] : []),
    ...(message === null ? [] : [safeText(message)]),
  ].join("; ");
}

/**
 * The texts of a step's worst episodes, for the terminal; shown on request only.
 *
 * @param run the run folder
 * @returns empty: none were kept of that step
 * @throws {RecordError} the file of the step's episodes is missing or damaged
 */
export function tailTextLines(run: string, event: StepEvent): readonly string[] {
  const trial = event.trial!;
  const texts = readTexts(run, trial, event.step);
  if (texts.length === 0) {
    return [];
  }
  const episodes =
    "file" in event.episodes
      ? readEpisodesFile(join(run, checkedPath(event.episodes.file)), event.episodes.sha256)
      : event.episodes;
  const figure = (value: number | null | undefined): string =>
    formatNumber(value ?? null, 2).padStart(6);
  const when = `${trial}, worst ${event.groups === undefined ? "episodes" : "prompts"} of ${iterationName(event.step)}`;
  if (event.groups === undefined) {
    return [
      `${when}: return, prompt ▸ completion`,
      ...texts.map(
        ({ episode, prompt, completion }) =>
          `  ${figure(episodes.return[episode])}  ${safeText(prompt)} ▸ ${safeText(completion)}`,
      ),
    ];
  }
  const textOf = new Map(texts.map((text) => [text.episode, text]));
  const groups = groupsByPrompt(episodes, event.groups.completions).filter(
    ({ episodes: members }) => members.some((episode) => textOf.has(episode)),
  );
  return [
    `${when}: mean return and spread, then the return of each completion`,
    ...groups.flatMap(({ prompt, mean, spread, episodes: members }) => {
      const known = members.flatMap((episode) => textOf.get(episode) ?? []);
      return [
        `  ${figure(mean)}  ±${formatNumber(spread, 2)}  prompt ${prompt}: ${safeText(known[0]!.prompt)}`,
        ...known.map(
          ({ episode, completion }) =>
            `      ${figure(episodes.return[episode])} ▸ ${safeText(completion)}`,
        ),
      ];
    }),
  ];
}
