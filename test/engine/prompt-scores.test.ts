/** The scores of prompts alone: who asks for them, and that nobody has them computed twice. */
import { describe, expect, test } from "vitest";
import { planTrials } from "../../src/config/trials.js";
import { needsScores } from "../../src/engine/actions/prompt-scores.js";
import type { Payload } from "../../src/protocol/messages.js";
import { RecordError } from "../../src/system/record-error.js";
import { smallExperiment } from "./experiments.js";
import { MemoryRecorder } from "./memory-recorder.js";
import { figuresOf, Harness, type Trick } from "./run-harness.js";

type Asked = Payload<"score_prompts">;

/** Notes every request for prompt scores. */
function watched(): { readonly asked: Asked[]; readonly trick: Trick } {
  const asked: Asked[] = [];
  const trick: Trick = ({ command, payload }) => {
    if (command === "score_prompts") {
      asked.push(payload as Asked);
    }
    return null;
  };
  return { asked, trick };
}

const arms = {
  rlhf: { risk: { measure: "mean" } },
  strata: { sampling: { strategy: "stratified" } },
  ranks: { risk: { statistic: "prompt-score" } },
  baseline: { reward: { baseline: "prompt" } },
  critic: { training: { prefix_baseline: true } },
} as const;

describe("prompt scores", () => {
  test("of the training prompts are for those that use them, of the test prompts for evaluations", () => {
    const trials = planTrials(smallExperiment({ arms, evaluation: { every: 0 } }));
    const needing = (split: "train" | "test") =>
      trials.filter((trial) => needsScores(trial, split)).map(({ arm }) => arm);
    expect(needing("train")).toEqual(["strata", "ranks", "baseline", "critic"]);
    expect(needing("test")).toEqual(["rlhf", "strata", "ranks", "baseline", "critic"]);
  });

  test("are computed once for all trials of a run, and taken over by the others", async () => {
    const { asked, trick } = watched();
    const experiment = smallExperiment({ arms: { rlhf: {}, strata: arms.strata }, parallel: 1 });
    const harness = new Harness(experiment, trick);
    expect((await harness.run()).outcome).toBe("done");
    const computed = asked.filter(({ known }) => known === null).map(({ split }) => split);
    expect(computed.sort()).toEqual(["test", "train"]);
    expect(asked.length).toBeGreaterThan(computed.length);
    const told = harness.events.flatMap((event) =>
      event.type === "worker_ready" ? Object.values(event.prompt_scores) : [],
    );
    expect(told.filter(({ cached }) => !cached)).toHaveLength(2);
    expect(told).toHaveLength(asked.length);
  });

  test("that were taken over give the very same run", async () => {
    const experiment = smallExperiment({ arms: { strata: arms.strata }, parallel: 1 });
    const forgetful = new MemoryRecorder();
    forgetful.artifacts.promptScores = () => null;
    const runs = [];
    for (const recorder of [forgetful, new MemoryRecorder()]) {
      const harness = new Harness(
        experiment,
        () => null,
        () => {},
        null,
        recorder,
      );
      expect((await harness.run()).outcome).toBe("done");
      const steps = figuresOf(harness.events, "strata-s0");
      runs.push(steps.filter((event) => !("prompt_scores" in event)));
    }
    expect(runs[0]).toEqual(runs[1]);
  });

  test.each(["promptScores", "keepPromptScores"] as const)(
    "that cannot be cached (%s) are computed, and a warning says so",
    async (method) => {
      const recorder = new MemoryRecorder();
      recorder.artifacts[method] = () => {
        throw new RecordError("damaged", "/artifacts/x/scores.json has changed");
      };
      const { asked, trick } = watched();
      const experiment = smallExperiment({ arms: { rlhf: {} }, sft: { steps: 0 }, parallel: 1 });
      const harness = new Harness(experiment, trick, () => {}, null, recorder);
      expect((await harness.run()).outcome).toBe("done");
      expect(asked.map(({ known }) => known)).toEqual([null]);
      const warnings = harness.events.filter(({ type }) => type === "warning");
      expect(JSON.stringify(warnings)).toContain("/artifacts/x/scores.json has changed");
    },
  );
});
