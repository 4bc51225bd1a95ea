/** Journals of small made-up runs, complete or with stretches that were done again. */
import fc from "fast-check";
import type { EventPayload, JournalEvent } from "../../src/journal/events.js";
import { evaluatedPayload, stepPayload } from "./event-payloads.js";

export const trials = ["sft-s0", "rlhf-s0", "ra-rlhf-s0"];
export const iterations = 4;

export type Told = readonly [trial: string, eventPayload: EventPayload];

/** Stamped as a recorder does. */
export function journal(told: readonly Told[], from = 1): JournalEvent[] {
  return told.map(([trial, eventPayload], index) => {
    const time = new Date(Date.UTC(2026, 0, 1, 0, 0, from + index)).toISOString();
    return { seq: from + index, time, trial, ...eventPayload };
  });
}

/** What a trial tells from iteration `from` on; its figures are a function of trial and step. */
export function trialPayloads(trial: string, from = 0): EventPayload[] {
  const figure = (step: number) => Math.sin(trial.length * 100 + step);
  const rewards = (step: number) => Array.from({ length: 12 }, (_, i) => figure(step + i / 7));
  const evaluated = (step: number, final: boolean) =>
    evaluatedPayload({
      step,
      final,
      metrics: { reward_mean: figure(step) },
      arrays: {
        prompt: rewards(step).map((_, i) => i),
        prompt_score: rewards(0),
        reward: rewards(step),
        kl: rewards(step),
        length: rewards(step).map(() => 3),
      },
    });
  const steps = Array.from({ length: iterations - from }, (_, i) => from + i);
  // Gone back to a point that was, or was to be, evaluated.
  const due = from > 0 && from % 2 === 0 ? [evaluated(from, false)] : [];
  return [
    ...due,
    ...(from === 0
      ? [
          {
            type: "sft_finished",
            artifact: null,
            steps: 4,
            kept_step: 4,
            loss_first: 2,
            loss_last: figure(0),
            curve: [],
            seconds: 1,
          } satisfies EventPayload,
        ]
      : []),
    ...steps.flatMap((step) => [
      stepPayload({ step, reward_mean: figure(step), seconds: seconds(step) }),
      ...(step % 2 === 1 ? [evaluated(step + 1, false)] : []),
    ]),
    evaluated(iterations, true),
    {
      type: "model_exported",
      path: `trials/${trial}/model`,
      files: { "model.safetensors": `${figure(9)}` },
      bytes: 1,
    },
  ];
}

function seconds(total: number) {
  return {
    total,
    rollout: 0,
    sample: 0,
    reference: 0,
    reward: 0,
    update: 0,
    texts: 0,
    controller: 0,
  };
}

/** Trials side by side: one queue a trial, drawn from in any order. */
export function interleaved(
  queues: ReadonlyMap<string, readonly EventPayload[]>,
): fc.Arbitrary<Told[]> {
  const names = [...queues].flatMap(([trial, own]) => own.map(() => trial));
  return fc.shuffledSubarray(names, { minLength: names.length }).map((order) => {
    const rest = new Map([...queues].map(([trial, own]) => [trial, [...own]]));
    return order.map((trial): Told => [trial, rest.get(trial)!.shift()!]);
  });
}

/** A trial whose worker is lost any number of times, each time going back to any earlier step. */
export function withLosses(trial: string): fc.Arbitrary<EventPayload[]> {
  const whole = trialPayloads(trial);
  const loss = fc.record({ at: fc.nat({ max: whole.length }), back: fc.nat({ max: iterations }) });
  return fc.array(loss, { maxLength: 3 }).map((losses) => {
    const told: EventPayload[] = [];
    let rest = whole;
    for (const [index, { at, back }] of losses.entries()) {
      const done = rest.slice(0, at);
      told.push(...done);
      const reached = stepsIn(told);
      const from = Math.min(back, reached);
      told.push({
        type: "worker_lost",
        reason: "exited",
        action: "step",
        message: "gone",
        detail: null,
        stacks: null,
        restarts: index + 1,
        from: from === 0 ? null : from,
      });
      rest = trialPayloads(trial, from);
    }
    return [...told, ...rest];
  });
}

function stepsIn(told: readonly EventPayload[]): number {
  const last = told.findLast((one) => one.type === "step" || one.type === "worker_lost");
  return last === undefined
    ? 0
    : last.type === "step"
      ? last.step + 1
      : last.type === "worker_lost"
        ? (last.from ?? 0)
        : 0;
}
