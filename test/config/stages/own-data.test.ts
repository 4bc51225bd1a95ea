import { expect, test } from "vitest";
import { loadExperiment } from "../../../src/config/load.js";
import { ConfigError } from "../../../src/config/problems.js";
import { scratchFile } from "../scratch-files.js";

const stage = (data: string, more = "") => `name: tiny
data: { path: ${scratchFile("text\na\n")}, split: 0.2 }
stages:
  writer: { kind: language_model, steps: 5, data: ${data} ${more} }
policy: { model: "stage:writer" }
`;

const load = (yaml: string, ...set: string[]) => loadExperiment(scratchFile(yaml), set).experiment;

function refusal(yaml: string): string {
  try {
    load(yaml);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

test("a stage without a place of its own learns from the experiment's rows", () => {
  const { data, stages } = load(stage("{ columns: { text: body } }"));
  expect(stages.writer!.data).toMatchObject({ path: data.path, split: 0.2 });
  expect(stages.writer!.data.columns).toEqual({ text: "body" });
  const other = scratchFile("text\nb\n");
  const set = load(stage("{}"), `data.path=${other}`);
  expect(set.stages.writer!.data.path).toBe(other);
});

test("a stage with a place of its own keeps it", () => {
  const { stages } = load(stage("builtin"));
  expect(stages.writer!.data).toMatchObject({ path: "builtin", split: null });
});

test("options that do not fit are told with what to do", () => {
  expect(refusal(stage("{}", ", early_stopping: 2"))).toContain(
    "Set held_out_every to a number of steps",
  );
  const base = "{ architecture: distilbert, context: 64 }";
  const told = refusal(stage("{}", `, base: ${base}`));
  expect(told).toContain("an encoder, as a language model");
  expect(told).toContain("Set max_tokens to 64 or lower");
});

test("a stage's keys can be set, short forms too", () => {
  const path = scratchFile("text\nb\n");
  const { stages } = load(
    stage("{}"),
    "stages.writer.steps=9",
    `stages.writer.data=${path}`,
    "stages.writer.base={architecture: gpt2, width: 64}",
    "stages.writer.max_tokens=32",
  );
  expect(stages.writer).toMatchObject({ steps: 9, max_tokens: 32, base: { width: 64, layers: 2 } });
  expect(stages.writer!.data.path).toBe(path);
  expect(() => load(stage("{}"), "stages.writer.setps=9")).toThrow("unknown key");
  expect(() => load(stage("{}"), "stages.writer.steps=-1")).toThrow("stages.writer.steps");
});
