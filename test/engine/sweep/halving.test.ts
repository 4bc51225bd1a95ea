import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Experiment } from "../../../src/config/schema/experiment.js";
import { keptCount, pointsBySeed } from "../../../src/config/sweep/halving.js";
import { planRun } from "../../../src/engine/plan.js";
import { replay } from "../../../src/engine/replay.js";
import type { JournalEvent } from "../../../src/journal/events.js";
import { smallExperiment } from "../experiments.js";
import { figuresOf, Harness } from "../run-harness.js";

/** SFT, a baseline that the grid does not change, and points of two swept arms. */
function halved(changes: Partial<Experiment["sweep"]> = {}, seeds = [3, 1, 2]): Experiment {
  const alphas = [0.25, 0.5, 1];
  const betas = [0.1, 0.4];
  const points = [
    ...alphas.map((alpha) => ({
      arm: `ra_alpha=${alpha}`,
      of: "ra",
      values: { "risk.alpha": alpha },
    })),
    ...betas.map((beta) => ({ arm: `kl_beta=${beta}`, of: "kl", values: { "kl.beta": beta } })),
  ];
  return smallExperiment({
    seeds,
    parallel: 2,
    training: { iterations: 1 },
    evaluation: { every: 0, prompts: 20 },
    arms: {
      sft: {},
      rlhf: { risk: { measure: "mean" } },
      ...Object.fromEntries(
        alphas.map((alpha) => [`ra_alpha=${alpha}`, { risk: { alpha, annealing: "constant" } }]),
      ),
      ...Object.fromEntries(
        betas.map((beta) => [`kl_beta=${beta}`, { risk: { measure: "mean" }, kl: { beta } }]),
      ),
    },
    sweep: { halving: "tail_reward", keep: 0.5, points, ...changes },
  });
}

let run: Promise<Harness> | null = null;

/** One run for all tests that only read it. */
function whole(): Promise<Harness> {
  run ??= (async () => {
    const harness = new Harness(halved());
    expect((await harness.run()).outcome).toBe("done");
    return harness;
  })();
  return run;
}

type Decision = Extract<JournalEvent, { type: "points_dropped" }>;

function decisions(events: readonly JournalEvent[]): Decision[] {
  return events.filter((event): event is Decision => event.type === "points_dropped");
}

/** Figure of final evaluations: trial → value. */
function finals(events: readonly JournalEvent[], metric: string): Map<string, number> {
  return new Map(
    events.flatMap((event) =>
      event.type === "evaluated" && event.final ? [[event.trial!, event.metrics[metric]!]] : [],
    ),
  );
}

/** What is decided, by the rule as the documentation words it. */
function byTheRule(experiment: Experiment, events: readonly JournalEvent[]) {
  const { sweep, seeds } = experiment;
  const figures = finals(events, sweep.halving!);
  const left = new Map<string, string[]>();
  for (const { arm, of } of sweep.points) left.set(of, [...(left.get(of) ?? []), arm]);
  return seeds.slice(0, -1).map((_, nth) => {
    const kept: string[] = [];
    for (const [of, arms] of left) {
      const mean = (arm: string) =>
        seeds.slice(0, nth + 1).reduce((sum, seed) => sum + figures.get(`${arm}-s${seed}`)!, 0) /
        (nth + 1);
      const best = [...arms].sort((a, b) => mean(b) - mean(a)).slice(0, Math.ceil(arms.length / 2));
      left.set(
        of,
        arms.filter((arm) => best.includes(arm)),
      );
      kept.push(...best);
    }
    return kept;
  });
}

describe("halving", () => {
  test("keeps after each seed the best points of each swept arm, and trains the rest no further", async () => {
    const experiment = halved();
    const harness = await whole();
    const made = decisions(harness.events);
    expect(made.map(({ seed }) => seed)).toEqual([3, 1]);
    expect(made.map(({ kept }) => kept)).toEqual(byTheRule(experiment, harness.events));
    const trained = new Set(
      harness.events.flatMap(({ type, trial }) => (type === "trial_finished" ? [trial] : [])),
    );
    for (const { arm } of experiment.sweep.points) {
      const droppedAt = made.findIndex(({ dropped }) => dropped.includes(arm));
      const seeds = experiment.seeds.filter((seed) => trained.has(`${arm}-s${seed}`));
      expect(seeds).toEqual(droppedAt < 0 ? [3, 1, 2] : [3, 1, 2].slice(0, droppedAt + 1));
    }
    // What the grid does not change trains on every seed.
    expect(
      [3, 1, 2].every((seed) => trained.has(`rlhf-s${seed}`) && trained.has(`sft-s${seed}`)),
    ).toBe(true);
  });

  test("takes the lowest of a figure of which less is better", async () => {
    const experiment = halved({ halving: "perplexity" });
    const harness = new Harness(experiment);
    await harness.run();
    const [first] = decisions(harness.events);
    const figures = finals(harness.events, "perplexity");
    const of = (arms: readonly string[]) =>
      arms.filter((arm) => arm.startsWith("ra_")).map((arm) => figures.get(`${arm}-s3`)!);
    expect(Math.max(...of(first!.kept))).toBeLessThanOrEqual(Math.min(...of(first!.dropped)));
  });

  test("changes no figure of the trials that it lets train", async () => {
    const harness = await whole();
    const all = new Harness(halved({ halving: null }));
    await all.run();
    const trained = new Set(
      harness.events.flatMap(({ trial, type }) => (type === "trial_finished" ? [trial!] : [])),
    );
    expect(trained.size).toBeLessThan(21);
    for (const trial of trained) {
      expect(figuresOf(harness.events, trial)).toEqual(figuresOf(all.events, trial));
    }
  });

  test("decides the same when the run is taken up right after a decision", async () => {
    const harness = new Harness(halved(), undefined, ({ type }, own) => {
      if (type === "points_dropped") queueMicrotask(() => own.ask("abort"));
    });
    harness.keep = true;
    expect((await harness.run()).outcome).toBe("interrupted");
    expect(decisions(harness.events)).toHaveLength(1);
    const resumed = new Harness(halved(), undefined, undefined, null, harness.recorder);
    expect((await resumed.run([...harness.events])).outcome).toBe("done");
    const kept = (events: readonly JournalEvent[]) => decisions(events).map((one) => one.kept);
    expect(kept(resumed.events)).toEqual(kept((await whole()).events));
  });

  test("replays from the journal to the state that it was", async () => {
    const harness = await whole();
    const plan = planRun(halved(), { cores: 2, gpus: 0 });
    const past = await replay(halved(), plan, harness.events, 0);
    const phases = Object.values(past!.state.trials).map(({ phase }) => phase);
    expect(past!.state.phase).toBe("done");
    expect(phases.filter((phase) => phase === "dropped")).toHaveLength(5);
    expect(past!.resumed.from).toEqual({});
  });

  test("waits where the run stops, and is decided when it is resumed", async () => {
    const last = (event: JournalEvent) =>
      event.type === "trial_finished" && event.trial === "kl_beta=0.4-s3";
    const harness = new Harness(halved(), undefined, (event, own) => {
      if (last(event)) own.ask("stop");
    });
    harness.keep = true;
    expect((await harness.run()).outcome).toBe("interrupted");
    const resumed = new Harness(halved(), undefined, undefined, null, harness.recorder);
    expect((await resumed.run([...harness.events])).outcome).toBe("done");
    expect(decisions(resumed.events)).toHaveLength(2);
  });
});

test("the number of points per seed never grows, never falls under one, and is what the rule keeps", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 99 }),
      (points, seeds, percent) => {
        const counts = pointsBySeed(points, seeds, percent / 100);
        expect(counts).toHaveLength(seeds);
        expect(counts[0]).toBe(points);
        for (const [at, count] of counts.entries()) {
          expect(count).toBeGreaterThanOrEqual(1);
          // In whole numbers: ⌈n·p/100⌉.
          if (at > 0) expect(count).toBe(Math.max(1, Math.ceil((counts[at - 1]! * percent) / 100)));
        }
      },
    ),
  );
  expect(keptCount(30, 0.1)).toBe(3);
});
