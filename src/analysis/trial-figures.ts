/**
 * What the results need of a journal, folded event by event: a run of any length is summed up in
 * the memory of its evaluations.
 */
import type { EventFigures, EventHead } from "../journal/event-head.js";
import type { EvaluatedEvent, WorkerReadyEvent } from "../journal/events.js";

type EvaluatedHead = Extract<EventHead, { type: "evaluated" }>;

export interface TrialFigures {
  /** Seconds of SFT or of the iterations, without loading, evaluating and saving. */
  readonly trainingSeconds: number;
  /** The same at each checkpoint, by step: what is done again after a restart counts once. */
  readonly secondsAt: ReadonlyMap<number, number>;
  /** Of the data that it loaded; null: it has not, or its journal does not tell. */
  readonly prompts: WorkerReadyEvent["prompts"];
  /** How its load said that the reward scores some prompts; null: it did not. */
  readonly preview: WorkerReadyEvent["reward_preview"];
  readonly final: EvaluatedEvent | null;
  /** Frontier evaluations by step; one that was taken again after a resume counts once. */
  readonly frontier: ReadonlyMap<number, EvaluatedHead | EvaluatedEvent>;
}

export type RunFigures = ReadonlyMap<string, TrialFigures>;

const nothing: TrialFigures = {
  trainingSeconds: 0,
  secondsAt: new Map(),
  prompts: null,
  preview: null,
  final: null,
  frontier: new Map(),
};

/** The figures with one more event in them; the same object where it adds nothing. */
export function withEvent(figures: RunFigures, event: EventFigures): RunFigures {
  if (event.type === "run_resumed") {
    const back = Object.entries(event.from).flatMap(([trial, from]) => {
      const own = figures.get(trial);
      return own === undefined ? [] : [[trial, rolledBack(own, from)] as const];
    });
    return new Map([...figures, ...back]);
  }
  if (event.trial === null) {
    return figures;
  }
  const before = figures.get(event.trial) ?? nothing;
  const after = ofTrial(before, event);
  return after === before ? figures : new Map(figures).set(event.trial, after);
}

function ofTrial(before: TrialFigures, event: EventFigures): TrialFigures {
  switch (event.type) {
    case "worker_ready": {
      // A head that is read unchecked from an older journal lacks these fields.
      const { prompts = null, reward_preview = null } = event as Partial<typeof event>;
      const isNews = prompts !== null || reward_preview !== null;
      return isNews
        ? {
            ...before,
            prompts: prompts ?? before.prompts,
            preview: reward_preview ?? before.preview,
          }
        : before;
    }
    case "sft_finished":
      return { ...before, trainingSeconds: before.trainingSeconds + event.seconds };
    case "step":
      return { ...before, trainingSeconds: before.trainingSeconds + event.seconds.total };
    case "checkpoint_saved":
      return {
        ...before,
        secondsAt: new Map(before.secondsAt).set(event.step, before.trainingSeconds),
      };
    case "worker_lost":
    case "checkpoint_damaged":
      return rolledBack(before, event.from);
    case "evaluated":
      if (event.final) {
        if (!("arrays" in event)) throw new Error(`event ${event.seq} came without its arrays`);
        return { ...before, final: event };
      }
      return {
        ...before,
        frontier: new Map(before.frontier).set(event.step, event),
      };
    default:
      return before;
  }
}

function rolledBack(before: TrialFigures, from: number | null): TrialFigures {
  const trainingSeconds = from === null ? 0 : (before.secondsAt.get(from) ?? 0);
  return { ...before, trainingSeconds };
}
