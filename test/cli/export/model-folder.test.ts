/** An export that breaks off leaves nothing, and one that was killed is gone on with. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type CheckedModel, copyModel } from "../../../src/cli/export/model-folder.js";
import { sha256Of } from "../../../src/system/sha256.js";

function folderOf(files: Readonly<Record<string, string>>): [parent: string, model: CheckedModel] {
  const parent = mkdtempSync(join(tmpdir(), "averse-export-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, "model");
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const digests = Object.entries(files).map(([name, text]) => [name, sha256Of(text)]);
  return [parent, { trial: "ra-rlhf-s0", folder, files: Object.fromEntries(digests) }];
}

test("whole or not at all", async () => {
  const [parent, model] = folderOf({ "config.json": "{}", "model.safetensors": "weights" });
  const to = join(parent, "out");
  rmSync(join(model.folder, "model.safetensors"));
  await expect(copyModel(model, "card", to)).rejects.toThrow(/^cannot write .*out: /);
  expect(readdirSync(parent)).toEqual(["model"]);
  writeFileSync(join(model.folder, "model.safetensors"), "weights");
  await copyModel(model, "card", to);
  expect(readdirSync(to).sort()).toEqual(["README.md", "config.json", "model.safetensors"]);
  await expect(copyModel(model, "card", to)).rejects.toThrow(/is not empty/);
  expect(readFileSync(join(to, "README.md"), "utf8")).toBe("card");
});

test("what an export that was killed has copied is not copied again, if it is whole", async () => {
  const [parent, model] = folderOf({ "config.json": "{}", "model.safetensors": "weights" });
  const partial = join(parent, "out.averse-partial");
  mkdirSync(partial);
  writeFileSync(join(partial, "config.json"), "{}");
  writeFileSync(join(partial, "model.safetensors"), "weig");
  utimesSync(join(partial, "config.json"), 1, 1);
  const to = join(parent, "out");
  await copyModel(model, "card", to);
  expect(statSync(join(to, "config.json")).mtimeMs).toBe(1000);
  expect(readFileSync(join(to, "model.safetensors"), "utf8")).toBe("weights");
  expect(existsSync(partial)).toBe(false);
});
