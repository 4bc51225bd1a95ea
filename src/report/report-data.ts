/** Everything a report shows, gathered from the journal and the evaluation. Pure. */
import type { Evaluation } from "../analysis/evaluation.js";
import type { Experiment } from "../config/schema/experiment.js";
import type { EventFigures, EventHead } from "../journal/event-head.js";
import type { Episodes, EvaluatedEvent } from "../journal/events.js";

type EventOf<T extends EventHead["type"]> = Extract<EventHead, { type: T }>;
type StepHead = EventOf<"step">;

/** What the manifest says of the run, as far as a report shows it; names as there. */
export interface RunDescription {
  /** Name of the run folder. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  /** The resolved configuration. */
  readonly experiment: Experiment;
  /** Command line that started it; null where it is not known. */
  readonly command: string | null;
  readonly git: { readonly commit: string; readonly dirty: boolean } | null;
  readonly hardware: Readonly<Record<string, string | number>>;
  /** averse, node, python, torch, … */
  readonly versions: Readonly<Record<string, string>>;
}

/** One text of a samples file, and where it came from. */
export interface SampleText {
  readonly trial: string;
  /** Prompt id in the test set. */
  readonly prompt: number;
  readonly text: string;
  readonly completion: string;
  /** Null: it failed. */
  readonly reward: number | null;
}

/** The last iteration of a trial. */
export interface LastBatch {
  readonly trial: string;
  /** m, from 0. */
  readonly step: number;
  /** Episodes per prompt. */
  readonly completions: number;
  /** Or why they cannot be read. */
  readonly episodes: Episodes | string;
  /** Of its worst prompts, where they were kept. */
  readonly texts: readonly {
    readonly episode: number;
    readonly prompt: string;
    readonly completion: string;
  }[];
}

export interface ReportInput {
  readonly run: RunDescription;
  readonly evaluation: Evaluation;
  readonly events: readonly EventFigures[];
  readonly samples: readonly SampleText[];
  readonly lastBatches?: readonly LastBatch[];
}

interface TrialData {
  readonly name: string;
  readonly arm: string;
  readonly seed: number;
  readonly stage: "base" | "sft" | "rl" | "decode";
  readonly worker: EventOf<"worker_ready"> | null;
  readonly sft: EventOf<"sft_finished"> | null;
  /** Ascending in step, one each: of a step done twice (resume), the later. */
  readonly steps: readonly StepHead[];
  readonly final: EvaluatedEvent | null;
  readonly failure: EventOf<"trial_failed"> | null;
  /** From the worker's start to the model on disk; null while it runs. */
  readonly seconds: number | null;
}

const incidents = [
  "warning",
  "run_resumed",
  "worker_lost",
  "checkpoint_failed",
  "checkpoint_damaged",
] as const;
export type Incident = EventOf<(typeof incidents)[number]>;

export interface ReportData extends ReportInput {
  /** In the evaluation's order, then those that never got there. */
  readonly arms: readonly string[];
  /** In the plan's order; the samples too. */
  readonly trials: readonly TrialData[];
  /** Models that were trained before the run's own work, one entry each. */
  readonly stages: readonly EventOf<"stage_ready">[];
  readonly finished: EventOf<"run_finished"> | null;
  /** In the journal's order: what a reader of the figures should know of the run. */
  readonly incidents: readonly Incident[];
}

export function gatherReport(input: ReportInput): ReportData {
  // In the plan's order: which of the trials side by side is quicker must change nothing.
  const planned = input.events.find((event) => event.type === "run_started")?.trials ?? [];
  const byTrial = new Map<string, EventFigures[]>(planned.map((trial) => [trial, []]));
  for (const event of input.events) {
    if (event.trial !== null) {
      const events = byTrial.get(event.trial);
      if (events === undefined) {
        byTrial.set(event.trial, [event]);
      } else {
        events.push(event);
      }
    }
  }
  const trials = [...byTrial]
    .map(([name, events]) => gatherTrial(name, events))
    .filter((trial) => trial !== null);
  const arms = new Set([...Object.keys(input.evaluation.arms), ...trials.map(({ arm }) => arm)]);
  return {
    ...input,
    arms: [...arms],
    trials,
    samples: input.samples.toSorted((a, b) => planned.indexOf(a.trial) - planned.indexOf(b.trial)),
    stages: stagesOf(input.events),
    finished: last(sinceResume(input.events), "run_finished"),
    incidents: input.events.filter(isIncident),
  };
}

/** In the order in which they were ready; of one that was made again, the later word. */
function stagesOf(events: readonly EventFigures[]): EventOf<"stage_ready">[] {
  const ready = events.filter((event) => event.type === "stage_ready");
  return [...new Map(ready.map((event) => [event.name, event])).values()];
}

/** How an earlier controller's part ended is not how the run ended. */
function sinceResume(events: readonly EventFigures[]): readonly EventFigures[] {
  return events.slice(events.findLastIndex(({ type }) => type === "run_resumed") + 1);
}

function isIncident(event: EventFigures): event is Incident {
  return (incidents as readonly string[]).includes(event.type);
}

/** Null for a trial that no event started: nothing can be said of it. */
function gatherTrial(name: string, events: readonly EventFigures[]): TrialData | null {
  const started = last(events, "trial_started");
  if (started === null) {
    return null;
  }
  const steps = new Map<number, StepHead>();
  let final: EvaluatedEvent | null = null;
  for (const event of events) {
    if (event.type === "step") {
      steps.set(event.step, event);
    } else if (event.type === "evaluated" && event.final && "arrays" in event) {
      final = event;
    }
  }
  const finished = last(events, "trial_finished");
  return {
    name,
    arm: started.arm,
    seed: started.seed,
    stage: started.stage,
    worker: last(events, "worker_ready"),
    sft: last(events, "sft_finished"),
    steps: [...steps.values()].sort((a, b) => a.step - b.step),
    final,
    // A trial that failed and was taken up again has not failed.
    failure: last(sinceStart(events), "trial_failed"),
    seconds: finished?.seconds ?? null,
  };
}

function sinceStart(events: readonly EventFigures[]): readonly EventFigures[] {
  return events.slice(
    events.findLastIndex(({ type }) => type === "trial_started" || type === "trial_finished") + 1,
  );
}

function last<T extends EventFigures["type"]>(
  events: readonly EventFigures[],
  type: T,
): EventOf<T> | null {
  for (let at = events.length - 1; at >= 0; at -= 1) {
    const event = events[at]!;
    if (event.type === type) {
      return event as EventOf<T>;
    }
  }
  return null;
}

/** The completions that an arm's tail is made of. */
export interface LowReward {
  readonly arm: string;
  readonly seed: number;
  /** Id in the test set. */
  readonly prompt: number;
  /** Raw score of the prompt alone; null where it was not finite. */
  readonly promptScore: number | null;
  readonly reward: number;
  /** Raw score of each reward component; empty where there is one alone. */
  readonly components: Readonly<Record<string, number | null>>;
  readonly judge: number | null;
  readonly kl: number | null;
  readonly length: number;
}

/** The `count` lowest rewards of each arm's final evaluations, all seeds together, worst first. */
export function lowestRewards(data: ReportData, count: number): LowReward[] {
  return data.arms.flatMap((arm) =>
    data.trials
      .filter((trial) => trial.arm === arm && trial.final !== null)
      .flatMap((trial) => {
        const { arrays } = trial.final!;
        return arrays.reward.flatMap((reward, at): LowReward[] =>
          reward === null
            ? []
            : [
                {
                  arm,
                  seed: trial.seed,
                  prompt: arrays.prompt[at]!,
                  promptScore: arrays.prompt_score[at] ?? null,
                  reward,
                  components: Object.fromEntries(
                    Object.entries(arrays.components ?? {}).map(([name, scores]) => [
                      name,
                      scores[at] ?? null,
                    ]),
                  ),
                  judge: arrays.judge?.[at] ?? null,
                  kl: arrays.kl[at] ?? null,
                  length: arrays.length[at]!,
                },
              ],
        );
      })
      .sort((a, b) => a.reward - b.reward || a.seed - b.seed || a.prompt - b.prompt)
      .slice(0, count),
  );
}
