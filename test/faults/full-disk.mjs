/** A disk that is full at a known moment: a small tmpfs of its own, and a file that takes the rest. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeExperiment } from "./experiment.mjs";
import { differences, journalOf, outcomeOf } from "./record.mjs";
import { Subject } from "./strike.mjs";

/** @typedef {import("./checks.mjs").Circumstances} Circumstances */
/** @typedef {import("./checks.mjs").Verdict} Verdict */

/**
 * A checkpoint that finds no room is given up, and the run goes on; the worker that dies next is
 * taken up from the checkpoint before.
 *
 * @param {import("./experiment.mjs").Experiment} name
 * @param {number} nth save of the RL trial
 * @param {number} update that comes after it, and is the worker's end
 * @returns {(circumstances: Circumstances) => Promise<Verdict>}
 */
export function saveOnFullDisk(name, nth, update) {
  return (circumstances) =>
    onSmallDisk(circumstances, async (subject, ballast) => {
      const expected = await circumstances.expected(name);
      const stage = name === "fake" ? { stage: "rl" } : {};
      const faults = [
        { command: "save", ...stage, nth, fill: ballast },
        { command: "update", nth: update, signals: [["SIGKILL", "worker"]] },
      ].map((fault, index) => ({ ...fault, marker: join(subject.folder, `fault-${index}`) }));
      const experiment = writeExperiment(subject.folder, name, { parallel: 1, faults });
      const { code, output } = await subject.averse(["run", experiment, "--run-dir", subject.run]);
      if (code !== 0) return [`the run ended with ${code}:\n${output}`];
      const types = journalOf(subject.run).map(({ type }) => type);
      return [
        ...["checkpoint_failed", "worker_lost", "restored"]
          .filter((type) => !types.includes(type))
          .map((type) => `the journal has no ${type}`),
        ...(/checkpoint/.test(output) && /[Nn]o space|full/.test(output)
          ? []
          : [`nothing was said of the checkpoint:\n${output}`]),
        ...differences(expected, outcomeOf(subject.run)),
        ...(await subject.remains()),
      ];
    });
}

/**
 * A journal that finds no room ends the run in a sentence; with room again it goes on.
 *
 * @param {Circumstances} circumstances
 * @returns {Promise<Verdict>}
 */
export function journalOnFullDisk(circumstances) {
  const fault = { command: "update", nth: 2, place: "after" };
  return onSmallDisk(circumstances, (subject, ballast) =>
    resumedWithRoom(circumstances, "fake", fault, /the disk is full/, subject, ballast),
  );
}

/**
 * A stage whose files find no room ends the run in a sentence, and leaves nothing half made; with room
 * again it is trained anew.
 *
 * @param {Circumstances} circumstances
 * @returns {Promise<Verdict>}
 */
export function artifactOnFullDisk(circumstances) {
  const fault = { command: "train_stage", place: "file" };
  return onSmallDisk(circumstances, (subject, ballast) => {
    subject.artifacts = join(subject.folder, "disk", "artifacts");
    const said = /[Nn]o space|disk is full/;
    return resumedWithRoom(circumstances, "fake-stages", fault, said, subject, ballast);
  });
}

/**
 * The disk is full from the fault on; the run ends, and is resumed once there is room.
 *
 * @param {Circumstances} circumstances
 * @param {import("./experiment.mjs").Experiment} name
 * @param {object} place where the fault strikes, see faulty_worker.py
 * @param {RegExp} said what the run says of it
 * @param {Subject} subject
 * @param {string} ballast
 * @returns {Promise<string[]>} what is wrong
 */
async function resumedWithRoom(circumstances, name, place, said, subject, ballast) {
  const expected = await circumstances.expected(name);
  const marker = join(subject.folder, "fault");
  const fault = { ...place, fill: ballast, keep: true, marker };
  const experiment = writeExperiment(subject.folder, name, { faults: [fault] });
  const first = await subject.averse(["run", experiment, "--run-dir", subject.run]);
  if (!existsSync(marker)) return [`the disk was never filled:\n${first.output}`];
  const problems = [];
  if (first.code !== 3) problems.push(`the run ended with ${first.code}, not 3:\n${first.output}`);
  if (!said.test(first.output)) problems.push(`nothing was said:\n${first.output}`);
  rmSync(ballast);
  const second = await subject.averse(["resume", subject.run]);
  if (second.code !== 0)
    return [...problems, `resume ended with ${second.code}:\n${second.output}`];
  return [
    ...problems,
    ...differences(expected, outcomeOf(subject.run)),
    ...(await subject.remains()),
  ];
}

/**
 * @param {Circumstances} circumstances
 * @param {(subject: Subject, ballast: string) => Promise<string[]>} use
 * @returns {Promise<Verdict>}
 */
async function onSmallDisk({ folder, program }, use) {
  const disk = join(folder, "disk");
  mkdirSync(disk);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=192m", "tmpfs", disk], {
    encoding: "utf8",
  });
  if (mounted.status !== 0) {
    const why = mounted.error?.message ?? mounted.stderr.trim();
    return { problems: [], skipped: `no small disk can be mounted here: ${why}` };
  }
  try {
    const subject = new Subject(folder, program);
    subject.run = join(disk, "run");
    return { problems: await use(subject, join(disk, "ballast")) };
  } finally {
    const { status, stderr } = spawnSync("umount", [disk], { encoding: "utf8" });
    if (status !== 0) process.stderr.write(`umount ${disk}: ${stderr}`);
  }
}
