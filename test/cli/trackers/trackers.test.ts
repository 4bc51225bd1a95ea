/** Trackers beside a real run, with stand-ins for their libraries: they hang, die and tell secrets. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { averse, buildProgramFirst, scratch } from "../averse.js";

buildProgramFirst();

/** A folder of Python modules, for PYTHONPATH. */
function standIns(name: string, modules: Readonly<Record<string, string>>): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  for (const [module, source] of Object.entries(modules)) {
    writeFileSync(join(folder, `${module}.py`), source);
  }
  return folder;
}

const hangs = "import time\ndef init(**_):\n    time.sleep(600)\n";
const dies = `import os
Settings = dict
def init(**_):
    print("logged in with", os.environ["WANDB_API_KEY"], flush=True)
    os._exit(9)
`;
const takes = `import json, os
class Run:
    def __init__(self, told):
        self.told = told
    def log(self, row, step):
        with open(os.environ["TAKEN"], "a") as file:
            file.write(json.dumps({"run": self.told["name"], "step": step, **row}) + "\\n")
    def finish(self):
        pass
def init(**told):
    return Run(told)
def Histogram(values):
    return len(values)
def Table(columns, data):
    return columns
`;

test("a run is what it is without them, and `averse track` sends the rest, once", async () => {
  const run = join(scratch, "run");
  const key = "local-0123456789abcdef";
  const bad = standIns("bad", { trackio: hangs, wandb: dies });
  const env = { PYTHONPATH: bad, WANDB_API_KEY: key };
  const trackers = "trackers=[{name: trackio, timeout: 0.2, tags: [night]}, wandb]";
  const done = await averse(["run", "smoke", "--plain", "--run-dir", run, "--set", trackers], {
    env,
  });
  expect(done.code).toBe(0);
  const said = `${done.stdout}${done.stderr}`;
  expect(said.match(/warning: tracker trackio: trackio gave no answer for 0\.2 s/g)).toHaveLength(
    1,
  );
  expect(said.match(/warning: tracker wandb: its process ended with status 9/g)).toHaveLength(1);
  expect(said).toContain("--to wandb` sends the rest");
  const log = (name: string) => readFileSync(join(run, "logs", `tracker-${name}.log`), "utf8");
  expect(log("trackio")).toContain("trackio.py");
  expect(log("wandb")).toContain("logged in with [redacted: WANDB_API_KEY]");
  for (const file of ["manifest.json", "journal.jsonl", "logs/tracker-wandb.log"]) {
    expect(readFileSync(join(run, file), "utf8")).not.toContain(key);
  }

  const good = standIns("good", { trackio: takes });
  const taken = join(scratch, "taken.jsonl");
  const track = () =>
    averse(["track", run, "--to", "trackio"], {
      env: {
        PYTHONPATH: [good, process.env.PYTHONPATH].filter(Boolean).join(delimiter),
        TAKEN: taken,
      },
    });
  // Three trials: SFT's curve in each, 6 iterations and evaluations in two.
  const first = await track();
  expect(first).toMatchObject({ code: 0, stderr: "" });
  const rows = readFileSync(taken, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const steps = rows.filter((row) => "train/cvar" in row && row.run.includes("-ra-rlhf-s0"));
  expect(steps.map((row) => row.iteration)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(rows.filter((row) => "final/tail_reward" in row)).toHaveLength(3);
  expect((await track()).stdout).toContain("nothing new sent to trackio");
  expect(readFileSync(taken, "utf8").trimEnd().split("\n")).toHaveLength(rows.length);
  expect((await averse(["verify", run])).code).toBe(0);
}, 120_000);
