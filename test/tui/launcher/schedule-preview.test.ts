import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../../src/config/load.js";
import { riskSchema } from "../../../src/config/schema/risk.js";
import { annealingEnd } from "../../../src/risk/annealing/ramp.js";
import { keptEpisodes } from "../../../src/risk/annealing/schedule.js";
import { scheduleCurves } from "../../../src/tui/launcher/schedule-preview.js";
import { quickstartFile } from "./launcher-fixture.js";

const preview = (...overrides: string[]) =>
  scheduleCurves(loadExperiment(quickstartFile, overrides).experiment);

describe("the preview", () => {
  test("groups arms that keep the same", () => {
    expect(preview().map(({ arms, words }) => [arms.join(" "), words])).toEqual([
      ["rlhf rlhf-kl hard-kl", "all 64"],
      ["ra-rlhf", "64 before iteration 8, then fewer, 26 of 64 from 58 on"],
    ]);
  });

  test("of a constant schedule, of no RL arm, of random dropping", () => {
    expect(preview("arms=ra-rlhf", "risk.schedule=constant").map(({ words }) => words)).toEqual([
      "26 of 64 from the start",
    ]);
    expect(preview("arms=sft")).toEqual([]);
    expect(preview("arms=ra-rlhf,random-drop")).toHaveLength(1);
  });

  test("tells a measure that trains on all from one that drops episodes", () => {
    const curves = preview(
      "arms=ra-rlhf,random-drop",
      "training.prefix_baseline=false",
      "arms.ra-rlhf.risk.measure=hinge",
    );
    expect(curves.map(({ trainsAll, words }) => [trainsAll, words])).toEqual([
      [true, "64 before iteration 8, then fewer, 26 of 64 from 58 on; all 64 train"],
      [false, "64 before iteration 8, then fewer, 26 of 64 from 58 on"],
    ]);
  });

  test("of every annealing says where it ends, and what bounds it", () => {
    const words = (...set: string[]) => preview("arms=ra-rlhf", ...set)[0]!.words;
    expect(words("risk.annealing=linear")).toBe(
      "64 before iteration 3, then fewer, 26 of 64 from 58 on",
    );
    expect(words("risk.annealing=steps", "risk.annealing_steps=[[10, 0.5]]")).toBe(
      "64 before iteration 11, then fewer, 32 of 64 from 11 on; α 0.4 (26) is never reached",
    );
    expect(words("risk.annealing=adaptive")).toMatch(
      /^64 before iteration 7, then fewer, 26 of 64 from \d+ on at the soonest: held at fewer than 4 effective episodes, a KL over 1\.5 times its target, a falling CVaR$/,
    );
    expect(words("risk.annealing=adaptive", "risk.adaptive.rate=0.001")).toMatch(/never reached$/);
  });

  test("warns where α is never reached, and says what to change", () => {
    const [curve] = preview(
      ...["arms=ra-rlhf", "risk.annealing=steps", "risk.annealing_steps=[[10, 0.5]]"],
    );
    expect(curve!.warning).toBe(
      "α 0.4 is never reached: the tail ends at 32 of 64 episodes, not 26; add a step to risk.annealing_steps",
    );
    expect(preview().map(({ warning }) => warning)).toEqual([null, null]);
  });

  test("shows what the engine will keep, at every point, with all corners among them", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 100_000 }),
        fc.integer({ min: 1, max: 99 }),
        fc.integer({ min: 50, max: 100 }),
        (iterations, percent, rhoPercent) => {
          const [alpha, rho] = [percent / 100, rhoPercent / 100];
          const warmup = Math.floor(annealingEnd({ rho }, iterations) / 3);
          const [curve] = preview(
            "arms=ra-rlhf",
            "training.batch=200",
            `training.iterations=${iterations}`,
            `risk.alpha=${alpha}`,
            `risk.rho=${rho}`,
            `risk.warmup=${warmup}`,
          );
          const schedule = riskSchema.parse({ alpha, warmup, rho });
          const { points } = curve!;
          for (const { iteration, tail } of points) {
            expect(tail).toBe(keptEpisodes(schedule, iteration - 1, iterations, 200));
          }
          const places = points.map(({ iteration }) => iteration);
          expect(places).toEqual([...places].sort((a, b) => a - b));
          expect(new Set(places).size).toBe(places.length);
          expect(places).toContain(1);
          expect(places).toContain(iterations);
          expect(places).toContain(Math.min(iterations, annealingEnd({ rho }, iterations) + 1));
        },
      ),
      { numRuns: 40 },
    );
  });
});
