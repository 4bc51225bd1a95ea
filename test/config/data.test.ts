import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadExperiment } from "../../src/config/load.js";
import { ConfigError } from "../../src/config/problems.js";
import { scratchFile } from "./scratch-files.js";

function load(data: string, set: readonly string[] = []) {
  const file = scratchFile(`name: mine\ndata: ${data}\n`, "x.yaml");
  const folder = dirname(file);
  mkdirSync(join(folder, "texts"), { recursive: true });
  for (const name of ["a.csv", "b.csv", "chat.jinja"]) writeFileSync(join(folder, name), "");
  const at = (path: unknown) => String(path).replace(`${folder}/`, "");
  try {
    const { experiment, origins } = loadExperiment(file, set, folder);
    return { data: experiment.data, origins, at, problems: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map(({ key, found, remedy }) => `${key}: ${found}. ${remedy}`);
    return { data: null, origins: {}, at, problems };
  }
}

describe("a text in place of data", () => {
  test("is its path, in the file and after --set", () => {
    const { data, origins, at } = load("a.csv");
    expect(at(data!.path)).toBe("a.csv");
    expect(origins).toMatchObject({ "data.path": "file" });
    const other = load("builtin", ["data=b.csv"]);
    expect(other.at(other.data!.path)).toBe("b.csv");
    expect(load("a.csv", ["data=builtin"]).data!.path).toBe("builtin");
    expect(load("a.csv", ["data.good=2"]).data).toMatchObject({ good: 2 });
  });

  test("that is missing is told with the nearest name", () => {
    expect(load("c.csv").problems[0]).toMatch(
      /^data\.path: "c\.csv", which is not .*Did you mean [ab]\.csv\?$/,
    );
  });
});

test("paths of two files, of several sources and of the template are found beside the file", () => {
  const { data, at } = load("{path: {train: a.csv, test: b.csv}, template: chat.jinja}");
  expect([at((data!.path as { train: string }).train), at(data!.template)]).toEqual([
    "a.csv",
    "chat.jinja",
  ]);
  const several = load("{sources: [{path: texts}, {path: b.csv}, {hub: owner/name}]}");
  expect(several.data!.sources!.map(({ path }) => several.at(path))).toEqual([
    "texts",
    "b.csv",
    "null",
  ]);
  expect(load("{sources: [{path: b.csv}, {path: nowhere.csv}]}").problems[0]).toMatch(
    /^data\.sources\.1\.path: "nowhere\.csv"/,
  );
  expect(load("{path: a.csv, template: chat.jinaj}").problems[0]).toMatch(
    /^data\.template: "chat\.jinaj".*Did you mean chat\.jinja\?$/,
  );
});

test("overrides reach into maps", () => {
  const set = [
    "data.columns.label=emotion",
    "data.good=[a, b]",
    "data.split=0.2",
    "data.limit.train=5",
  ];
  expect(load("{path: a.csv, columns: {text: t}}", set).data).toMatchObject({
    columns: { text: "t", label: "emotion" },
    good: ["a", "b"],
    split: 0.2,
    limit: { train: 5 },
  });
});

test.each([
  ["{path: a.csv, hub: owner/name}", /^data\.path: path and hub in one\. Leave data\.path out/],
  [
    "{path: a.csv, revision: v1}",
    /^data\.revision: the revision v1 of data that are not from the hub/,
  ],
  ["{sources: [{weight: 1}]}", /^data\.sources\.0: neither path nor hub/],
  ["{sources: [{path: a.csv, weight: 1}, {path: b.csv}]}", /^data\.sources\.1: no weight/],
  ["{path: a.csv, columns: {text: a, prompt: b}}", /^data\.columns\.text: both text and prompt/],
  [
    "{path: a.csv, columns: {completion: a}}",
    /^data\.columns\.completion: completion without prompt/,
  ],
  ["{path: a.csv, columns: {text: a, tools: b}}", /^data\.columns\.text: both text and tools/],
  ["{path: a.csv, columns: {chosen: a, rejected: b}}", /^data\.columns\.chosen: the column chosen/],
  ["{path: a.csv, columns: {txt: a}}", /^data\.columns\.txt: an unknown key/],
  ["{path: a.csv, balance: 1}", /^data\.balance: 1\./],
  ["{path: a.csv, split: 1.5}", /^data\.split: 1\.5\./],
  ["{path: a.csv, truncate: middle}", /^data\.truncate: the text "middle"/],
])("%s is refused", (data, told) => {
  expect(load(data).problems[0]).toMatch(told);
});
