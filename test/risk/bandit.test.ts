/**
 * What each risk measure's expected update follows, on a bandit small enough to enumerate: two prompts
 * of 50 arms each, a softmax policy whose probabilities are whole numbers over n, and a batch that holds
 * every arm exactly as often as the policy chooses it. The mean of A·∇ log π over that batch is
 * the expectation over batches without end, to rounding; it goes through the engine's own functions. The
 * reference is the derivative of the objective that the measure says it follows, summed over the arms.
 *
 * Measures that weigh the algorithm's advantages follow no risk measure's gradient: their weights belong
 * to the old policy and do not move with it. For them the test says what they follow instead, and that it
 * is not the gradient of the risk measure that they look like.
 */
import { describe, expect, test } from "vitest";
import type { RiskConfig } from "../../src/config/schema/experiment.js";
import { lossArrays } from "../../src/engine/actions/loss-arrays.js";
import { type Batch, selectEpisodes } from "../../src/engine/actions/select-episodes.js";
import {
  type RiskMeasureName,
  riskMeasureNames,
  usesAlpha,
} from "../../src/risk/measures/registry.js";
import type { MemoryPart } from "../../src/risk/memory.js";
import { generator, streamSeed } from "../../src/stats/random.js";
import { smallExperiment } from "../engine/experiments.js";

const prompts = 2;
const armsEach = 50;
/** Completions of each prompt. */
const n = 2000;
const total = prompts * n;

interface Arm {
  readonly prompt: number;
  /** Completions that choose it. */
  readonly count: number;
  readonly quality: number;
  readonly harm: number;
  /** quality + harm: the trained reward, and the return, as there is no KL. */
  readonly reward: number;
}

const arms: readonly Arm[] = Array.from({ length: prompts }, (_, prompt) => {
  const random = generator(11 + prompt);
  const drawn = Array.from({ length: armsEach }, () => 1 + Math.floor(70 * random() ** 2));
  const rest = n - drawn.reduce((sum, count) => sum + count, 0);
  // The most frequent arm takes what is left, so that there are n.
  const most = drawn.indexOf(Math.max(...drawn));
  return drawn.map((count, arm): Arm => {
    const quality = Math.fround(2 * random() - 1);
    const harm = Math.fround(-2 * random() ** 3 * (1 + prompt));
    const reward = Math.fround(quality + harm);
    return { prompt, count: arm === most ? count + rest : count, quality, harm, reward };
  });
}).flat();

const start: readonly number[] = arms.map(({ count }) => Math.log(count));

/** Every arm as often as the policy chooses it, prompt by prompt. */
const chosen = arms.flatMap((arm, at) => Array<number>(arm.count).fill(at));
const valuesOf = (of: (arm: Arm) => number) => Float32Array.from(chosen, (at) => of(arms[at]!));
const rewards = valuesOf(({ reward }) => reward);
const batch: Batch = {
  returns: rewards,
  lambdaReturns: rewards,
  rewards,
  trained: rewards,
  trainedByComponent: {
    quality: valuesOf(({ quality }) => quality),
    harm: valuesOf(({ harm }) => harm),
  },
  promptScores: null,
  completions: n,
};

/** Each arm's share of the whole batch under the policy of these logits. */
function shares(logits: readonly number[]): number[] {
  const weights = logits.map((logit) => Math.exp(logit));
  const sums = Array.from({ length: prompts }, (_, prompt) =>
    weights.reduce((sum, weight, at) => sum + (arms[at]!.prompt === prompt ? weight : 0), 0),
  );
  return weights.map((weight, at) => weight / sums[arms[at]!.prompt]! / prompts);
}

/** Σ over the batch of A·∇ log π, over its episodes: by logit. */
function update(advantages: ArrayLike<number>): number[] {
  const share = shares(start);
  const ofArm = new Float64Array(arms.length);
  const ofPrompt = new Float64Array(prompts);
  for (const [episode, at] of chosen.entries()) {
    ofArm[at]! += advantages[episode]! / total;
    ofPrompt[arms[at]!.prompt]! += advantages[episode]! / total;
  }
  return arms.map(({ prompt }, at) => ofArm[at]! - prompts * share[at]! * ofPrompt[prompt]!);
}

/** What the engine's functions make of the batch. */
function engineUpdate(risk: Partial<RiskConfig>, memory: MemoryPart = null, seed = 0): number[] {
  const { mine } = smallExperiment({
    reward: [
      { name: "quality", kind: "length", target: 8 },
      { name: "harm", kind: "length", target: 9 },
    ],
    arms: { mine: { risk, training: { algorithm: "reinforce", completions: n, batch: total } } },
  }).arms;
  const alpha = usesAlpha(mine!.risk.measure) ? mine!.risk.alpha : 1;
  const position = { step: 0, seed, alpha, beta: 0, memory };
  const selected = selectEpisodes(mine!.risk, batch, position);
  const weighed = {
    ...batch,
    lengths: new Uint32Array(total).fill(1),
    selected,
    failed: new Set<number>(),
    klBase: new Float64Array(total).fill(1),
  };
  return update(lossArrays(mine!, weighed, 0, generator(0)).advantages!);
}

type Objective = (logits: readonly number[]) => number;

/** By central differences. */
function gradient(objective: Objective): number[] {
  const step = 2e-6;
  return start.map((_, at) => {
    const moved = (by: number) =>
      objective(start.map((logit, place) => (place === at ? logit + by : logit)));
    return (moved(step) - moved(-step)) / (2 * step);
  });
}

const norm = (values: readonly number[]) => Math.hypot(...values);

/** |a − b| / |b|. */
function apart(a: readonly number[], b: readonly number[]): number {
  return norm(a.map((value, at) => value - b[at]!)) / norm(b);
}

// ── Objectives, summed over arms: none of what follows is taken from the program ──────────────────

interface Atom {
  readonly share: number;
  readonly value: number;
}

const reward = ({ reward: own }: Arm): number => own;

function atoms(logits: readonly number[], of: (arm: Arm) => number = reward): Atom[] {
  return shares(logits).map((share, at) => ({ share, value: of(arms[at]!) }));
}

const expectation = (all: readonly Atom[]): number =>
  all.reduce((sum, { share, value }) => sum + share * value, 0);

/** ∫ of the quantile function from 0 to α. */
function lowerIntegral(all: readonly Atom[], alpha: number): number {
  let left = alpha;
  let sum = 0;
  for (const { share, value } of all.toSorted((a, b) => a.value - b.value)) {
    const taken = Math.min(left, share);
    sum += taken * value;
    left -= taken;
  }
  return sum;
}

const cvarOf = (all: readonly Atom[], alpha: number): number => lowerIntegral(all, alpha) / alpha;

/** The least value with at least α at or under it. */
function quantileOf(all: readonly Atom[], alpha: number): number {
  let under = 0;
  for (const { share, value } of all.toSorted((a, b) => a.value - b.value)) {
    under += share;
    if (under >= alpha - 1e-12) return value;
  }
  throw new Error("no quantile");
}

/** ∫ r dg(F(r)). */
function distortedMean(all: readonly Atom[], g: (u: number) => number): number {
  let under = 0;
  let sum = 0;
  for (const [at, { share, value }] of all.toSorted((a, b) => a.value - b.value).entries()) {
    // Exactly 1 at the end: there cpw is so steep that rounding would show.
    const upTo = at === all.length - 1 ? 1 : under + share;
    sum += value * (g(upTo) - g(under));
    under = upTo;
  }
  return sum;
}

/** Of each prompt's own arms, the mean over prompts. */
function within(objective: (all: readonly Atom[]) => number): Objective {
  return (logits) => {
    const all = atoms(logits);
    const own = Array.from({ length: prompts }, (_, prompt) =>
      objective(
        all.flatMap(({ share, value }, at) =>
          arms[at]!.prompt === prompt ? [{ share: prompts * share, value }] : [],
        ),
      ),
    );
    return own.reduce((sum, value) => sum + value, 0) / prompts;
  };
}

const pooled =
  (objective: (all: readonly Atom[]) => number, of?: (arm: Arm) => number): Objective =>
  (logits) =>
    objective(atoms(logits, of));

/** E of a value of each arm that does not move with the policy. */
const held =
  (of: readonly number[]): Objective =>
  (logits) =>
    shares(logits).reduce((sum, share, at) => sum + share * of[at]!, 0);

/** The leave-one-out baseline of the batch makes every advantage this much larger. */
const alone = total / (total - 1);
const scaled =
  (by: number, objective: Objective): Objective =>
  (logits) =>
    by * objective(logits);
const sum =
  (...all: readonly Objective[]): Objective =>
  (logits) =>
    all.reduce((value, objective) => value + objective(logits), 0);

const atStart = atoms(start);
const meanReward = expectation(atStart);
/** Not where an arm ends: there CVaR has a corner. 0.3 of the batch is a whole number of episodes. */
const alpha = 0.3;
const quantile = quantileOf(atStart, alpha);

/** How much of each arm lies in the lowest α of these arms. */
function inTail(all: readonly Atom[], level: number): number[] {
  let left = level;
  const parts = all.map(() => 0);
  for (const at of [...all.keys()].sort((a, b) => all[a]!.value - all[b]!.value)) {
    parts[at] = Math.min(1, left / all[at]!.share);
    left -= parts[at]! * all[at]!.share;
  }
  return parts;
}

/** The batch's update under weights w, mean 1: E[w·(R − mean)] with w and the mean held. */
const weighted = (weights: readonly number[], middle = meanReward): Objective =>
  scaled(alone, held(arms.map((arm, at) => weights[at]! * (arm.reward - middle))));

const tail = inTail(atStart, alpha);
const distances = arms.map((arm) => Math.max(0, quantile - arm.reward));
const meanDistance = held(distances)(start);
const temperature = 0.8;
const exponentials = arms.map((arm) => Math.exp(-arm.reward / temperature));
const meanExponential = held(exponentials)(start);

const distortions = {
  wang: (u: number) => (u <= 0 ? 0 : u >= 1 ? 1 : phi(phiInverse(u) + 0.75)),
  power: (u: number) => 1 - (1 - u) ** 3,
  cpw: (u: number) => u ** 0.71 / (u ** 0.71 + (1 - u) ** 0.71) ** (1 / 0.71),
} as const;

/** Φ by its power series (Marsaglia 2004), which the program does not use. */
function phi(z: number): number {
  if (Math.abs(z) > 8) return z > 0 ? 1 : 0;
  let term = z;
  let series = z;
  for (let k = 1; series + term !== series; k += 1) {
    term *= (z * z) / (2 * k + 1);
    series += term;
  }
  return 0.5 + (series * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

function phiInverse(u: number): number {
  let [low, high] = [-8, 8];
  for (let halving = 0; halving < 50; halving += 1) {
    const middle = (low + high) / 2;
    [low, high] = phi(middle) < u ? [middle, high] : [low, middle];
  }
  return (low + high) / 2;
}

/** Each arm's ranks under a distortion, over its share: what spectral weights it with. */
function byRank(g: (u: number) => number): number[] {
  const weights = atStart.map(() => 0);
  let under = 0;
  for (const at of [...atStart.keys()].sort((a, b) => atStart[a]!.value - atStart[b]!.value)) {
    const upTo = Math.min(1, under + atStart[at]!.share);
    weights[at] = (g(upTo) - g(under)) / atStart[at]!.share;
    under = upTo;
  }
  return weights;
}

/** RVPO's reward with each prompt's means and deviations (n − 1) held. */
function softMinimum(): number[] {
  const score = (of: (arm: Arm) => number) =>
    arms.map((arm) => {
      const own = arms.filter(({ prompt }) => prompt === arm.prompt);
      const middle = own.reduce((total_, one) => total_ + (one.count * of(one)) / n, 0);
      const square = own.reduce((total_, one) => total_ + one.count * (of(one) - middle) ** 2, 0);
      return (of(arm) - middle) / Math.sqrt(square / (n - 1));
    });
  const [quality, harm] = [score((arm) => arm.quality), score((arm) => arm.harm)];
  return arms.map(
    (_, at) =>
      -temperature *
      Math.log((Math.exp(-quality[at]! / temperature) + Math.exp(-harm[at]! / temperature)) / 2),
  );
}

const lambda = 1.7;
const kappa = 0.6;
const costBound: Objective = (logits) => {
  const cost = atoms(logits, (arm) => -arm.harm);
  const middle = expectation(cost);
  const square = expectation(cost.map(({ share, value }) => ({ share, value: value * value })));
  return (
    expectation(atoms(logits, (arm) => arm.quality)) -
    lambda * (middle + kappa * Math.sqrt(square - middle * middle))
  );
};

const [p1, p2, omega] = [0.2, 0.9, 1.5];
const rangeMix = pooled(
  (all) =>
    (omega * cvarOf(all, p1) + (lowerIntegral(all, p2) - lowerIntegral(all, p1)) / (p2 - p1)) /
    (1 + omega),
);

interface Case {
  /** What the update follows. */
  readonly of: string;
  readonly risk: Omit<Partial<RiskConfig>, "measure">;
  readonly objective: Objective;
  /** That it is not. */
  readonly notOf?: Objective;
  readonly memory?: MemoryPart;
}

const cvarPooled = pooled((all) => cvarOf(all, alpha));
const mixture = 0.4;

const cases: Readonly<Record<RiskMeasureName, readonly Case[]>> = {
  mean: [
    { of: "E[R]", risk: {}, objective: scaled(alone, pooled(expectation)), notOf: cvarPooled },
    {
      of: "E[quality] + λ·E[harm]",
      risk: { component: "harm", component_weight: lambda },
      objective: scaled(
        alone,
        pooled(expectation, (arm) => arm.quality + lambda * arm.harm),
      ),
    },
  ],
  "quantile-baseline": [
    { of: "E[R]: a baseline moves nothing", risk: {}, objective: pooled(expectation) },
    { of: "E[R]", risk: { population: "batch" }, objective: pooled(expectation) },
  ],
  "random-drop": [],
  cvar: [
    {
      of: "E[R − mean] on the tail, held",
      risk: { alpha },
      objective: weighted(tail.map((part) => part / alpha)),
      notOf: cvarPooled,
    },
    {
      of: "E[quality] and E[harm − mean] on the tail of harm, held",
      risk: { alpha, component: "harm", component_weight: lambda },
      objective: (() => {
        const harm = atoms(start, (arm) => arm.harm);
        const parts = inTail(harm, alpha);
        const middle = expectation(harm);
        return scaled(
          alone,
          held(
            arms.map(
              (arm, at) => arm.quality + (lambda * parts[at]! * (arm.harm - middle)) / alpha,
            ),
          ),
        );
      })(),
    },
  ],
  "worst-of-group": [
    {
      of: "E[R − mean] on each prompt's tail, held",
      risk: { alpha },
      objective: weighted(
        arms.map(({ prompt }, at) => {
          const own = atStart.map((atom, place) => ({
            ...atom,
            // Arms of other prompts are out of the way.
            value: arms[place]!.prompt === prompt ? atom.value : Infinity,
          }));
          return inTail(own, alpha / prompts)[at]! / alpha;
        }),
      ),
      notOf: within((all) => cvarOf(all, alpha)),
    },
  ],
  "cvar-gradient": [
    {
      of: "E[(q − R)⁺·(R − mean)], held",
      risk: { alpha },
      objective: weighted(distances.map((distance) => distance / meanDistance)),
      notOf: cvarPooled,
    },
  ],
  "mean-cvar": [
    {
      of: "E[R − mean], and more of it on the tail, held",
      risk: { alpha, mixture },
      objective: weighted(tail.map((part) => 1 - mixture + (mixture * part) / alpha)),
      notOf: sum(scaled(1 - mixture, pooled(expectation)), scaled(mixture, cvarPooled)),
    },
  ],
  entropic: [
    {
      of: "E[e^(−R/T)·(R − mean)], held",
      risk: { temperature },
      objective: weighted(exponentials.map((one) => one / meanExponential)),
      notOf: (logits) =>
        -temperature *
        Math.log(
          expectation(
            atoms(logits).map(({ share, value }) => ({
              share,
              value: Math.exp(-value / temperature),
            })),
          ),
        ),
    },
  ],
  spectral: (["wang", "power", "cpw"] as const).map((distortion) => ({
    of: `E[weight of the rank·(R − mean)], held, ${distortion}`,
    risk: { distortion },
    objective: weighted(byRank(distortions[distortion])),
    notOf: pooled((all) => distortedMean(all, distortions[distortion])),
  })),
  "cvar-policy-gradient": [
    { of: "CVaR_α(R)", risk: { alpha }, objective: cvarPooled, notOf: pooled(expectation) },
    {
      of: "CVaR_α(R) of each prompt",
      risk: { alpha, population: "prompt" },
      objective: within((all) => cvarOf(all, alpha)),
      notOf: cvarPooled,
    },
    {
      of: "CVaR_α(R), its quantile followed and reached",
      risk: { alpha, population: "window" },
      memory: { quantile },
      objective: cvarPooled,
    },
    {
      of: "E[quality] + λ·CVaR_α(harm)",
      risk: { alpha, component: "harm", component_weight: lambda },
      objective: sum(
        scaled(
          alone,
          pooled(expectation, (arm) => arm.quality),
        ),
        scaled(
          lambda,
          pooled(
            (all) => cvarOf(all, alpha),
            (arm) => arm.harm,
          ),
        ),
      ),
    },
  ],
  "mean-cvar-policy-gradient": [
    {
      of: "(1 − c)·E[R] + c·CVaR_α(R)",
      risk: { alpha, mixture },
      objective: sum(
        scaled((1 - mixture) * alone, pooled(expectation)),
        scaled(mixture, cvarPooled),
      ),
    },
  ],
  "entropic-policy-gradient": [
    { of: "−T·log E[e^(−R/T)]", risk: { temperature }, objective: pooled(entropicRisk) },
    {
      of: "−T·log E[e^(−R/T)] of each prompt",
      risk: { temperature, population: "prompt" },
      objective: within(entropicRisk),
      notOf: pooled(entropicRisk),
    },
  ],
  "spectral-policy-gradient": (["wang", "power", "cpw"] as const).map((distortion) => ({
    of: `∫ r dg(F(r)), ${distortion}`,
    risk: { distortion },
    objective: pooled((all) => distortedMean(all, distortions[distortion])),
    notOf: pooled(expectation),
  })),
  hinge: [
    {
      of: "CVaR_α(R), where the threshold is its quantile",
      risk: { alpha },
      memory: { threshold: quantile },
      objective: scaled(alone, cvarPooled),
    },
    {
      of: "−E[(t − R)⁺]/α",
      risk: { alpha, threshold: 0.25 },
      objective: scaled(alone, held(arms.map((arm) => -Math.max(0, 0.25 - arm.reward) / alpha))),
      notOf: cvarPooled,
    },
    {
      of: "E[quality] + λ·CVaR_α(harm)",
      risk: { alpha, component: "harm", component_weight: lambda },
      memory: {
        threshold: quantileOf(
          atoms(start, (arm) => arm.harm),
          alpha,
        ),
      },
      objective: scaled(
        alone,
        sum(
          pooled(expectation, (arm) => arm.quality),
          scaled(
            lambda,
            pooled(
              (all) => cvarOf(all, alpha),
              (arm) => arm.harm,
            ),
          ),
        ),
      ),
    },
  ],
  "range-var": [
    {
      of: "(ω·CVaR_p₁ + mean between the quantiles)/(1 + ω), quantiles followed and reached",
      risk: {},
      memory: { lower: quantileOf(atStart, p1), upper: quantileOf(atStart, p2) },
      objective: rangeMix,
    },
    { of: "the same, quantiles of the batch", risk: { population: "batch" }, objective: rangeMix },
  ],
  "soft-minimum": [
    {
      of: "E[soft minimum of the z-scores], means and deviations held",
      risk: { temperature },
      objective: scaled(alone, held(softMinimum())),
      notOf: pooled(expectation),
    },
  ],
  "mean-cost": [
    {
      of: "E[quality] − λ·E[cost]",
      risk: { component: "harm", multiplier: lambda },
      objective: scaled(
        alone,
        pooled(expectation, (arm) => arm.quality + lambda * arm.harm),
      ),
    },
  ],
  "mean-deviation-cost": [
    {
      of: "E[quality] − λ·(E[cost] + κ·sd(cost))",
      risk: { component: "harm", deviations: kappa, multiplier: lambda },
      objective: scaled(alone, costBound),
    },
  ],
};

function entropicRisk(all: readonly Atom[]): number {
  const risen = all.map(({ share, value }) => ({ share, value: Math.exp(-value / temperature) }));
  return -temperature * Math.log(expectation(risen));
}

test("every measure is held to an objective", () => {
  expect(Object.keys(cases).sort()).toEqual([...riskMeasureNames].sort());
  // random-drop has a test of its own: its update is an expectation over draws as well.
  const none = riskMeasureNames.filter((name) => cases[name].length === 0);
  expect(none).toEqual(["random-drop"]);
});

test("the bandit: 100 arms, the policy's own frequencies, corners of the objectives far away", () => {
  expect(arms).toHaveLength(100);
  expect(chosen).toHaveLength(total);
  expect(new Set(arms.map(({ reward: own }) => own)).size).toBe(100);
  for (const [all, levels] of [
    [atStart, [alpha, p1, p2]],
    [atoms(start, (arm) => arm.harm), [alpha]],
  ] as const) {
    for (const level of levels) {
      const ends = all
        .toSorted((a, b) => a.value - b.value)
        .map((_, at, sorted) =>
          sorted.slice(0, at + 1).reduce((sum_, { share }) => sum_ + share, 0),
        );
      expect(Math.min(...ends.map((end) => Math.abs(end - level)))).toBeGreaterThan(1e-4);
    }
  }
});

describe.each(riskMeasureNames.filter((name) => cases[name].length > 0))("%s", (measure) => {
  test.each(cases[measure])("follows the gradient of $of", ({ risk, objective, notOf, memory }) => {
    const found = engineUpdate({ ...risk, measure }, memory);
    // Advantages are single precision.
    expect(apart(found, gradient(objective))).toBeLessThan(1e-5);
    if (notOf !== undefined) {
      const other = gradient(notOf);
      // Whatever the step size: the directions differ.
      const along = found.reduce((sum_, value, at) => sum_ + value * other[at]!, 0);
      const best = other.map((value) => (value * along) / norm(other) ** 2);
      expect(apart(best, found)).toBeGreaterThan(0.05);
    }
  });
});

test("random-drop follows the gradient of E[R], in expectation over what it drops", () => {
  const truth = gradient(scaled(alone, pooled(expectation)));
  // What the update has along the true gradient, 1 in expectation.
  const along = Array.from({ length: 60 }, (_, draw) => {
    const found = engineUpdate(
      { measure: "random-drop", alpha },
      null,
      streamSeed(3, "draw", draw),
    );
    return found.reduce((sum_, value, at) => sum_ + value * truth[at]!, 0) / norm(truth) ** 2;
  });
  const middle = along.reduce((sum_, value) => sum_ + value, 0) / along.length;
  const square = along.reduce((sum_, value) => sum_ + (value - middle) ** 2, 0);
  const error = Math.sqrt(square / (along.length - 1) / along.length);
  expect(error).toBeLessThan(0.05);
  expect(Math.abs(middle - 1)).toBeLessThan(3 * error);
});
