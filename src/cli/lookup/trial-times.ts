/** How long an experiment will take, going by how long trials of the same name took before. */
import type { Trial } from "../../config/trials.js";
import type { Plan } from "../../engine/plan.js";
import type { EventHead } from "../../journal/event-head.js";
import { JournalIndex } from "../../journal/journal-index.js";
import type { RunSummary } from "../../run-model/run-summary.js";
import { endsInPlaces } from "../../run-model/time-left.js";
import { readManifest, recordedExperiment } from "../../store/manifest/manifest.js";
import { RecordError } from "../../system/record-error.js";

/** A trial of an earlier run that went through undisturbed. */
export interface PastTrial {
  /** The experiment's. */
  readonly name: string;
  readonly worker: string;
  readonly device: string;
  readonly arm: string;
  readonly stage: Trial["stage"];
  /** M; 0 for base and sft. */
  readonly iterations: number;
  /** From its worker's loading until the worker was gone. */
  readonly seconds: number;
  /** Of them, in iterations. */
  readonly stepSeconds: number;
  /** ISO 8601, when it ended. */
  readonly at: string;
}

export type EstimateKey = Pick<PastTrial, "name" | "worker" | "device">;

/**
 * Seconds until all of a plan's trials are done, laid out over the places where trials work side by
 * side. Iterations scale with M, the rest of a trial stays; the newest trial of the arm counts, or
 * else of its stage.
 *
 * @returns null: some trial has no like among the past ones
 */
export function estimatedSeconds(
  plan: Pick<Plan, "trials" | "parallel">,
  key: EstimateKey,
  past: readonly PastTrial[],
): number | null {
  const alike = past
    .filter(
      ({ name, worker, device }) =>
        name === key.name && worker === key.worker && device === key.device,
    )
    .sort((a, b) => b.at.localeCompare(a.at));
  const jobs: { seconds: number; notBefore: number | undefined }[] = [];
  for (const trial of plan.trials) {
    const seconds = trialSeconds(trial, alike);
    if (seconds === null) {
      return null;
    }
    const first = plan.trials.findIndex(({ id }) => id === trial.after);
    jobs.push({ seconds, notBefore: first < 0 ? undefined : first });
  }
  return Math.max(...endsInPlaces(jobs, Math.max(1, plan.parallel)));
}

/** @param alike the newest first */
function trialSeconds(trial: Trial, alike: readonly PastTrial[]): number | null {
  const sameStage = alike.filter(({ stage }) => stage === trial.stage);
  const like = sameStage.find(({ arm }) => arm === trial.arm) ?? sameStage[0];
  if (like === undefined) {
    return null;
  }
  const scale = like.iterations === 0 ? 1 : trial.iterations / like.iterations;
  return Math.max(0, like.seconds - like.stepSeconds) + like.stepSeconds * scale;
}

export type TrialTime = Omit<PastTrial, "name" | "worker" | "device">;

interface Begun extends Omit<TrialTime, "seconds" | "at"> {
  /** It was paused, restarted or taken up again: its time says nothing of another's. */
  readonly disturbed: boolean;
}

export interface TrialTimes {
  /** Of the trials that went through undisturbed. */
  readonly done: readonly TrialTime[];
  /** By id: at work, or given up. */
  readonly begun: ReadonlyMap<string, Begun>;
}

export const noTimes: TrialTimes = { done: [], begun: new Map() };

/** Folds the heads of a journal's events into how long its trials took. */
export function timesAfter(times: TrialTimes, head: EventHead): TrialTimes {
  const id = head.trial ?? "";
  const own = times.begun.get(id);
  switch (head.type) {
    case "trial_started": {
      const { arm, stage, iterations } = head;
      return having(times, id, {
        arm,
        stage,
        iterations,
        stepSeconds: 0,
        disturbed: own !== undefined,
      });
    }
    case "step":
      return own === undefined
        ? times
        : having(times, id, { ...own, stepSeconds: own.stepSeconds + head.seconds.total });
    case "worker_lost":
    case "restored":
      return own === undefined ? times : having(times, id, { ...own, disturbed: true });
    case "paused":
    case "run_resumed": {
      const begun = [...times.begun].map(([trial, one]) => [trial, { ...one, disturbed: true }]);
      return { ...times, begun: new Map(begun as [string, Begun][]) };
    }
    case "trial_finished": {
      if (own === undefined || own.disturbed) {
        return times;
      }
      const { disturbed: _, ...rest } = own;
      return { ...times, done: [...times.done, { ...rest, seconds: head.seconds, at: head.time }] };
    }
    default:
      return times;
  }
}

function having(times: TrialTimes, id: string, own: Begun): TrialTimes {
  return { ...times, begun: new Map(times.begun).set(id, own) };
}

/** Runs of one experiment that are gone by: the newest say how fast the machine is now. */
const runsOfEach = 3;

/** The trials of earlier runs, for estimates: a few runs of each experiment, each read once. */
export class PastTrials {
  readonly #read = new Map<string, readonly PastTrial[]>();

  /**
   * Of the runs that are done. One that cannot be read tells nothing, and the list of runs says why.
   *
   * @param runs newest first
   */
  async of(
    runs: readonly Pick<RunSummary, "directory" | "name" | "state">[],
  ): Promise<PastTrial[]> {
    const taken = new Map<string, number>();
    const trials: PastTrial[] = [];
    for (const { directory, name, state } of runs) {
      const count = taken.get(name) ?? 0;
      if (state === "done" && count < runsOfEach) {
        taken.set(name, count + 1);
        const known = this.#read.get(directory) ?? (await trialsOf(directory));
        this.#read.set(directory, known);
        trials.push(...known);
      }
    }
    return trials;
  }
}

async function trialsOf(directory: string): Promise<PastTrial[]> {
  try {
    const { name, backend } = recordedExperiment(readManifest(directory), directory);
    let times = noTimes;
    for (const entries of new JournalIndex(directory).read()) {
      for (const { head } of entries) {
        times = timesAfter(times, head);
      }
      // Between two pieces of a long journal the screen answers keys.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const { worker, device } = backend;
    return times.done.map((time) => ({ ...time, name, worker, device }));
  } catch (error) {
    if (error instanceof RecordError) {
      return [];
    }
    throw error;
  }
}
