/**
 * Two plain lines made from the figures: what training did to the tail, and whether risk-averse
 * training did better than risk-neutral. They say what the figures say, and no more: one seed
 * decides nothing, and an interval that holds 0 is "not decided".
 */
import type { Experiment } from "../config/schema/experiment.js";
import { riskRole } from "./arm-risk.js";
import type { Comparison, Evaluation } from "./evaluation.js";

type Found = Omit<Evaluation, "conclusion">;

export function conclusion(experiment: Experiment, found: Found): string[] {
  return [harmLine(experiment, found), riskLine(experiment, found)];
}

/** SFT, or the base model, against the RL arm with the lowest harm rate. */
function harmLine(experiment: Experiment, { arms }: Found): string {
  const finished = Object.keys(arms);
  const stage = (name: string): string | undefined => experiment.arms[name]?.stage;
  const start =
    finished.find((arm) => stage(arm) === "sft") ?? finished.find((arm) => stage(arm) === "base");
  const harm = (arm: string): number => meanOf(arms, arm, "harm_rate");
  const tail = (arm: string): number => meanOf(arms, arm, "tail_reward");
  const [best] = finished
    .filter((arm) => stage(arm) === "rl")
    .sort((a, b) => harm(a) - harm(b) || tail(b) - tail(a));
  if (best === undefined) {
    const figures = finished.map((arm) => `${arm} ${rate(harm(arm))}, tail ${reward(tail(arm))}`);
    return figures.length === 0
      ? "No arm was evaluated."
      : `No arm was trained with RL. Harm rate: ${figures.join("; ")}.`;
  }
  if (start === undefined) {
    return (
      `Harm rate: lowest with ${best}, ${rate(harm(best))}; tail reward ${reward(tail(best))}. ` +
      "Neither the base model nor SFT was evaluated to compare with."
    );
  }
  const change = harm(best) / harm(start) - 1;
  const share = Number.isFinite(change) ? ` (${signed(100 * change, 0)} %)` : "";
  return (
    `Harm rate: ${rate(harm(start))} with ${start} → ${rate(harm(best))} with ${best}${share}; ` +
    `tail reward ${reward(tail(start))} → ${reward(tail(best))}.`
  );
}

/** Every risk-averse arm against the risk-neutral one with the best tail, controls left out. */
function riskLine(experiment: Experiment, { arms, comparisons }: Found): string {
  const named = (role: "averse" | "neutral"): string[] =>
    Object.keys(arms).filter((arm) => {
      const config = experiment.arms[arm];
      return config !== undefined && riskRole(config) === role;
    });
  const averse = named("averse");
  const [neutral] = named("neutral").sort(
    (a, b) => meanOf(arms, b, "tail_reward") - meanOf(arms, a, "tail_reward"),
  );
  if (averse.length === 0 || neutral === undefined) {
    const missing = averse.length === 0 ? "risk-averse" : "risk-neutral";
    return `Risk-averse against risk-neutral: no ${missing} arm was run, nothing to compare.`;
  }
  const rows = comparisons.filter(
    ({ a, b, metric }) => averse.includes(a) && b === neutral && metric === "tail_reward",
  );
  const atKl = rows.filter(({ at, difference }) => at === "equal-kl" && difference !== null);
  const everyArm = averse.every((arm) => atKl.some(({ a }) => a === arm));
  const used = everyArm ? atKl : rows.filter(({ at }) => at === "equal-iterations");
  const where = everyArm ? "at equal KL" : "at equal iterations (KL not matched)";
  if (used.length === 0) {
    return `Risk-averse against risk-neutral: no seed is common to ${averse.join(", ")} and ${neutral}.`;
  }
  const seeds = Math.min(...used.map((row) => row.seeds));
  const close =
    seeds === 1 ? "one seed: not decided" : `${seeds} seeds, 95 % intervals paired by seed`;
  return (
    `Risk-averse against risk-neutral (${neutral}), tail reward ${where}: ` +
    `${used.map((row) => verdict(row, seeds)).join("; ")}. (${close})`
  );
}

function verdict({ a, difference, ci95 }: Comparison, seeds: number): string {
  const figure = `${a} ${signed(difference!, 2)}`;
  if (seeds === 1 || ci95 === null) {
    return figure;
  }
  const [low, high] = ci95;
  const decided = low > 0 ? "better" : high < 0 ? "worse" : "not decided";
  return `${figure} [${signed(low, 2)}, ${signed(high, 2)}] ${decided}`;
}

function meanOf(arms: Found["arms"], arm: string, metric: string): number {
  return arms[arm]?.metrics[metric]?.mean ?? Number.NaN;
}

function rate(value: number): string {
  return value.toFixed(3);
}

function reward(value: number): string {
  return value.toFixed(2).replace("-", "−");
}

function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`;
}
