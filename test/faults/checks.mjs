/** What is checked beside the points. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makerDies, twoWantOne } from "./artifact-checks.mjs";
import { root, writeExperiment } from "./experiment.mjs";
import { artifactOnFullDisk, journalOnFullDisk, saveOnFullDisk } from "./full-disk.mjs";
import { runCommand } from "./processes.mjs";
import { filesIn } from "./record.mjs";
import { rewardAway } from "./reward-service.mjs";
import { Subject } from "./strike.mjs";

/**
 * @typedef {object} Circumstances
 * @property {string} folder empty, the check's own
 * @property {string} program the built main.js
 * @property {(name: import("./experiment.mjs").Experiment) => Promise<import("./record.mjs").Outcome>} expected
 *   of the undisturbed run
 */

/** @typedef {{ problems: string[], skipped?: string }} Verdict */

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {boolean} [short] also in the short form
 * @property {boolean} [alone] it measures, or uses the whole machine
 * @property {number} [weight] time it takes, 1 by default: as a run of the fake engine
 * @property {(circumstances: Circumstances) => Promise<Verdict>} perform
 */

/** Every way in which a server can be away, for a moment and for long. @type {Check[]} */
const services = /** @type {const} */ (["busy", "silent", "down"]).flatMap((how) => [
  {
    name: `HTTP reward ${how} for a moment (PyTorch)`,
    weight: 12,
    perform: rewardAway(how, true),
  },
  {
    name: `HTTP reward ${how} until the run is resumed (PyTorch)`,
    weight: 15,
    perform: rewardAway(how, false),
  },
]);

/** @type {readonly Check[]} */
export const checks = [
  { name: "full disk: a checkpoint", short: true, perform: saveOnFullDisk("fake", 1, 4) },
  { name: "full disk: a checkpoint (PyTorch)", weight: 6, perform: saveOnFullDisk("torch", 1, 2) },
  { name: "full disk: the journal", short: true, perform: journalOnFullDisk },
  { name: "full disk: an artifact", perform: artifactOnFullDisk },
  { name: "two runs want one artifact", perform: twoWantOne },
  { name: "an artifact's maker is killed, and another run waits", short: true, perform: makerDies },
  ...services,
  { name: "secrets stay out of the run folder", short: true, perform: keepsSecrets },
  {
    name: "soak: 10,000 steps",
    alone: true,
    weight: 10,
    perform: ({ folder }) =>
      script(folder, [
        process.execPath,
        ...["--import", "tsx", "--expose-gc"],
        join(root, "test", "faults", "soak.mjs"),
        folder,
      ]),
  },
  {
    name: "protocol fuzz: the controller, long form",
    alone: true,
    weight: 10,
    perform: ({ folder }) =>
      script(folder, [
        process.execPath,
        join(root, "node_modules", "vitest", "vitest.mjs"),
        ...["run", "--config", join("test", "vitest.config.ts"), "fuzz.test"],
      ]),
  },
  {
    name: "protocol fuzz: the worker, long form",
    alone: true,
    weight: 10,
    perform: ({ folder }) =>
      script(folder, [
        join(root, ".venv", "bin", "python"),
        ...["-m", "pytest", "-q", "--tb=short", join("test", "python", "test_fuzz.py")],
      ]),
  },
];

/** A soak, or a fuzz of ten thousand messages. */
const scriptSeconds = 900;

/**
 * @param {string} folder
 * @param {readonly string[]} argv
 * @returns {Promise<Verdict>}
 */
async function script(folder, argv) {
  const { code, output } = await runCommand(argv, {
    mark: folder,
    cwd: root,
    env: { ...process.env, AVERSE_LONG: "1", NO_COLOR: "1" },
    limitSeconds: scriptSeconds,
    killStopped: false,
  });
  return { problems: code === 0 ? [] : [`ended with ${code}:\n${output}`] };
}

/**
 * Planted secrets reach the worker, which dies with them on its hands, and no file and no line.
 *
 * @param {Circumstances} circumstances
 * @returns {Promise<Verdict>}
 */
async function keepsSecrets({ folder, program }) {
  const secret = `planted-${Math.random().toString(36).slice(2)}`;
  const names = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY"];
  const planted = Object.fromEntries(names.map((name) => [name, `${secret}-${name}`]));
  const subject = new Subject(folder, program, planted);
  const marker = join(folder, "fault");
  const fault = { command: "update", nth: 1, signals: [["SIGABRT", "worker"]], marker };
  const experiment = writeExperiment(folder, "fake", { faults: [fault] });
  const { code, output } = await subject.averse([
    "run",
    experiment,
    "--json",
    "--run-dir",
    subject.run,
  ]);
  const problems = code === 0 ? [] : [`the run ended with ${code}:\n${output}`];
  if (output.includes(secret)) problems.push("the output has a secret");
  const files = filesIn(subject.run);
  if (files.length < 10) problems.push(`only ${files.length} files to look through`);
  for (const file of files) {
    if (readFileSync(file).includes(secret)) problems.push(`${file} has a secret`);
  }
  return { problems: [...problems, ...(await subject.remains())] };
}
