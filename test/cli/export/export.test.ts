/** What a run came to, for elsewhere: every kind of export of one small run. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readParquetRows } from "../../../src/tables/parquet-rows.js";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

test("curves, figures, table, completions and a model with its card", async () => {
  const run = join(scratch, "run");
  const set = ["record.completions=tail", "record.completions_every=4", "arms=ra-rlhf"];
  const made = await averse([
    ...["run", "smoke", "--plain", "--run-dir", run],
    ...set.flatMap((key) => ["--set", key]),
  ]);
  expect(made.code).toBe(0);
  const to = join(scratch, "out");
  const exported = await averse([
    ...["export", run, "--to", to, "--json", "--curves", "parquet", "--figures", "svg"],
    ...["--table", "latex", "--completions", "parquet"],
  ]);
  expect(exported).toMatchObject({ code: 0, stderr: "" });
  const { files } = JSON.parse(exported.stdout);
  expect(readdirSync(to).sort()).toEqual([
    "completions.parquet",
    "curves.parquet",
    "figures",
    "results.tex",
  ]);
  const curves = await readParquetRows(files.curves);
  const cvar = curves.filter(({ metric }) => metric === "train/cvar");
  expect(cvar.map(({ iteration }) => iteration)).toEqual([1, 2, 3, 4, 5, 6]);
  // ⌈0.4 · 16⌉ of the iterations 1 and 5.
  const completions = await readParquetRows(files.completions);
  expect(completions.map(({ iteration }) => iteration)).toEqual([
    ...Array(7).fill(1),
    ...Array(7).fill(5),
  ]);
  const returns = completions.slice(0, 7).map((row) => row.return as number);
  expect(returns).toEqual([...returns].sort((a, b) => a - b));
  expect(completions[0]).toMatchObject({ trial: "ra-rlhf-s0", arm: "ra-rlhf", seed: 0, weight: 1 });
  expect(completions[0]!.completion).not.toBe("");
  expect(readFileSync(files.figures[0], "utf8")).toMatch(/^<svg /);

  const model = join(scratch, "model");
  const copied = await averse(["export", run, "--trial", "ra-rlhf-s0", "--to", model]);
  expect(copied).toMatchObject({ code: 0, stderr: "" });
  expect(readdirSync(model)).toEqual(expect.arrayContaining(["README.md", "config.json"]));
  expect(readFileSync(join(model, "README.md"), "utf8")).not.toContain(scratch);
  const refused = await averse(["export", run, "--to", to, "--curves", "csv", "--push", "a/b"]);
  expect(refused.code).toBe(2);
  expect(existsSync(join(to, "curves.csv"))).toBe(false);
}, 120_000);
