import { describe, expect, test } from "vitest";
import { lossCurves } from "../../../src/report/plots/loss-curves.js";
import { gatherReport, type ReportInput } from "../../../src/report/report-data.js";
import { setUpSection } from "../../../src/report/sections/set-up.js";
import { fixtureRun } from "../fixture.js";

const run = fixtureRun({ iterations: 20, prompts: 50 });

function factsOf(input: ReportInput): Map<string, string> {
  const [, table] = setUpSection(gatherReport(input));
  return new Map(
    table!.kind === "table" ? table!.rows.map(([name, value]) => [name!.main, value!.main]) : [],
  );
}

/** With other settings, and what the worker told of its data. */
function changed(
  change: (experiment: ReportInput["run"]["experiment"]) => void,
  ready: object = {},
): ReportInput {
  const experiment = structuredClone(run.run.experiment);
  change(experiment);
  const events = run.events.map((event) =>
    event.type === "worker_ready" ? { ...event, ...ready } : event,
  );
  return { ...run, run: { ...run.run, experiment }, events };
}

describe("the set-up", () => {
  test("has the harm threshold with the fraction under it in every arm", () => {
    expect(factsOf(run).get("harm")).toMatch(
      /^raw reward under −2\.00; completions under it: sft \d+(\.\d+)? %, rlhf .*ra-rlhf-hard /,
    );
    const none = changed(({ evaluation }) => Object.assign(evaluation, { harm_threshold: null }));
    expect(factsOf(none).get("harm")).toBe("no threshold is set: there is no harm rate");
    const one = changed(({ evaluation }) => Object.assign(evaluation, { harm_component: "tox" }));
    expect(factsOf(one).get("harm")).toMatch(/^raw score of tox under/);
  });

  test("says what the backend does not promise, and nothing where it promises all", () => {
    expect(factsOf(run).has("the backend does not promise")).toBe(false);
    const ready = { lacks: ["kl_loss", "bitwise"], nondeterminism: ["cumsum on cuda"] };
    expect(factsOf(changed(() => {}, ready)).get("the backend does not promise")).toBe(
      "a KL loss; the same bits when it is repeated; cumsum on cuda",
    );
  });

  test("has the data's rows, classes, truncations and overlap", () => {
    expect(factsOf(run).get("data")).toBe(
      "builtin: 400 training and 100 test prompts; no test text is a training text",
    );
    const facts = { filtered: 0, duplicates: 0, left_out: 0, dropped: 0, truncated: 0 };
    const told = changed(() => {}, {
      prompts: { train: 400, test: 100, overlap: 2 },
      rows: {
        train: { ...facts, rows: 500, good: 200, duplicates: 12, dropped: 88, kept: 400 },
        test: { ...facts, rows: 100, good: 50, truncated: 3, kept: 100 },
      },
      template: "tokenizer",
    });
    expect(factsOf(told).get("data")).toBe(
      "builtin: 400 training and 100 test prompts; 2 test texts are training texts; train 500 rows, " +
        "200 good, 12 duplicates left out, 88 dropped as too long; test 100 rows, 50 good, 3 prompts " +
        "truncated; chat template tokenizer",
    );
  });

  test("has the stages, whether they were reused, and what SFT took over", () => {
    const ready = (name: string, reused: boolean) => ({
      ...{ seq: 2, time: "", trial: "sft-s0", type: "stage_ready" as const, name },
      ...{ kind: "reward_model" as const, digest: "0123456789abcdef", path: "/a", files: {} },
      ...{ bytes: 1, reused, seconds: 34, figures: { accuracy: 0.9123 } },
      curve: [{ step: 10, loss: 0.5, held_out: null, learning_rate: 1e-4 }],
    });
    const [started, ...rest] = run.events.map((event) =>
      event.type === "sft_finished"
        ? { ...event, artifact: { digest: "ab", reused: true } }
        : event,
    );
    const staged = { ...run, events: [started!, ready("likes", true), ...rest] };
    expect(factsOf(staged).get("stages")).toBe(
      "likes: reward model, reused (artifact 0123456789ab), accuracy 0.912",
    );
    expect(factsOf(staged).get("SFT")).toMatch(/; 1 of 1 models reused from an earlier run$/);
    expect(factsOf(run).has("stages")).toBe(false);
    const made = { ...run, events: [started!, ready("likes", false), ...rest] };
    expect(factsOf(made).get("stages")).toContain("trained in 34 s (artifact 0123456789ab)");
    expect(lossCurves(gatherReport(made))!.panels.map(({ title }) => title)).toEqual([
      ...["Stage likes", "Fine-tuning (SFT)"],
    ]);
  });

  test("says what each reward reads, and how a batch is made up", () => {
    expect(factsOf(run).get("reward")).toContain("of prompt and completion");
    expect(factsOf(run).get("training")).toMatch(/^20 iterations of 64 episodes, /);
    const grouped = changed(({ training }) => Object.assign(training, { completions: 8 }));
    expect(factsOf(grouped).get("training")).toMatch(
      /^20 iterations of 64 episodes \(8 prompts × 8 completions\), /,
    );
  });
});
