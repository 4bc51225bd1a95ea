/** Runs that share a folder of artifacts: two at once, and one whose maker dies. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { writeExperiment } from "./experiment.mjs";
import { killAll } from "./processes.mjs";
import { differences, journalOf, outcomeOf } from "./record.mjs";
import { Subject } from "./strike.mjs";

/** @typedef {import("./checks.mjs").Circumstances} Circumstances */
/** @typedef {import("./checks.mjs").Verdict} Verdict */

/** In which the other run has to come as far as to wait. */
const patienceSeconds = 120;

/**
 * Of two that begin together each stage is made by one, and both get the same.
 *
 * @param {Circumstances} circumstances
 * @returns {Promise<Verdict>}
 */
export async function twoWantOne({ folder, program, expected }) {
  const outcome = await expected("fake-stages");
  const pair = subjects(folder, program);
  const ends = await Promise.all(
    pair.map((one) =>
      one.averse(["run", writeExperiment(one.folder, "fake-stages"), "--run-dir", one.run]),
    ),
  );
  const failed = ends.filter(({ code }) => code !== 0);
  if (failed.length > 0)
    return { problems: failed.map(({ code, output }) => `${code}: ${output}`) };
  const made = pair.flatMap(({ run }) => journalOf(run)).filter(isMade);
  const problems = ["writer", "scorer"].flatMap((name) => {
    const times = made.filter((event) => event.name === name).length;
    return times === 1 ? [] : [`the stage ${name} was made ${times} times`];
  });
  return { problems: [...problems, ...(await bothSound(pair, outcome))] };
}

/**
 * A run waits for a stage that another makes, the other dies with all its processes, and the one
 * that waited makes it; the other is resumed, and takes it over.
 *
 * @param {Circumstances} circumstances
 * @returns {Promise<Verdict>}
 */
export async function makerDies({ folder, program, expected }) {
  const outcome = await expected("fake-stages");
  const pair = subjects(folder, program);
  const [maker, other] = pair;
  const marker = join(folder, "fault");
  // Its heart goes on beating, so that it is slow and not hung: until it is killed below.
  const faults = [
    { command: "train_stage", place: "progress", phase: "stage", count: 2, wait: true, marker },
  ];
  const first = maker.averse([
    ...["run", writeExperiment(maker.folder, "fake-stages", { faults })],
    ...["--run-dir", maker.run],
  ]);
  await until(() => existsSync(marker), "the maker never came to its stage");
  const second = other.averse([
    ...["run", writeExperiment(other.folder, "fake-stages"), "--run-dir", other.run],
  ]);
  try {
    await until(() => waits(other.run), "the other run never waited");
  } finally {
    killAll(maker.mark);
  }
  const { signal } = await first;
  const { code, output } = await second;
  if (signal !== "SIGKILL" || code !== 0) {
    return { problems: [`the maker ended with ${signal}, the other with ${code}:\n${output}`] };
  }
  const again = await maker.averse(["resume", maker.run]);
  if (again.code !== 0) return { problems: [`resume ended with ${again.code}:\n${again.output}`] };
  const madeAgain = journalOf(maker.run).filter(isMade);
  return {
    problems: [
      ...madeAgain.map(({ name }) => `the stage ${name} was made again by the resumed run`),
      ...(await bothSound(pair, outcome)),
    ],
  };
}

/** @param {string} folder @param {string} program @returns {[Subject, Subject]} */
function subjects(folder, program) {
  const one = (/** @type {string} */ name) => {
    const own = join(folder, name);
    mkdirSync(own);
    const subject = new Subject(own, program);
    subject.artifacts = join(folder, "artifacts");
    return subject;
  };
  return [one("a"), one("b")];
}

/** @param {readonly Subject[]} pair @param {import("./record.mjs").Outcome} outcome */
async function bothSound(pair, outcome) {
  const found = [];
  for (const one of pair) {
    found.push(...(await one.remains()), ...differences(outcome, outcomeOf(one.run)));
  }
  return found;
}

/** @param {import("./record.mjs").JournalEvent} event */
function isMade({ type, reused }) {
  return type === "stage_ready" && reused === false;
}

/** @param {string} run */
function waits(run) {
  const file = join(run, "journal.jsonl");
  return existsSync(file) && /"waits_for":"/.test(readFileSync(file, "utf8"));
}

/** @param {() => boolean} holds @param {string} otherwise */
async function until(holds, otherwise) {
  const last = Date.now() + 1000 * patienceSeconds;
  while (!holds()) {
    if (Date.now() > last) throw new Error(otherwise);
    await pause(50);
  }
}
