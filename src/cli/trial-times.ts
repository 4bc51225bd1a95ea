/** How long the trials of a run took, from the heads of its journal's events. Pure. */
import type { EventHead } from "../experiment/event-head.js";
import type { PastTrial } from "./time-estimate.js";

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
