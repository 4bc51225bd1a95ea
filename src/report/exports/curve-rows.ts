/**
 * A run's curves as rows, one figure each: the tidy form that pandas, R and DuckDB take as it is.
 * Metrics are named as trackers get them (python/averse_tracker/points.py): `train/cvar`.
 */
import { trialParts } from "../../config/trials.js";
import type { EventFigures } from "../../journal/event-head.js";

export interface CurveRow {
  readonly trial: string;
  readonly arm: string;
  readonly seed: number;
  readonly metric: string;
  /** Iterations done; of `sft/…` steps done. */
  readonly iteration: number;
  readonly value: number;
}

/** Of an event: its stamp, its position, and what is no figure of the policy's. */
const left = new Set(["seq", "time", "trial", "type", "step", "episodes", "memory", "arrays"]);

/** In the order of the trials' first figures; of an iteration that was done again the later one. */
export function curveRows(events: Iterable<EventFigures>): CurveRow[] {
  const byTrial = new Map<string, Map<string, CurveRow>>();
  for (const event of events) {
    if (event.trial === null) continue;
    const figures = [...figuresOfEvent(event)];
    if (figures.length === 0) continue;
    const own = byTrial.get(event.trial) ?? new Map<string, CurveRow>();
    byTrial.set(event.trial, own);
    const { arm, seed } = trialParts(event.trial);
    for (const [metric, iteration, value] of figures) {
      own.set(`${metric} ${iteration}`, {
        trial: event.trial,
        arm,
        seed,
        metric,
        iteration,
        value,
      });
    }
  }
  return [...byTrial.values()].flatMap((own) => [...own.values()]);
}

type Figure = readonly [metric: string, iteration: number, value: number];

function* figuresOfEvent(event: EventFigures): Generator<Figure> {
  switch (event.type) {
    case "sft_finished":
      for (const { step, loss, held_out, learning_rate } of event.curve) {
        for (const [name, value] of Object.entries({ loss, held_out, learning_rate })) {
          if (value !== null) yield [`sft/${name}`, step, value];
        }
      }
      break;
    case "step":
      for (const [name, value] of numbersIn("train", event)) yield [name, event.step + 1, value];
      break;
    case "evaluated": {
      const { metrics, failed, compute, step, weights, final } = event;
      const suffix = weights === "current" ? "" : `-${weights}`;
      for (const part of final ? ["test", "final"] : ["test"]) {
        for (const [name, value] of Object.entries({ ...metrics, failed, compute })) {
          yield [`${part}${suffix}/${name}`, step, value];
        }
      }
    }
  }
}

/** Every number in it under its path; text, flags and null are no figures. */
function* numbersIn(prefix: string, value: unknown): Generator<readonly [string, number]> {
  if (typeof value === "number") yield [prefix, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (Array.isArray(value) || !left.has(key)) yield* numbersIn(`${prefix}/${key}`, inner);
  }
}
