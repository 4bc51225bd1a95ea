/**
 * A sweep's points dropped seed by seed (successive halving, Jamieson & Talwalkar 2016, with seeds
 * as the resource). All points train on the first seed; after each seed the best of every swept arm
 * go on. The rule is in the configuration before the run, a decision is an event of the journal,
 * and what it follows from lies in the trials' states. Pure.
 */
import { keptCount } from "../../config/sweep/halving.js";
import type { Trial } from "../../config/trials.js";
import type { EventPayload } from "../../journal/events.js";
import { betterSign } from "../../text/metric-words.js";
import type { RunState } from "../run-state.js";
import type { Halving } from "./halving-rule.js";

type Decision = Extract<EventPayload, { type: "points_dropped" }>;

interface HalvedPlan {
  readonly trials: readonly Trial[];
  readonly halving: Halving | null;
}

/** Whether it is decided that the trial is run: its seed's turn has come. */
export function isDue({ halving }: HalvedPlan, { decisions }: RunState, trial: Trial): boolean {
  if (halving === null || !isPoint(halving, trial)) return true;
  return halving.seeds.indexOf(trial.seed) <= decisions;
}

/** What is to be decided now; null: nothing, or not yet. */
export function dueDecision(plan: HalvedPlan, state: RunState): Decision | null {
  const { halving, trials } = plan;
  const { decisions, deciding, stop } = state;
  if (halving === null || deciding || stop !== "no" || decisions >= halving.seeds.length - 1) {
    return null;
  }
  const seed = halving.seeds[decisions]!;
  const points = trials.filter((trial) => isPoint(halving, trial));
  const running = points.filter(({ id }) => state.trials[id]!.phase !== "dropped");
  const ready = running.every(
    (trial) => trial.seed !== seed || state.trials[trial.id]!.phase === "done",
  );
  if (!ready) return null;
  const sign = betterSign(halving.metric);
  const worth = (score: number | null) => (score === null ? -Number.MAX_VALUE : sign * score);
  const scores: Record<string, number> = {};
  const kept: string[] = [];
  const dropped: string[] = [];
  for (const arms of Object.values(halving.points)) {
    const left = arms.filter((arm) => running.some((one) => one.arm === arm && one.seed === seed));
    const ranked = left
      .map((arm) => ({ arm, score: meanScore(arm, running, state) }))
      // A point without the figure comes last; of equals the earlier in the grid goes on.
      .sort((a, b) => worth(b.score) - worth(a.score) || 0);
    const count = keptCount(ranked.length, halving.keep);
    for (const [place, { arm, score }] of ranked.entries()) {
      (place < count ? kept : dropped).push(arm);
      if (score !== null) scores[arm] = score;
    }
  }
  return { type: "points_dropped", seed, metric: halving.metric, scores, kept, dropped };
}

/** The state after a decision: trials of dropped points that have not begun never will. */
export function afterDecision(plan: HalvedPlan, state: RunState, { dropped }: Decision): RunState {
  const trials = { ...state.trials };
  for (const { id, arm } of plan.trials) {
    const own = trials[id]!;
    if (dropped.includes(arm) && own.phase === "pending") trials[id] = { ...own, phase: "dropped" };
  }
  return { ...state, trials, deciding: false, decisions: state.decisions + 1 };
}

function isPoint({ points }: Halving, { arm }: Trial): boolean {
  return Object.values(points).some((arms) => arms.includes(arm));
}

/** Over the seeds so far; null: a seed has no such figure. */
function meanScore(arm: string, trials: readonly Trial[], state: RunState): number | null {
  const done = trials.filter(
    (trial) => trial.arm === arm && state.trials[trial.id]!.phase === "done",
  );
  const scores = done.map(({ id }) => state.trials[id]!.score);
  return scores.some((score) => score === null)
    ? null
    : scores.reduce<number>((sum, score) => sum + score!, 0) / scores.length;
}
