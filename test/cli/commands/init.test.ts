/** Experiments that are written for what lies in a folder, and hold as they are. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { scalar } from "../../../src/cli/init/experiment-text.js";
import { parseYaml } from "../../../src/config/yaml.js";
import { gpt2, modelFolder, toxicBert } from "../../preflight/model-folders.js";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

const rows = (of: (index: number) => object): string =>
  Array.from({ length: 300 }, (_, index) => JSON.stringify(of(index))).join("\n");

const files: Readonly<Record<string, string>> = {
  sentiment: [
    "id,review,sentiment",
    ...Array.from(
      { length: 300 },
      (_, at) => `${at},"a film, the ${at}th",${["bad", "good"][at % 2]}`,
    ),
  ].join("\n"),
  toxicity: rows((at) => ({
    comment_text: `a comment of some length, number ${at}`,
    toxic: at % 2,
  })),
  preference: rows((at) => ({ prompt: `q ${at}`, chosen: `yes ${at}`, rejected: `no ${at}` })),
  python: rows((at) => ({ text: `words of a text, number ${at}`, source: `a place ${at}` })),
};

/** A folder with a data file and two models, and an experiment written for it. */
async function written(template: string, ...args: string[]) {
  const folder = join(scratch, `init-${template}`);
  mkdirSync(folder, { recursive: true });
  const name = template === "sentiment" ? "reviews.csv" : "rows.jsonl";
  writeFileSync(join(folder, name), files[template]!);
  modelFolder(join(folder, "models", "lm"), gpt2);
  modelFolder(join(folder, "models", "classifier"), toxicBert);
  const said = await averse(["init", ...args], { cwd: folder });
  return { folder, said, text: () => readFileSync(join(folder, "experiment.yaml"), "utf8") };
}

describe("averse init", { timeout: 60_000 }, () => {
  test.each([
    ["sentiment", ["text from review", 'good is "good"'], "label: sentiment", "models/classifier"],
    ["toxicity", ["text from comment_text", "good is 0"], "sign: -1", "label: toxic"],
    [
      "preference",
      ["prompt from prompt", "trained from the pairs"],
      "stages:",
      "stage:preferences",
    ],
    ["python", ["text from text", "reward.py"], "function: reward.py:score", "kind: python"],
  ])("%s: writes what validates as it is", async (template, told, ...lines) => {
    // Without a word, where the data say which one it is.
    const asked = template === "python" ? ["--from", "python"] : [];
    const { folder, said, text } = await written(template, ...asked);
    expect(said).toMatchObject({ code: 0, stderr: "" });
    expect(said.stdout).toContain(`a ${template} experiment`);
    for (const words of told) expect(said.stdout).toContain(words);
    for (const line of lines) expect(text()).toContain(line);
    expect(text()).toContain("model: models/lm # found here, 128 positions");
    const valid = await averse(["config", "validate", "experiment.yaml", "--offline"], {
      cwd: folder,
    });
    expect(valid).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(join(folder, "reward.py"))).toBe(template === "python");
  });

  test("never overwrites a file unless told to", async () => {
    const { folder, text } = await written("sentiment");
    const before = text();
    writeFileSync(join(folder, "experiment.yaml"), "mine");
    const refused = await averse(["init"], { cwd: folder });
    expect(refused.stderr).toContain("experiment.yaml already exists: name another file");
    expect(refused.code).toBe(2);
    expect(text()).toBe("mine");
    expect((await averse(["init", "--force"], { cwd: folder })).code).toBe(0);
    expect(text()).toBe(before);
    writeFileSync(join(folder, "reward.py"), "# mine");
    await averse(["init", "other.yaml", "--from", "python"], { cwd: folder });
    expect(readFileSync(join(folder, "reward.py"), "utf8")).toBe("# mine");
    expect(readFileSync(join(folder, "other.yaml"), "utf8")).toContain("name: other\n");
  });

  test("in an empty folder writes what runs without anything else", async () => {
    const folder = join(scratch, "empty");
    mkdirSync(folder);
    const { stdout } = await averse(["init", "--json"], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ template: "sentiment", data: { path: "builtin" } });
    const valid = await averse(["config", "validate", "experiment.yaml"], { cwd: folder });
    expect(valid).toMatchObject({ code: 0, stderr: "" });
  });

  test("refuses a template that there is not", async () => {
    const { code, stderr } = await averse(["init", "--from", "sentimental"]);
    expect(stderr).toContain("sentiment, toxicity, preference, python");
    expect(code).toBe(2);
  });
});

test.each(["plain", "a b", "true", "1", "x: y", "#", "reward.py:score", "stage:x", "", "é", "no"])(
  "%j is read back as the text that it is",
  (value) => {
    expect(parseYaml("x", `key: ${scalar(value)}`).tree).toEqual({ key: value });
  },
);
