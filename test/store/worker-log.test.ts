import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { WorkerLog } from "../../src/store/worker-log.js";
import { temporaryFolder } from "./folders.js";

const path = () => join(temporaryFolder(), "logs", "rlhf-s0.log");
const read = (log: string, name: string) => readFileSync(join(dirname(log), name), "utf8");
const fail = (text: string) => {
  throw new Error(text);
};

test("goes on below what is there", () => {
  const log = path();
  for (const line of ["one\n", "two\n"]) {
    const writer = new WorkerLog(log, fail);
    writer.write(line);
    writer.close();
  }
  expect(readFileSync(log, "utf8")).toBe("one\ntwo\n");
});

test("keeps its beginning and its end, and says what is left out", () => {
  const log = path();
  const writer = new WorkerLog(log, fail, 1000);
  for (let line = 0; line < 300; line += 1) {
    writer.write(`line ${line} ${"x".repeat(20)}\n`);
  }
  writer.close();
  const names = ["rlhf-s0.first.log", "rlhf-s0.log", "rlhf-s0.previous.log"];
  expect(readdirSync(dirname(log)).sort()).toEqual(names);
  for (const name of names) {
    expect(read(log, name).length).toBeLessThanOrEqual(1200);
  }
  expect(read(log, "rlhf-s0.first.log")).toMatch(/^line 0 x/);
  expect(readFileSync(log, "utf8")).toMatch(
    /^averse: what came before is in rlhf-s0.first.log and rlhf-s0.previous.log; between these two, \d+ bytes or more were left out\n/,
  );
  const end = read(log, "rlhf-s0.previous.log") + readFileSync(log, "utf8");
  expect(end).toMatch(/line 29[0-8] x+\n[\s\S]*line 299 x+\n$/);
});

test("a folder that was removed is made again, also amidst a run", () => {
  const log = path();
  const writer = new WorkerLog(log, fail);
  writer.write("before\n");
  rmSync(dirname(log), { recursive: true });
  writer.write("after\n");
  writer.close();
  expect(readFileSync(log, "utf8")).toBe("after\n");
});

test("one that cannot be written is told of once, and of again after it could", () => {
  const log = path();
  writeFileSync(dirname(log), "a file in the folder's place");
  const told: string[] = [];
  const writer = new WorkerLog(log, (text) => told.push(text));
  writer.write("lost\n");
  writer.write("lost\n");
  expect(told).toEqual([expect.stringMatching(/^its log cannot be written: .*logs/)]);
  rmSync(dirname(log));
  writer.write("kept\n");
  expect(readFileSync(log, "utf8")).toBe("kept\n");
  writer.close();
});
