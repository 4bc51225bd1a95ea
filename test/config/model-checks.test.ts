import { expect, test } from "vitest";
import { loadExperiment } from "../../src/config/load.js";
import { ConfigError } from "../../src/config/problems.js";
import { scratchFile } from "./scratch-files.js";

function refusal(yaml: string, ...set: string[]): string {
  try {
    loadExperiment(scratchFile(yaml), set);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

test("epochs and steps of one origin exclude each other; a later override wins", () => {
  const both = "name: tiny\nsft: { steps: 5, epochs: 2 }\n";
  expect(refusal(both)).toContain("sft.epochs 2 beside sft.steps 5");
  const steps = "name: tiny\nsft: { steps: 5 }\n";
  expect(refusal(steps, "sft.epochs=2")).toBe("");
  expect(refusal(steps, "sft.epochs=2", "sft.steps=4")).toContain("one of the two");
  expect(refusal("name: tiny\nsft: { epochs: 0.5 }\n")).toBe("");
});

test("early stopping needs a held-out loss", () => {
  expect(refusal("name: tiny\nsft: { early_stopping: 2 }\n")).toContain(
    "Set sft.held_out_every to a number of steps",
  );
  expect(refusal("name: tiny\nsft: { early_stopping: 2, held_out_every: 5 }\n")).toBe("");
});

test("quantized weights need an adapter wherever they are trained", () => {
  const quantized = (policy: string, sft = "{}") =>
    refusal(`name: tiny\npolicy: { quantize: 4bit, ${policy} }\nsft: ${sft}\n`);
  expect(quantized("lora_rank: 0")).toContain("policy.quantize 4bit with policy.lora_rank 0");
  expect(quantized("lora_rank: 8")).toBe("");
  expect(quantized("lora_rank: 8", "{ lora_rank: 0 }")).toContain("with sft.lora_rank 0");
  expect(quantized("lora_rank: 8", "{ lora_rank: 0, steps: 0 }")).toBe("");
});
