/** What is generated from the schema is current; `npm run generate` writes it anew. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { editorSchema, editorSchemaText } from "../../src/config/json-schema.js";
import { loadExperiment } from "../../src/config/load.js";
import { keyReferences } from "../../src/config/reference.js";
import { referencePage } from "../../src/config/reference-page.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = `${root}configs/experiments/`;
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

test("configs/experiment.schema.json is current", async () => {
  await expect(editorSchemaText()).toMatchFileSnapshot(`${root}configs/experiment.schema.json`);
});

test("docs/configuration.md is current", async () => {
  await expect(referencePage()).toMatchFileSnapshot(`${root}docs/configuration.md`);
});

test("every key says what it means", () => {
  expect(
    keyReferences.filter(({ description }) => description === "").map(({ key }) => key),
  ).toEqual([]);
});

describe.each(files)("configs/experiments/%s", (name) => {
  const text = readFileSync(folder + name, "utf8");

  test("is valid", () => {
    expect(loadExperiment(folder + name, []).experiment.name).toBe(name.replace(".yaml", ""));
  });

  test("names its schema for editors in the first line", () => {
    const [first = ""] = text.split("\n");
    const path = first.replace("# yaml-language-server: $schema=", "");
    expect(existsSync(new URL(path, `file://${folder}`))).toBe(true);
  });

  test("is valid by the editors' schema too", () => {
    const schema = z.fromJSONSchema(editorSchema() as Parameters<typeof z.fromJSONSchema>[0]);
    expect(schema.safeParse(parse(text)).error).toBeUndefined();
  });
});

test("the editors' schema refuses what the loader refuses", () => {
  const schema = z.fromJSONSchema(editorSchema() as Parameters<typeof z.fromJSONSchema>[0]);
  for (const bad of [
    {},
    { name: "x", alhpa: 1 },
    { name: "x", risk: { alpha: 2 } },
    { name: "x", arms: ["rlfh"] },
    { name: "x", arms: { mine: { risk: { alhpa: 1 } } } },
    { name: "x", arms: { mine: { evaluation: {} } } },
  ]) {
    expect(schema.safeParse(bad).success, JSON.stringify(bad)).toBe(false);
  }
});

test("quickstart-seeds differs from quickstart in arms, seeds and evaluation alone", () => {
  const one = loadExperiment(`${folder}quickstart.yaml`, []).experiment;
  const many = loadExperiment(`${folder}quickstart-seeds.yaml`, []).experiment;
  const { name, purpose, seeds, arms, evaluation, ...rest } = one;
  expect(many).toMatchObject(rest);
  for (const [arm, config] of Object.entries(arms)) expect(many.arms[arm]).toEqual(config);
  expect(Object.keys(many.arms)).toContain("random-drop");
  expect(many.seeds).toHaveLength(9);
});

test("replication-study differs from quickstart in arms, seeds and evaluation alone", () => {
  const one = loadExperiment(`${folder}quickstart.yaml`, []).experiment;
  const study = loadExperiment(`${folder}replication-study.yaml`, []).experiment;
  const { name, purpose, seeds, arms, evaluation, ...rest } = one;
  expect(study).toMatchObject(rest);
  expect(study.arms["ra-rlhf"]).toEqual(arms["ra-rlhf"]);
});

test("frontier-study differs from quickstart in arms, seeds, sweep and evaluation alone", () => {
  const one = loadExperiment(`${folder}quickstart.yaml`, []).experiment;
  const study = loadExperiment(`${folder}frontier-study.yaml`, []).experiment;
  const { name, purpose, seeds, arms, evaluation, sweep, ...rest } = one;
  expect(study).toMatchObject(rest);
  const { points } = study.sweep;
  for (const [arm, of] of [
    ["rlhf", "rlhf"],
    ["ra-rlhf", "ra-rlhf"],
    ["hard-kl", "hard-kl"],
  ] as const) {
    const own = points.filter((point) => point.of === arm);
    expect(own).toHaveLength(4);
    for (const point of own) {
      const { kl, ...config } = study.arms[point.arm]!;
      expect({ ...config, kl: { ...kl, beta: 0.4 } }).toEqual(arms[of]);
    }
  }
});
