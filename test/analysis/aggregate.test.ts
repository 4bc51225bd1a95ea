/** Sums over journals whose figures are known by hand. */
import { describe, expect, test } from "vitest";
import { aggregate } from "../../src/analysis/aggregate.js";
import { evaluationFileSchema } from "../../src/analysis/evaluation.js";
import type { EventPayload, JournalEvent } from "../../src/journal/events.js";
import { answerTo, evaluatedPayload, stepPayload } from "../engine/event-payloads.js";
import { type ExperimentChanges, smallExperiment } from "../engine/experiments.js";

type Entry = readonly [trial: string, eventPayload: EventPayload];

function journal(entries: readonly Entry[]): JournalEvent[] {
  return entries.map(([trial, eventPayload], index) => ({
    seq: index + 1,
    time: "",
    trial,
    ...eventPayload,
  }));
}

/** Metrics that the summary needs, all alike but for the ones given. */
function point(
  step: number,
  kl: number,
  compute: number,
  tail: number,
  other: Record<string, number> = {},
): EventPayload {
  const metrics = {
    kl_mean: kl,
    tail_reward: tail,
    reward_mean: tail + 2,
    "cvar_0.1": tail - 1,
    harm_rate: 0.1,
    dist_2: 0.5,
    ...other,
  };
  return evaluatedPayload({ step, compute, metrics });
}

function final(tail: number, other: Record<string, number> = {}): EventPayload {
  const { metrics } = point(6, 1, 1, tail, other) as { metrics: Record<string, number> };
  return evaluatedPayload({ step: 6, final: true, metrics });
}

const arms = { sft: {}, rlhf: { risk: { measure: "mean" } }, "ra-rlhf": {} } as const;
const experiment = (changes: ExperimentChanges = {}) => smallExperiment({ arms, ...changes });

describe("arms over seeds", () => {
  test("mean, sd, t interval and the seeds' own figures", () => {
    const { arms: found } = aggregate(
      experiment({ seeds: [0, 1, 2], arms: { sft: {} } }),
      journal([
        ["sft-s0", final(-3)],
        ["sft-s1", final(-2)],
        ["sft-s2", final(-1)],
      ]),
    );
    expect(found.sft!.seeds).toEqual([0, 1, 2]);
    // t(0.975, 2) = 4.3027; 4.3027 · 1/√3 = 2.4841.
    expect(found.sft!.metrics.tail_reward).toEqual({
      mean: -2,
      sd: 1,
      ci95: [expect.closeTo(-4.4841, 3), expect.closeTo(0.4841, 3)],
      per_seed: [-3, -2, -1],
    });
  });

  test("one seed has no spread", () => {
    const { arms: found } = aggregate(experiment(), journal([["sft-s0", final(-3)]]));
    expect(found.sft!.metrics.tail_reward).toEqual({
      mean: -3,
      sd: null,
      ci95: null,
      per_seed: [-3],
    });
  });

  test("seconds are those of training", () => {
    const { arms: found } = aggregate(
      experiment(),
      journal([
        [
          "sft-s0",
          {
            type: "sft_finished",
            artifact: null,
            steps: 1,
            kept_step: 1,
            loss_first: 1,
            loss_last: 1,
            curve: [],
            seconds: 7,
          },
        ],
        ["sft-s0", final(-3)],
        ["rlhf-s0", stepPayload({ step: 0 })],
        ["rlhf-s0", stepPayload({ step: 1 })],
        ["rlhf-s0", final(-2)],
      ]),
    );
    expect(found.sft!.metrics.seconds!.mean).toBe(7);
    expect(found.rlhf!.metrics.seconds!.mean).toBe(2);
  });

  test("trials that did not get to their end are left out", () => {
    const found = aggregate(
      experiment({ seeds: [0, 1] }),
      journal([
        ["rlhf-s0", final(-3)],
        ["rlhf-s1", point(2, 1, 1, -2)],
      ]),
    );
    expect(found.arms.rlhf!.seeds).toEqual([0]);
    expect(Object.keys(found.arms)).toEqual(["rlhf"]);
  });

  test("an evaluation that was taken again counts once, and the later one", () => {
    const found = aggregate(
      experiment(),
      journal([
        ["rlhf-s0", point(2, 1, 10, -3)],
        ["rlhf-s0", point(2, 1, 10, -2)],
      ]),
    );
    expect(found.frontier.rlhf!.map(({ tail_reward }) => tail_reward)).toEqual([-2]);
  });
});

describe("the frontier", () => {
  test("begins with the SFT policy at no cost", () => {
    const found = aggregate(
      experiment(),
      journal([
        ["sft-s0", point(0, 0, 0, -4)],
        ["rlhf-s0", point(4, 2, 20, -2)],
        ["rlhf-s0", point(2, 1, 10, -3)],
      ]),
    );
    expect(Object.keys(found.frontier)).toEqual(["rlhf"]);
    expect(found.frontier.rlhf).toEqual([
      expect.objectContaining({ seed: 0, step: 0, kl: 0, compute: 0, tail_reward: -4 }),
      expect.objectContaining({ step: 2, kl: 1, compute: 10, tail_reward: -3 }),
      expect.objectContaining({ step: 4, kl: 2, compute: 20, tail_reward: -2, dist_2: 0.5 }),
    ]);
  });
});

describe("comparisons", () => {
  /** Two seeds; the tail of rlhf is −4 + KL/2, that of ra-rlhf −4 + KL·slope. */
  const curves = (slopes: readonly number[]): JournalEvent[] =>
    journal(
      slopes.flatMap((slope, seed): Entry[] => [
        [`sft-s${seed}`, point(0, 0, 0, -4)],
        [`rlhf-s${seed}`, point(2, 2, 40, -3)],
        [`rlhf-s${seed}`, point(6, 4, 80, -2)],
        [`rlhf-s${seed}`, final(-2)],
        [`ra-rlhf-s${seed}`, point(2, 4, 20, -4 + 4 * slope)],
        [`ra-rlhf-s${seed}`, point(6, 8, 40, -4 + 8 * slope)],
        [`ra-rlhf-s${seed}`, final(-4 + 8 * slope)],
      ]),
    );
  const row = (events: JournalEvent[], seeds: number[], at: string, metric = "tail_reward") =>
    aggregate(experiment({ seeds }), events).comparisons.find(
      (one) => one.at === at && one.metric === metric,
    )!;

  test("at equal iterations are of the final evaluations, paired by seed", () => {
    const found = row(curves([0.5, 0.75]), [0, 1], "equal-iterations");
    // Differences: 0 − (−2) = 2 and 2 − (−2) = 4; t(0.975, 1) = 12.706, sd/√2 = 1.
    expect(found).toMatchObject({ a: "ra-rlhf", b: "rlhf", where: null, seeds: 2 });
    expect(found.difference).toBe(3);
    expect(found.ci95).toEqual([expect.closeTo(3 - 12.706, 2), expect.closeTo(3 + 12.706, 2)]);
    expect(found.ci95_prompts).toBeNull();
  });

  test("at equal compute read both curves at the largest compute that all reach", () => {
    const found = row(curves([0.5, 0.75]), [0, 1], "equal-compute");
    expect(found.where).toBe(40);
    // At 40: rlhf −3; ra-rlhf 0 and 2.
    expect(found.difference).toBe(4);
  });

  test("at equal KL average the upper half of the common range", () => {
    const found = row(curves([0.5, 0.75]), [0, 1], "equal-kl");
    expect(found.where).toBe(4);
    // On [2, 4], mean 3: slopes 0.5 − 0.5 and 0.75 − 0.5 give 0 and 0.75.
    expect(found.difference).toBeCloseTo(0.375);
    expect(found.ci95![0]).toBeCloseTo(0.375 - 12.706 * 0.375, 2);
  });

  test("along frontiers have no interval with one seed", () => {
    expect(row(curves([0.75]), [0], "equal-kl")).toMatchObject({ seeds: 1, ci95: null });
    expect(row(curves([0.75]), [0], "equal-kl").difference).toBeCloseTo(0.75);
  });

  test("say nothing at equal KL without a frontier", () => {
    const events = journal([
      ["rlhf-s0", final(-2)],
      ["ra-rlhf-s0", final(-1)],
    ]);
    expect(row(events, [0], "equal-kl")).toMatchObject({ where: null, difference: null });
    expect(row(events, [0], "equal-iterations").difference).toBe(1);
  });

  test("hold every risk-averse arm against every risk-neutral one, whatever their names", () => {
    const named = experiment({
      arms: {
        plain: { risk: { measure: "mean" } },
        "less-kl": { risk: { measure: "mean" }, kl: { beta: 0.05 } },
        dropped: { risk: { measure: "random-drop" } },
        tail: {},
        everything: { risk: { alpha: 1 } },
        hard: { risk: { measure: "mean" }, sampling: { strategy: "stratified" } },
      },
    });
    const events = journal(Object.keys(named.arms).map((arm): Entry => [`${arm}-s0`, final(-1)]));
    const pairs = new Set(aggregate(named, events).comparisons.map(({ a, b }) => `${a} ${b}`));
    const neutral = ["plain", "less-kl", "dropped", "everything"];
    expect(pairs).toEqual(
      new Set(["tail", "hard"].flatMap((a) => neutral.map((b) => `${a} ${b}`))),
    );
  });

  test("with one seed give the interval over prompts, which holds the difference", () => {
    const count = 200;
    const arrays = (shift: number, wave: number) => ({
      prompt: Array.from({ length: count }, (_, id) => id),
      prompt_score: Array.from({ length: count }, (_, id) => id / 10 - 10),
      reward: Array.from({ length: count }, (_, id) => id / 20 - 5 + shift + Math.sin(id * wave)),
      kl: Array(count).fill(0),
      length: Array(count).fill(1),
    });
    const of = (tail: number, shift: number, wave: number): EventPayload => {
      const { metrics } = final(tail) as { metrics: Record<string, number> };
      return evaluatedPayload({ final: true, metrics, arrays: arrays(shift, wave) });
    };
    const events = journal([
      ["rlhf-s0", of(-3, 0, 1)],
      ["ra-rlhf-s0", of(-2, 1, 2)],
    ]);
    const found = aggregate(experiment(), events);
    const interval = (metric: string): [number, number] =>
      found.comparisons.find((one) => one.at === "equal-iterations" && one.metric === metric)!
        .ci95_prompts!;
    for (const metric of ["tail_reward", "reward_mean", "cvar_0.1"]) {
      const [low, high] = interval(metric);
      expect(low).toBeGreaterThan(0);
      expect(low).toBeLessThan(1);
      expect(high).toBeGreaterThan(1);
    }
    expect(interval("harm_rate")[1]).toBeLessThan(0);
    expect(aggregate(experiment(), events)).toEqual(found);
  });

  test("are what the schema of evaluation.json says", () => {
    const found = aggregate(experiment({ seeds: [0, 1] }), curves([0.5, 0.75]));
    expect(evaluationFileSchema.parse(found)).toEqual(found);
  });
});

describe("arms on different scales", () => {
  const seeds = [0, 1, 2];
  const entries = seeds.flatMap((seed): Entry[] =>
    ["rlhf", "ra-rlhf"].flatMap((arm): Entry[] => [
      [`${arm}-s${seed}`, point(0, 0, 0, -4)],
      [`${arm}-s${seed}`, point(6, 4, 80, -2)],
      [`${arm}-s${seed}`, final(-2)],
    ]),
  );
  const found = (changes: object) =>
    aggregate(
      experiment({
        seeds,
        arms: { rlhf: { risk: { measure: "mean" } }, "ra-rlhf": changes },
      } as ExperimentChanges),
      journal(entries),
    );

  test.each([
    ["reward.sign", { reward: { sign: -1 } }],
    ["reward.model", { reward: { model: "other" } }],
    ["rollout.temperature", { rollout: { temperature: 0.5 } }],
    ["rollout.new_tokens", { rollout: { new_tokens: 12 } }],
  ])("are not compared, and the conclusion names %s", (key, changes) => {
    const { comparisons, conclusion } = found(changes);
    expect(comparisons).toEqual([]);
    expect(conclusion.not_comparable).toEqual([{ a: "rlhf", b: "ra-rlhf", keys: [key] }]);
    expect(conclusion.against_neutral).toMatchObject({ missing: "pairs", differences: [] });
  });

  test("of other iterations are compared at equal cost alone", () => {
    const { comparisons, conclusion } = found({ training: { iterations: 12 } });
    const ways = new Set(comparisons.map(({ at }) => at));
    expect(ways).toEqual(new Set(["equal-compute", "equal-kl"]));
    expect(conclusion.not_comparable[0]!.keys).toEqual(["training.iterations"]);
  });

  test("may be trained on differently shaped rewards: figures are of the raw one", () => {
    const { comparisons, conclusion } = found({
      reward: { transform: "clip", baseline: "prompt" },
    });
    expect(comparisons).toHaveLength(12);
    expect(conclusion.not_comparable).toEqual([]);
  });
});

describe("the conclusion", () => {
  const of = (changes: ExperimentChanges, entries: readonly Entry[]) =>
    aggregate(experiment(changes), journal(entries)).conclusion;
  const hard = { risk: { measure: "mean" }, sampling: { strategy: "stratified" } } as const;

  test("is about the first risk-averse arm listed, however well another did", () => {
    const { headline, start, end } = of({ arms: { ...arms, hard } }, [
      ["sft-s0", final(-4, { harm_rate: 0.2 })],
      ["rlhf-s0", final(-2, { harm_rate: 0 })],
      ["ra-rlhf-s0", final(-1.5, { harm_rate: 0.1 })],
      ["hard-s0", final(-1, { harm_rate: 0.05 })],
    ]);
    expect(headline).toEqual({
      arm: "ra-rlhf",
      rule: "first-averse",
      candidates: ["ra-rlhf", "hard"],
    });
    expect(start).toEqual({ arm: "sft", harm_rate: 0.2, tail_reward: -4 });
    expect(end).toEqual({ arm: "ra-rlhf", harm_rate: 0.1, tail_reward: -1.5 });
  });

  test("is about the arm that evaluation.headline names", () => {
    const { headline, end } = of({ arms: { ...arms, hard }, evaluation: { headline: "hard" } }, [
      ["ra-rlhf-s0", final(-1)],
    ]);
    expect(headline).toMatchObject({ arm: "hard", rule: "configured" });
    expect(headline.candidates).toEqual(["hard", "ra-rlhf"]);
    expect(end).toBeNull();
  });

  test("of a control or risk-neutral arms alone is about the first of them", () => {
    const { headline, against_neutral } = of(
      { arms: { rlhf: arms.rlhf, dropped: { risk: { measure: "random-drop" } } } },
      [["rlhf-s0", final(-1)]],
    );
    expect(headline).toMatchObject({ arm: "rlhf", rule: "first-trained" });
    expect(against_neutral.missing).toBe("averse");
  });

  test.each([1, 2])(
    "has no difference between risk-averse and risk-neutral from %i seeds",
    (count) => {
      const seeds = Array.from({ length: count }, (_, seed) => seed);
      const { against_neutral } = of(
        { seeds },
        seeds.flatMap((seed): Entry[] => [
          [`sft-s${seed}`, point(0, 0, 0, -4)],
          [`rlhf-s${seed}`, point(6, 4, 80, -2)],
          [`rlhf-s${seed}`, final(-2)],
          [`ra-rlhf-s${seed}`, point(6, 4, 40, -1)],
          [`ra-rlhf-s${seed}`, final(-1)],
        ]),
      );
      expect(against_neutral).toEqual({
        seeds: count,
        seeds_needed: 3,
        at: "equal-kl",
        missing: null,
        differences: [],
      });
    },
  );

  test("with three seeds holds the headline arm against every risk-neutral one, never the control", () => {
    const seeds = [0, 1, 2];
    const all = {
      rlhf: arms.rlhf,
      "rlhf-kl": arms.rlhf,
      "random-drop": { risk: { measure: "random-drop" } },
      "ra-rlhf": {},
    } as const;
    const { against_neutral } = of(
      { seeds, arms: all },
      seeds.flatMap((seed): Entry[] => [
        [`rlhf-s${seed}`, final(-3)],
        [`rlhf-kl-s${seed}`, final(-1.5 + 2 * (seed - 1))],
        [`random-drop-s${seed}`, final(-0.5)],
        [`ra-rlhf-s${seed}`, final(-1 + 0.1 * seed)],
      ]),
    );
    expect(against_neutral).toMatchObject({ seeds: 3, at: "equal-iterations", missing: null });
    expect(against_neutral.differences.map(({ against, verdict }) => [against, verdict])).toEqual([
      ["rlhf", "better"],
      ["rlhf-kl", "undecided"],
    ]);
    expect(against_neutral.differences[0]!.difference).toBeCloseTo(2.1);
  });

  test.each([
    ["a better tail with the KL elsewhere in every risk-neutral arm", {}, -1, ["rlhf"]],
    [
      "none where a risk-neutral arm has its KL as a loss, too",
      { "kl-loss": { risk: { measure: "mean" }, kl: { form: "loss" } } },
      -1,
      null,
    ],
    ["none where nothing is claimed", {}, -3.02, null],
  ] as const)("has a caution on the KL's place: %s", (_, controls, tail, neutral) => {
    const seeds = [0, 1, 2];
    const { cautions } = of(
      {
        seeds,
        arms: { rlhf: arms.rlhf, "hard-kl": { ...hard, kl: { form: "loss" } }, ...controls },
      },
      seeds.flatMap((seed): Entry[] => [
        [`rlhf-s${seed}`, final(-3 + 0.1 * seed)],
        ...Object.keys(controls).map((arm): Entry => [`${arm}-s${seed}`, final(-3 + 0.2 * seed)]),
        [`hard-kl-s${seed}`, final(tail + 0.12 * seed)],
      ]),
    );
    const found = cautions.filter(({ kind }) => kind === "kl-place");
    expect(found).toEqual(neutral === null ? [] : [{ kind: "kl-place", arm: "hard-kl", neutral }]);
  });

  test("works without RL, without a counterpart, and without anything", () => {
    expect(of({ arms: { sft: {} } }, [["sft-s0", final(-1)]])).toMatchObject({
      headline: { arm: null, candidates: [] },
      start: { arm: "sft" },
      end: null,
    });
    const alone = of({ arms: { "ra-rlhf": {} } }, [["ra-rlhf-s0", final(-1)]]);
    expect(alone.against_neutral.missing).toBe("neutral");
    expect(of({}, [])).toMatchObject({ start: null, end: null });
  });

  test("takes SFT by its stage, not by its name", () => {
    const { start } = of(
      { arms: { "sft-longer": { stage: "sft" }, sft: { risk: { measure: "mean" }, stage: "rl" } } },
      [
        ["sft-s0", final(-1)],
        ["sft-longer-s0", final(-4)],
      ],
    );
    expect(start?.arm).toBe("sft-longer");
  });
});

describe("cautions", () => {
  const cautionsOf = (
    arm: string,
    changes: Record<string, number>,
    count: number,
    isFinal = true,
  ) => {
    const { metrics } = final(-1, changes) as { metrics: Record<string, number> };
    const column = (value: number | null) => Array<number | null>(count).fill(value);
    const arrays = {
      prompt: Array.from({ length: count }, (_, id) => id),
      prompt_score: column(0),
      reward: column(1),
      kl: column(0),
      length: Array<number>(count).fill(1),
    };
    const event = evaluatedPayload({ step: 6, final: isFinal, metrics, arrays });
    return aggregate(experiment(), journal([[`${arm}-s0`, event]])).conclusion.cautions;
  };

  test("tell a tail of fewer than 20 episodes by what was evaluated, not by what was requested", () => {
    expect(cautionsOf("rlhf", {}, 200)).toEqual([]);
    expect(cautionsOf("rlhf", {}, 190)).toEqual([
      { kind: "few-in-tail", of: "final", metric: "tail_reward", episodes: 19 },
      { kind: "few-in-tail", of: "final", metric: "cvar_0.1", episodes: 19 },
    ]);
    expect(cautionsOf("rlhf", {}, 30, false)).toEqual([
      { kind: "few-in-tail", of: "frontier", metric: "tail_reward", episodes: 3 },
      { kind: "few-in-tail", of: "frontier", metric: "cvar_0.1", episodes: 3 },
    ]);
  });

  test("tell perplexity beyond 10,000 and KL far over its target", () => {
    expect(cautionsOf("rlhf", { perplexity: 1e4, kl_mean: 60 }, 200)).toEqual([]);
    expect(cautionsOf("rlhf", { perplexity: 2e4, kl_mean: 61 }, 200)).toEqual([
      { kind: "perplexity", trial: "rlhf-s0", perplexity: 2e4 },
      { kind: "kl", trial: "rlhf-s0", kl: 61, target: 6 },
    ]);
  });

  test("tell test texts that are training texts, and a training set smaller than a batch", () => {
    const ready = (prompts: { train: number; test: number; overlap: number }): EventPayload => {
      const event = answerTo({ kind: "load", trial: "rlhf-s0", from: null, device: null });
      return { ...event, prompts } as EventPayload;
    };
    const told = (prompts: { train: number; test: number; overlap: number }) =>
      aggregate(
        experiment({ seeds: [0, 1] }),
        journal([
          ["sft-s0", ready(prompts)],
          ["rlhf-s0", ready(prompts)],
          ["rlhf-s1", ready(prompts)],
        ]),
      ).conclusion.cautions;
    expect(told({ train: 16, test: 20, overlap: 0 })).toEqual([]);
    expect(told({ train: 15, test: 20, overlap: 7 })).toEqual([
      { kind: "overlap", overlap: 7, test: 20 },
      { kind: "few-prompts", arm: "rlhf", prompts: 15, batch: 16 },
    ]);
  });
});
