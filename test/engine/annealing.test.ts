/** α' of a closed loop and β of a stage are the same to the bit, however often a run is broken off. */
import { describe, expect, test } from "vitest";
import { riskSchema } from "../../src/config/schema/risk.js";
import { smallExperiment } from "./experiments.js";
import { Harness } from "./run-harness.js";

const experiment = smallExperiment({
  arms: {
    "ra-rlhf": {
      training: { iterations: 8 },
      risk: riskSchema.parse({
        annealing: "adaptive",
        alpha: 0.3,
        warmup: 1,
        adaptive: { rate: 0.2, window: 3, decline: 0.5, kl: 0.1 },
      }),
      kl: {
        schedule: [
          { from: 3, beta: 0.05, target: 4, k_beta: null },
          { from: 6, beta: null, target: null, k_beta: 0 },
        ],
      },
    },
  },
  checkpoint: { every: 3 },
});

const carried = (harness: Harness) =>
  harness
    .steps("ra-rlhf-s0")
    .map(({ step, alpha, kept, beta, kl_stage, annealing, memory, episodes }) => ({
      ...{ step, alpha, kept, beta, kl_stage, annealing, memory, episodes },
    }));

describe("an adaptive annealing with stages of β", () => {
  test("is journaled with its causes, and what it carries lies in the journal and the checkpoint", async () => {
    const harness = new Harness(experiment);
    expect((await harness.run()).outcome).toBe("done");
    const steps = carried(harness);
    const causes = steps.map(({ annealing }) => annealing!.cause);
    expect(causes[0]).toBe("held: warm start");
    expect(new Set(causes).size).toBeGreaterThan(2);
    for (const [at, { annealing, alpha, memory, kept }] of steps.entries()) {
      expect(kept).toBe(Math.ceil(16 * (alpha - 1e-12)));
      expect(memory!.annealing!.alpha).toBe(annealing!.alpha_next);
      if (at > 0) expect(alpha).toBe(steps[at - 1]!.annealing!.alpha_next);
    }
    expect(steps.map(({ kl_stage }) => kl_stage!.from)).toEqual([0, 0, 0, 3, 3, 3, 6, 6]);
    expect(steps[3]!.beta).toBe(0.05);
    expect(steps[3]!.kl_stage!.target).toBe(4);
    expect(steps[7]!.beta).toBe(steps[6]!.beta);
    const position = [...harness.recorder.positions.values()].find(
      ({ trial, step }) => trial === "ra-rlhf-s0" && step === 3,
    );
    expect(position!.memory).toEqual(steps[2]!.memory);
  });

  test("goes on to the bit from a checkpoint and from a journal", async () => {
    const undisturbed = new Harness(experiment);
    await undisturbed.run();
    const seqs = undisturbed.events.flatMap(({ type, seq }) =>
      type === "step" || type === "checkpoint_saved" ? [seq] : [],
    );
    for (const alive of seqs.filter((_, at) => at % 3 === 1)) {
      const killed = new Harness(experiment, undefined, ({ seq }, { abort }) => {
        if (seq === alive) abort.abort();
      });
      killed.keep = true;
      await killed.run();
      const { recorder } = killed;
      recorder.events.splice(alive);
      const resumed = new Harness(experiment, undefined, undefined, null, recorder);
      expect((await resumed.run([...recorder.events])).outcome).toBe("done");
      // Of a step done twice the later one counts.
      const last = new Map(carried(resumed).map((one) => [one.step, one]));
      expect([...last.values()].sort((a, b) => a.step - b.step)).toEqual(carried(undisturbed));
    }
  });
});
