/** A journal in memory, as a view reads it: short to write, whole as the types ask. */
import type { EventHead, JournalEntry } from "../../src/journal/event-head.js";
import type { EventPayload, JournalEvent, StepEvent } from "../../src/journal/events.js";
import { answerTo, stepPayload } from "../engine/event-payloads.js";

export const begin = Date.parse("2026-11-23T10:00:00.000Z") / 1000;

/** Seconds after the beginning, the trial (null: the run), and what happened. */
export type Happened = readonly [at: number, trial: string | null, what: EventPayload];

export interface Journal {
  readonly entries: readonly JournalEntry[];
  /** Of an entry, in full. */
  event(entry: Pick<JournalEntry, "offset">): JournalEvent;
}

/** @param firstSeq of the first event; offsets go with it */
export function journalOf(happened: readonly Happened[], firstSeq = 1): Journal {
  const events = happened.map(
    ([at, trial, what], place) =>
      ({
        seq: firstSeq + place,
        time: new Date((begin + at) * 1000).toISOString(),
        trial,
        ...what,
      }) as JournalEvent,
  );
  const entries = events.map((event): JournalEntry => {
    const { episodes: _, arrays: __, ...head } = event as JournalEvent & Record<string, unknown>;
    return { head: head as unknown as EventHead, offset: event.seq * 1000, length: 1000 };
  });
  return { entries, event: ({ offset }) => events[offset / 1000 - firstSeq]! };
}

export function runStarted(trials: readonly string[], parallel = 1): EventPayload {
  return { type: "run_started", name: "small", trials: [...trials], parallel };
}

/** A worker comes up for an RL trial of so many iterations: three events. */
export function started(at: number, id: string, iterations = 60): Happened[] {
  const [, arm, seed] = /^(.*)-s(\d+)$/.exec(id)!;
  const stage = iterations > 0 ? "rl" : "sft";
  return [
    [at, id, answerTo({ kind: "open", trial: id } as Parameters<typeof answerTo>[0])],
    [at, id, { type: "trial_started", arm: arm!, seed: Number(seed), stage, iterations }],
    [at, id, answerTo({ kind: "load", trial: id } as Parameters<typeof answerTo>[0])],
  ];
}

export function stepped(
  at: number,
  id: string,
  step: number,
  changes: Partial<StepEvent> = {},
): Happened {
  return [at, id, stepPayload({ step, ...changes })];
}

export function saved(at: number, id: string, step: number): Happened {
  const path = `c/${step}`;
  return [at, id, { type: "checkpoint_saved", step, path, digest: "d", bytes: 1e6, seconds: 1 }];
}

export function lost(at: number, id: string, from: number | null, restarts = 1): Happened {
  const facts = { message: "gone", detail: null, stacks: null };
  return [
    at,
    id,
    { type: "worker_lost", reason: "exited", action: "step", ...facts, restarts, from },
  ];
}
