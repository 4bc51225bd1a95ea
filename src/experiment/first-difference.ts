/** The first figure in which two runs of one configuration differ. Pure. */
import type { Figures, RunHistory, TrialHistory } from "./run-history.js";

export interface FirstDifference {
  /** Journal: the figures of a trial · manifest: the results that it keeps. */
  readonly in: "journal" | "manifest";
  readonly trial: string;
  /** m of a step, iterations done before an evaluation; null: neither. */
  readonly step: number | null;
  /** sft, step, evaluation, final evaluation, model. */
  readonly event: string;
  /** `episodes.reward.3`; empty: one of the runs lacks the event. */
  readonly field: string;
  /** Null also where it is missing. */
  readonly was: unknown;
  readonly is: unknown;
}

/**
 * Trial by trial in the order of `was`, which is that of the plan: a trial comes after the one
 * whose model it starts from. In a trial by what was done first.
 *
 * @returns null when all figures are the same
 */
export function firstDifference(was: RunHistory, is: RunHistory): FirstDifference | null {
  for (const [trial, before] of was) {
    const after = is.get(trial) ?? null;
    for (const { event, step, was: a, is: b } of moments(before, after)) {
      const place = { in: "journal", trial, step, event } as const;
      if (a === null || b === null) {
        if (a !== b) {
          return {
            ...place,
            field: "",
            was: a === null ? null : "there",
            is: b === null ? null : "there",
          };
        }
      } else {
        const found = differingLeaf(a, b);
        if (found !== null) {
          return { ...place, ...found };
        }
      }
    }
  }
  return null;
}

interface Moment {
  readonly event: string;
  readonly step: number | null;
  readonly was: Figures | null;
  readonly is: Figures | null;
}

function* moments(was: TrialHistory, is: TrialHistory | null): Generator<Moment> {
  yield { event: "sft", step: null, was: was.sft, is: is?.sft ?? null };
  for (const step of stepsOf(was, is)) {
    yield {
      event: "evaluation",
      step,
      was: was.frontier.get(step) ?? null,
      is: is?.frontier.get(step) ?? null,
    };
    yield {
      event: "step",
      step,
      was: was.steps.get(step) ?? null,
      is: is?.steps.get(step) ?? null,
    };
  }
  yield { event: "final evaluation", step: null, was: was.final, is: is?.final ?? null };
  yield { event: "model", step: null, was: was.model, is: is?.model ?? null };
}

function stepsOf(was: TrialHistory, is: TrialHistory | null): number[] {
  const all = [was, is].flatMap((one) =>
    one === null ? [] : [...one.steps.keys(), ...one.frontier.keys()],
  );
  return [...new Set(all)].sort((a, b) => a - b);
}

export interface Leaf {
  readonly field: string;
  readonly was: unknown;
  readonly is: unknown;
}

/** The first value, depth first and in the order of keys, that differs; null: none does. */
export function differingLeaf(was: unknown, is: unknown, path = ""): Leaf | null {
  if (isTree(was) && isTree(is) && Array.isArray(was) === Array.isArray(is)) {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
      const found = differingLeaf(was[key], is[key], path === "" ? key : `${path}.${key}`);
      if (found !== null) {
        return found;
      }
    }
    return null;
  }
  return Object.is(was, is) ? null : { field: path, was: was ?? null, is: is ?? null };
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
