import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { curveRows } from "../../../src/report/exports/curve-rows.js";
import { modelCard } from "../../../src/report/exports/model-card.js";
import {
  latexText,
  resultRows,
  resultsLatex,
  resultsMarkdown,
} from "../../../src/report/exports/results-table.js";
import { gatherReport } from "../../../src/report/report-data.js";
import { fixtureRun } from "../fixture.js";

const run = fixtureRun({ arms: ["sft", "rlhf", "ra-rlhf"], seeds: [0, 1], iterations: 4 });

/** The tracker's own reading of the events on standard input: trial, name, position and value. */
const trackerPoints = `
import json, sys
from pathlib import Path
from averse_tracker.points import PointReader
reader = PointReader(Path("."), {}, False)
print(json.dumps([[event["trial"], name, sent.point.at, value]
    for event in json.load(sys.stdin) for sent in reader.points(event)
    for name, value in sent.point.scalars.items()]))
`;

test("curves are the figures that trackers get, by the same names", () => {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const python = process.env.AVERSE_PYTHON ?? join(root, ".venv/bin/python");
  const said = execFileSync(python, ["-c", trackerPoints], {
    input: JSON.stringify(run.events),
    env: { ...process.env, PYTHONPATH: join(root, "python") },
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const points = new Set((JSON.parse(said) as unknown[]).map((point) => JSON.stringify(point)));
  const rows = curveRows(run.events).map(({ trial, metric, iteration, value }) =>
    JSON.stringify([trial, metric, iteration, value]),
  );
  expect(points.size).toBeGreaterThan(100);
  expect(new Set(rows)).toEqual(points);
});

test("curves have a row per figure, of an iteration that was done again the later one", () => {
  const step = run.events.find(({ type, trial }) => type === "step" && trial === "ra-rlhf-s1")!;
  const again = { ...step, cvar: 77 } as typeof step;
  const evaluated = { type: "evaluated", trial: "ra-rlhf-s1", step: 4, final: true } as const;
  const figures = {
    weights: "current",
    failed: 0,
    compute: 9,
    metrics: { tail_reward: -1 },
  } as const;
  const rows = curveRows([
    ...run.events,
    again,
    { ...step, ...evaluated, ...figures } as typeof step,
  ]);
  const cvar = rows.filter(
    ({ trial, metric }) => trial === "ra-rlhf-s1" && metric === "train/cvar",
  );
  expect(cvar.map(({ iteration }) => iteration)).toEqual([1, 2, 3, 4]);
  expect(cvar[0]).toEqual({
    trial: "ra-rlhf-s1",
    arm: "ra-rlhf",
    seed: 1,
    metric: "train/cvar",
    iteration: 1,
    value: 77,
  });
  const names = new Set(rows.map(({ metric }) => metric));
  expect([...names]).toEqual(
    expect.arrayContaining(["train/seconds/rollout", "test/tail_reward", "final/tail_reward"]),
  );
  expect([...names].filter((name) => /\/(seq|time|episodes|arrays)$/.test(name))).toEqual([]);
  const keys = rows.map(({ trial, metric, iteration }) => `${trial} ${metric} ${iteration}`);
  expect(new Set(keys).size).toBe(keys.length);
});

test("results are rows of stored figures, and tables of shown ones with intervals", () => {
  const { arms } = run.evaluation;
  const tail = arms["ra-rlhf"]!.metrics.tail_reward!;
  expect(resultRows(arms)).toContainEqual({
    arm: "ra-rlhf",
    seeds: 2,
    metric: "tail_reward",
    mean: tail.mean,
    sd: tail.sd,
    ci95_low: tail.ci95![0],
    ci95_high: tail.ci95![1],
  });
  const markdown = resultsMarkdown(arms).split("\n");
  expect(markdown[0]).toContain("| tail reward |");
  const widths = markdown.slice(0, 5).map((line) => line.split(" | ").length);
  expect(new Set(widths).size).toBe(1);
  const latex = resultsLatex(arms);
  expect(latex).toMatch(/\\begin\{tabular\}\{lr+\}\n\\toprule\narm & /);
  expect(latex).toContain("harm rate \\%");
  expect(latex).toMatch(/\nra-rlhf & \$-?\d+\.\d+\\ \[-?[\d.]+,\\ -?[\d.]+\]\$/);
  const columns = latex.split("\n").filter((line) => line.endsWith("\\\\"));
  expect(new Set(columns.map((line) => line.split(" & ").length)).size).toBe(1);
  expect(latexText("a_b 50% {x} α~\\")).toBe(
    "a\\_b 50\\% \\{x\\} $\\alpha$\\textasciitilde{}\\textbackslash{}",
  );
});

test("a model card has the hub's header, the risk block and nothing of the machine it was made on", () => {
  const { experiment } = run.run;
  const place = { ...experiment.policy, model: "/home/somebody/models/small" };
  const described = { ...run.run, experiment: { ...experiment, policy: place } };
  const card = modelCard({
    data: gatherReport({ ...run, run: described }),
    trial: "ra-rlhf-s0",
    name: "org/tails",
    risk: { measure: "cvar", alpha: 0.4, warmup: null },
    files: { "model.safetensors": "ab12" },
    determinism: "A second run is bit-identical.",
  });
  const [, header = ""] = card.split("---\n");
  const told = parse(header);
  expect(told).toMatchObject({
    library_name: "transformers",
    pipeline_tag: "text-generation",
    tags: ["averse", "rlhf", "risk-cvar"],
  });
  expect(told).not.toHaveProperty("base_model");
  const [{ name, results }] = told["model-index"];
  expect(name).toBe("tails");
  expect(results[0].metrics).toContainEqual(
    expect.objectContaining({ type: "tail_reward", value: expect.any(Number) }),
  );
  expect(card).toContain("- base model: small");
  expect(card).toContain("measure: cvar\nalpha: 0.4\n");
  expect(card).toContain("- `model.safetensors`: `ab12`");
  for (const part of ["## Limits", "## How to reproduce"]) expect(card).toContain(part);
  expect(card).not.toContain("/home/somebody");
});
