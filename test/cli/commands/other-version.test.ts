/** A record that another version of Averse wrote: every command says so, and what to do. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { checksummedLine, noChecksum } from "../../../src/journal/line.js";
import { manifestText } from "../../../src/store/manifest/text.js";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

const folderOf = (name: string) => join(scratch, "runs", name);

beforeAll(async () => {
  const { code, stderr } = await averse([
    ...["run", "smoke", "--plain", "--run-dir", folderOf("run")],
    ...["--set", "training.iterations=3"],
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  for (const name of ["manifest", "config", "journal"]) {
    cpSync(folderOf("run"), folderOf(name), { recursive: true });
  }
  const path = (name: string) => join(folderOf(name), "manifest.json");
  const { sha256: _, ...manifest } = JSON.parse(readFileSync(path("run"), "utf8"));
  const interrupted = { ...manifest, outcome: "interrupted" };
  writeFileSync(path("manifest"), manifestText({ ...interrupted, manifest: 2 }));
  const config = { ...manifest.config, telepathy: {} };
  writeFileSync(path("config"), manifestText({ ...interrupted, config }));
  writeFileSync(path("journal"), manifestText(interrupted));
  const journal = join(folderOf("journal"), "journal.jsonl");
  let previous = noChecksum;
  const lines = readFileSync(journal, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { checksum: _, ...event } = JSON.parse(line);
      const older = event.type === "step" ? { ...event, kept: undefined, retained: 1 } : event;
      const { bytes, checksum } = checksummedLine(JSON.stringify(older), previous);
      previous = checksum;
      return bytes;
    });
  writeFileSync(journal, Buffer.concat(lines));
});

describe.each([
  ["manifest", /a record of version 2, written by an older Averse \(0\.1\.0.*\); this one reads/],
  ["config", /the configuration in .*manifest\.json is of another version of Averse .*`telepathy`/],
  ["journal", /journal\.jsonl, line \d+: not an event of this version of Averse: .*kept/],
])("of its %s", (name, words) => {
  test.each([
    ["show"],
    ["report"],
    ["verify"],
    ["resume"],
    ...(name === "journal" ? [] : [["attach"], ["compare"]]),
  ])("%s", async (command) => {
    // What a manifest says of its configuration is no matter of a check of bytes.
    if (name === "config" && command === "verify") return;
    const { code, stderr } = await averse([command, folderOf(name)]);
    expect(stderr).toMatch(words);
    expect(stderr).toMatch(/use the Averse that wrote it, or run the experiment again\.?\n$/);
    expect(stderr).not.toMatch(/damaged|TypeError|undefined|unexpected/);
    expect(code).toBe(2);
  });
});

test("the list of runs tells it from a damaged one", async () => {
  const { stdout } = await averse(["ls", "--runs", join(scratch, "runs"), "--json"]);
  const listed = JSON.parse(stdout).map(({ id, state }: Record<string, string>) => [id, state]);
  expect(Object.fromEntries(listed)).toMatchObject({ manifest: "incompatible", run: "done" });
});
