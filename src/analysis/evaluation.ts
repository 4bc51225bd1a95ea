/** evaluation.json: every figure of every arm, and what the arms' differences are worth. */
import { z } from "zod";

const finite = z.number();
const interval = z.tuple([finite, finite]);

/** Mean over seeds; sd and ci95 are null with one seed. */
const metric = z.strictObject({
  mean: finite,
  sd: finite.nullable(),
  ci95: interval.nullable(),
  per_seed: z.array(finite),
});

const frontierPoint = z.strictObject({
  seed: z.int(),
  step: z.int(),
  kl: finite,
  /** Kept episodes × generated tokens × epochs so far. */
  compute: z.int(),
  tail_reward: finite,
  reward_mean: finite,
  "cvar_0.1": finite,
  dist_2: finite,
  /** Null: there is no harm threshold. */
  harm_rate: finite.nullable(),
  /** Of the raw scores of each reward component, by name; absent where there is one alone. */
  components: z
    .record(z.string(), z.strictObject({ reward_mean: finite, "cvar_0.1": finite }))
    .optional(),
});

/** Of the paired t-test over seeds, at level 0.05 and power 0.8, from this run's own variance. */
const power = z.strictObject({
  /** The size of the difference that was found. */
  difference: finite,
  /** Seeds that show a true difference of this size with probability 0.8; null: it is 0. */
  seeds_needed: z.int().nullable(),
  /** The smallest true difference that the seeds at hand show with probability 0.8. */
  detectable: finite,
});

/** A − B, paired by seed. Intervals are null where one seed (or no common range) allows none. */
const comparison = z.strictObject({
  a: z.string(),
  b: z.string(),
  metric: z.string(),
  at: z.enum(["equal-iterations", "equal-compute", "equal-kl"]),
  /**
   * The largest KL (nats) or trained tokens that all curves reach. At equal trained tokens they are read there,
   * at equal KL over the upper half of the range up to it. Null at equal iterations, and without
   * curves.
   */
  where: finite.nullable(),
  difference: finite.nullable(),
  ci95: interval.nullable(),
  seeds: z.int(),
  /** Paired over the test prompts of one seed (bootstrap); null when not at equal iterations. */
  ci95_prompts: interval.nullable(),
  // Younger than the keys above: null where an older version wrote the file.
  /** Over seeds and prompts (hierarchical bootstrap); null with one seed, or along frontiers. */
  ci95_hierarchical: interval.nullable().default(null),
  /** Of the paired t-test over seeds, two-sided. */
  p: finite.nullable().default(null),
  /** Holm's, over all comparisons of the run with the same `at`. */
  p_holm: finite.nullable().default(null),
  /** d_z: the difference over the standard deviation of the seeds' differences. */
  effect_size: finite.nullable().default(null),
  /** Fraction of test prompts that A did better on than B; null for what is no mean over prompts. */
  probability_of_improvement: finite.nullable().default(null),
  power: power.nullable().default(null),
});

/** A − B of final policies over β, at equal KL, paired by seed (`frontier/equal-kl`). */
const curveDifference = z.strictObject({
  /** The arm, and its values of swept keys other than β. */
  a: z.string(),
  b: z.string(),
  metric: z.string(),
  /**
   * KL, nats per episode, over which the difference is a mean. Where A or B is a single policy per seed,
   * each seed is read at its KL, and these are the ends over seeds. Null: nothing in common.
   */
  range: interval.nullable(),
  /**
   * The ends of each arm's curve, KL in nats, mean over those seeds: how much of it the range leaves
   * out. Null: one of the two is a single policy per seed. Absent where an older version wrote the file.
   */
  covered: z.strictObject({ a: interval, b: interval }).nullable().default(null),
  /** Seeds that both have. */
  seeds: z.int(),
  /** The difference of each, in the order of the seeds. */
  per_seed: z.array(finite),
  difference: finite.nullable(),
  ci95: interval.nullable(),
  p: finite.nullable(),
  /** Holm's, over all curves and tested figures; null for figures that are not tested. */
  p_holm: finite.nullable(),
  effect_size: finite.nullable(),
  power: power.nullable(),
});

const certified = {
  /** Of the mean over seeds; null: there is none. */
  bound: finite.nullable(),
  /** Of each seed's policy; empty where there is none. */
  per_seed: z.array(finite),
};

/**
 * One-sided bounds of an arm's true figures (of all prompts of this kind, not of the test set) that
 * hold for all its seeds at once with probability 1 − delta.
 */
const certificates = z.strictObject({
  delta: finite,
  /** From below. */
  "cvar_0.1": z.strictObject({
    ...certified,
    method: z.enum(["dkw", "order-statistics"]),
    /** What no reward lies under; null: not known. */
    lower: finite.nullable(),
    /** Why the bound says nothing. */
    missing: z.enum(["lower-unknown", "reward-below-lower", "too-few"]).nullable(),
    /** Too few: completions with a reward that are needed, for each seed. */
    needed: z.int().nullable(),
  }),
  /** From above; null: there is no harm threshold. */
  harm_rate: z.strictObject(certified).nullable(),
  /** From above; null: toxicity was not measured. */
  expected_max_toxicity: z.strictObject(certified).nullable(),
});

const armFigures = z.strictObject({
  arm: z.string(),
  harm_rate: finite.nullable(),
  tail_reward: finite.nullable(),
});

const caution = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("perplexity"), trial: z.string(), perplexity: finite }),
  z.strictObject({ kind: z.literal("kl"), trial: z.string(), kl: finite, target: finite }),
  /** The figure is a mean over so few episodes, at the end or along the frontier. */
  z.strictObject({
    kind: z.literal("few-in-tail"),
    of: z.enum(["final", "frontier"]),
    metric: z.enum(["tail_reward", "cvar_0.1"]),
    episodes: z.int(),
  }),
  /** Test prompts whose text is a training text as well. */
  z.strictObject({ kind: z.literal("overlap"), overlap: z.int(), test: z.int() }),
  /** By a component, more test prompts alone than the tail's fraction lie at the lowest score. */
  z.strictObject({
    kind: z.literal("prompt-floor"),
    component: z.string(),
    fraction: finite,
    tail_fraction: finite,
  }),
  /** Every iteration draws some prompts more than once. */
  z.strictObject({
    kind: z.literal("few-prompts"),
    arm: z.string(),
    prompts: z.int(),
    batch: z.int(),
  }),
  /** The headline arm is better than risk-neutral ones, all of which have their KL elsewhere: in the return. */
  z.strictObject({ kind: z.literal("kl-place"), arm: z.string(), neutral: z.array(z.string()) }),
]);

/** What the figures show, as figures. */
const conclusion = z.strictObject({
  /** The arm that it is about, by a rule fixed before the run; null: no arm is trained with RL. */
  headline: z.strictObject({
    arm: z.string().nullable(),
    rule: z.enum(["configured", "first-averse", "first-trained"]),
    /** Arms that could have been it. */
    candidates: z.array(z.string()),
  }),
  /** SFT, or the base model; null: neither was evaluated. */
  start: armFigures.nullable(),
  /** The headline arm; null: not evaluated. */
  end: armFigures.nullable(),
  /** Tail reward of the headline arm minus that of each risk-neutral arm. */
  against_neutral: z.strictObject({
    /** Seeds that every pair has in common. */
    seeds: z.int(),
    seeds_needed: z.int(),
    at: z.enum(["equal-kl", "equal-iterations"]).nullable(),
    /** Why there is nothing to compare. */
    missing: z.enum(["averse", "neutral", "pairs"]).nullable(),
    /** Empty with fewer seeds than are needed. */
    differences: z.array(
      z.strictObject({
        against: z.string(),
        difference: finite,
        ci95: interval,
        p: finite.nullable().default(null),
        /** Holm's, over these differences alone: which they are was fixed before the run. */
        p_holm: finite.nullable().default(null),
        power: power.nullable().default(null),
        verdict: z.enum(["better", "worse", "undecided"]),
      }),
    ),
  }),
  /** RL arms whose figures are on different scales, and the keys that make it so. */
  not_comparable: z.array(
    z.strictObject({ a: z.string(), b: z.string(), keys: z.array(z.string()) }),
  ),
  cautions: z.array(caution),
});

export const evaluationFileSchema = z.strictObject({
  arms: z.record(
    z.string(),
    z.strictObject({
      seeds: z.array(z.int()),
      metrics: z.record(z.string(), metric),
      certificates: certificates.nullable().default(null),
    }),
  ),
  frontier: z.record(z.string(), z.array(frontierPoint)),
  comparisons: z.array(comparison),
  conclusion,
  /** Absent where the run is no sweep. */
  sweep: z
    .strictObject({
      /** Of the grid. */
      keys: z.array(z.string()),
      points: z.array(
        z.strictObject({
          arm: z.string(),
          /** Arm of the experiment that it is a setting of. */
          of: z.string(),
          /** Key of the grid that changes the arm → its value. */
          values: z.record(z.string(), z.unknown()),
        }),
      ),
      /**
       * Every curve of final policies over β minus that of the first risk-neutral arm, at equal KL;
       * empty where there is none. Absent where an older version wrote the file.
       */
      equal_kl: z.array(curveDifference).default([]),
      /** Arms trained with RL or decoding whose tail reward no other one reaches at the same KL or less; ascending in KL. */
      pareto: z.array(z.string()),
    })
    .optional(),
});

export type Evaluation = z.infer<typeof evaluationFileSchema>;
export type Conclusion = z.infer<typeof conclusion>;
/** Of an arm, what was measured alone. */
export type ArmMetrics = Pick<Evaluation["arms"][string], "seeds" | "metrics">;
export type CurveDifference = z.infer<typeof curveDifference>;
export type Power = z.infer<typeof power>;
export type Certificates = z.infer<typeof certificates>;
export type Metric = z.infer<typeof metric>;
export type FrontierPoint = z.infer<typeof frontierPoint>;
export type Comparison = z.infer<typeof comparison>;
