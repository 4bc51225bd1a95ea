/** A risk measure within each prompt: its rule on every prompt's completions apart, put together. */
import type {
  EpisodeAdvantages,
  EpisodeWeights,
  Population,
  RiskInput,
} from "./measures/risk-measure.js";
import { normalised } from "./measures/risk-measure.js";
import { tailCount } from "./tail.js";

/** Where each prompt's episodes begin and end, [from, to): neighbours of one place. */
export function withinPrompts(prompt: ArrayLike<number>): (readonly [from: number, to: number])[] {
  const groups: (readonly [number, number])[] = [];
  for (let from = 0, to = 1; from < prompt.length; to += 1) {
    if (to === prompt.length || prompt[to] !== prompt[from]) {
      groups.push([from, to]);
      from = to;
    }
  }
  return groups;
}

/**
 * Weights by a rule within each prompt; every prompt counts what it has episodes, however many of them
 * are kept, times its own importance.
 */
export function weightsWithin(
  input: RiskInput,
  rule: (group: RiskInput) => EpisodeWeights,
): EpisodeWeights {
  const raw = new Float64Array(input.returns.length);
  for (const [from, to] of withinPrompts(input.prompt)) {
    const { weights, kept } = rule(part(input, from, to));
    for (let place = 0; place < weights.length; place += 1) {
      const importance = input.importance?.weights[from + place] ?? 1;
      raw[from + place] = (importance * weights[place]! * weights.length) / kept;
    }
  }
  return normalised(raw);
}

/** Advantages by a rule within each prompt. */
export function advantagesWithin(
  input: RiskInput,
  rule: (group: RiskInput) => EpisodeAdvantages,
): EpisodeAdvantages {
  const advantages = new Float32Array(input.returns.length);
  for (const [from, to] of withinPrompts(input.prompt)) {
    advantages.set(rule(part(input, from, to)).advantages, from);
  }
  return { advantages };
}

/** ⌈α'B⌉, or ⌈α'n⌉ of each prompt's n: the tail where every episode has a reward. */
export function tailEpisodes(
  alpha: number,
  population: Population,
  { batch, completions }: { readonly batch: number; readonly completions: number },
): number {
  return population === "prompt"
    ? (batch / completions) * tailCount(completions, alpha)
    : tailCount(batch, alpha);
}

/**
 * The same question of some neighbours: of n episodes ⌈α'n⌉ are the tail. Measures that can be taken
 * within prompts act on returns, and on nothing of other episodes.
 */
function part(input: RiskInput, from: number, to: number): RiskInput {
  const returns = between(input.returns, from, to);
  const { statistic } = input;
  return {
    ...input,
    statistic: statistic === input.returns ? returns : between(statistic, from, to),
    returns,
    rewards: returns,
    components: [],
    prompt: between(input.prompt, from, to),
    // Completions of one prompt are alike.
    importance: null,
    kept: tailCount(to - from, input.alpha),
  };
}

/** Without a copy, where the array can. */
function between<A extends RiskInput["returns"] | RiskInput["prompt"]>(
  values: A,
  from: number,
  to: number,
): A {
  return ("subarray" in values ? values.subarray(from, to) : values.slice(from, to)) as A;
}
