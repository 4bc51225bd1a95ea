/**
 * The points at which a run is killed or stopped, as data. What is undisturbed is the same at all
 * of them: `experiment.mjs`.
 */

/**
 * @typedef {object} Point
 * @property {string} name
 * @property {import("./experiment.mjs").Experiment} experiment
 * @property {boolean} [short] also in the short form
 * @property {number} [parallel] trials side by side; 2 by default
 * @property {number} [restarts] workers that a trial may lose
 * @property {Record<string, unknown>[]} [faults] in the workers (faulty_worker.py), each once
 * @property {(Record<string, unknown> | null)[]} [killAt] in the controllers (kill-at.mjs): of
 *   `run`, of the first `resume`, …
 * @property {("SIGKILL" | number)[]} ends of `run`, of the first `resume`, …: signal or exit code
 * @property {string} [journals] type of an event that the fault must have led to
 */

const killWorker = { signals: [["SIGKILL", "worker"]] };
const endWorker = { signals: [["SIGTERM", "worker"]], wait: true };
const stopWorker = { signals: [["SIGSTOP", "worker"]] };
const killController = { signals: [["SIGKILL", "controller"]], wait: true };
const cutPower = { signals: [["SIGKILL", "all"]] };
/** Stopped, seen to be so, and killed by the test. */
const stopController = { signals: [["SIGSTOP", "controller"]], wait: true };
const stopAll = { signals: [["SIGSTOP", "all"]] };
const askController = (/** @type {string} */ signal) => ({ signals: [[signal, "controller"]] });

/** Places in a worker, by phase. */
const at = {
  start: { command: "start" },
  load: { command: "load", place: "after" },
  loadRl: { command: "load", stage: "rl" },
  sft: { command: "sft", place: "progress", phase: "sft", count: 2 },
  sftDone: { command: "sft", place: "after" },
  rollout: { command: "rollout", nth: 3 },
  sample: { command: "rollout", nth: 2, place: "progress", phase: "sample", count: 1 },
  reward: { command: "rollout", nth: 3, place: "progress", phase: "reward" },
  rolledOut: { command: "rollout", nth: 4, place: "after" },
  update: { command: "update", nth: 3 },
  update0: { command: "update", nth: 0 },
  inUpdate: { command: "update", nth: 4, place: "progress", phase: "update", count: 2 },
  updated: { command: "update", nth: 3, place: "after" },
  firstUpdate: { command: "update", nth: 0, place: "progress", phase: "update", count: 1 },
  texts: { command: "texts", nth: 3 },
  told: { command: "texts", nth: 4, place: "after" },
  evaluate: { command: "evaluate", stage: "rl", nth: 1 },
  evaluated: { command: "evaluate", stage: "rl", nth: 1, place: "after" },
  evaluatedLast: { command: "evaluate", stage: "rl", nth: 3, place: "after" },
  evaluateSft: { command: "evaluate", stage: "sft", place: "progress", phase: "evaluate" },
  save: { command: "save", stage: "rl", nth: 1 },
  saveHalf: { command: "save", stage: "rl", nth: 1, place: "half-file" },
  saveNext: { command: "save", stage: "rl", nth: 1, place: "written-file" },
  saved: { command: "save", stage: "rl", nth: 1, place: "after" },
  savedSft: { command: "save", stage: "sft", place: "after" },
  restore: { command: "restore" },
  restored: { command: "restore", place: "after" },
  exportSft: { command: "export", stage: "sft", place: "half-file" },
  exportRl: { command: "export", stage: "rl", place: "written-file" },
};

/** In the first model that is trained before a run, or in the second, which starts from it. */
const stageAt = {
  described: { command: "describe_stage", place: "after" },
  start: { command: "train_stage" },
  inStage: { command: "train_stage", place: "progress", phase: "stage", count: 2 },
  half: { command: "train_stage", place: "half-file" },
  written: { command: "train_stage", place: "written-file" },
  trained: { command: "train_stage", place: "after" },
  second: { command: "train_stage", nth: 1, place: "progress", phase: "stage", count: 2 },
  secondTrained: { command: "train_stage", nth: 1, place: "after" },
};

/** The same with the ordinals of fewer iterations and more files. */
const torchAt = {
  load: { command: "load", place: "progress", phase: "load", count: 2 },
  sftStep: { command: "sft", place: "optimizer", count: 1 },
  sample: { command: "rollout", nth: 1, place: "progress", phase: "sample", count: 1 },
  reward: { command: "rollout", nth: 1, place: "progress", phase: "reward" },
  step: { command: "update", nth: 1, place: "optimizer", count: 1 },
  stepped: { command: "update", nth: 2, place: "stepped", count: 1 },
  updated: { command: "update", nth: 1, place: "after" },
  evaluate: { command: "evaluate", nth: 1 },
  saveHalf: { command: "save", nth: 1, place: "half-file", count: 1 },
  saveNext: { command: "save", nth: 1, place: "written-file" },
  savedSft: { command: "save", place: "after" },
  restored: { command: "restore", place: "after" },
};

/**
 * The controller restarts the worker by itself.
 *
 * @param {string} name
 * @param {Record<string, unknown>} place
 * @param {Record<string, unknown>} what
 * @param {Partial<Point>} [more]
 * @returns {Point}
 */
function worker(name, place, what, more = {}) {
  const faults = [{ ...place, ...what }];
  return { name, experiment: "fake", faults, ends: [0], journals: "worker_lost", ...more };
}

/**
 * The controller dies, or leaves when asked to, and the run is resumed.
 *
 * @param {string} name
 * @param {Record<string, unknown>} place
 * @param {Record<string, unknown>} what
 * @param {"SIGKILL" | number} end
 * @param {Partial<Point>} [more]
 * @returns {Point}
 */
function resumed(name, place, what, end, more = {}) {
  const faults = [{ ...place, ...what }];
  return { name, experiment: "fake", faults, ends: [end, 0], journals: "run_resumed", ...more };
}

/**
 * The controller kills itself at a call of node:fs.
 *
 * @param {string} name
 * @param {Record<string, unknown>} killAt
 * @param {Partial<Point>} [more]
 * @returns {Point}
 */
function atCall(name, killAt, more = {}) {
  const ends = /** @type {Point["ends"]} */ (["SIGKILL", 0]);
  return { name, experiment: "fake", killAt: [killAt], ends, journals: "run_resumed", ...more };
}

/** @param {string} type @param {"before" | "half" | "after"} when @param {number} [nth] */
const line = (type, when, nth = 0) => ({
  call: "writeSync",
  path: "journal\\.jsonl$",
  content: `"type":"${type}"`,
  when,
  nth,
});
const checkpointFolder = "checkpoints/step-\\d+";
const artifactFolder = "artifacts/[0-9a-f]{64}";

const staged = /** @type {const} */ ({ experiment: "fake-stages" });
const swept = /** @type {const} */ ({ experiment: "fake-sweep" });

/**
 * A worker of two processes; `rank` is the one that is struck.
 *
 * @param {"distributed" | "fsdp"} experiment
 * @returns {Point[]}
 */
function ofSeveral(experiment) {
  /** @type {(rank: number, where: string, place: Record<string, unknown>) => Point} */
  const killed = (rank, where, place) =>
    worker(`${experiment}: process ${rank} killed ${where}`, place, killWorker, {
      experiment,
      faults: [{ ...place, ...killWorker, rank }],
    });
  return [
    killed(1, "while sampling", torchAt.sample),
    killed(0, "in a gradient step", torchAt.step),
    killed(1, "in a gradient step", torchAt.step),
    // Of several that divide nothing, the others write nothing.
    killed(experiment === "fsdp" ? 1 : 0, "in the middle of a checkpoint's file", {
      ...torchAt.saveHalf,
      count: 0,
    }),
    {
      ...killed(1, "in an update, the next one after it has restored", torchAt.updated),
      faults: [
        { ...torchAt.updated, ...killWorker, rank: 1 },
        { ...torchAt.restored, ...killWorker, rank: 1 },
      ],
    },
    resumed(
      `${experiment}: controller asked to stop (SIGTERM) by process 1 in an update`,
      {},
      {},
      130,
      {
        experiment,
        faults: [{ ...torchAt.stepped, ...askController("SIGTERM"), rank: 1 }],
      },
    ),
  ];
}

/** @type {Point[]} */
export const points = [
  // ── the worker, on its own ──────────────────────────────────────────────────────────────────
  worker("worker killed before its hello", at.start, killWorker, { short: true }),
  worker("worker killed at the end of load", at.load, killWorker),
  worker("worker killed before the load of an RL trial", at.loadRl, killWorker),
  worker("worker killed in SFT", at.sft, killWorker),
  worker("worker killed after SFT, before its answer", at.sftDone, killWorker),
  worker("worker killed before a rollout", at.rollout, killWorker),
  worker("worker killed while sampling", at.sample, killWorker, { parallel: 1 }),
  worker("worker killed while scoring", at.reward, killWorker),
  worker("worker killed after a rollout", at.rolledOut, killWorker),
  worker("worker killed before an update", at.update, killWorker),
  worker("worker killed inside an update", at.inUpdate, killWorker, { short: true }),
  worker("worker killed after an update", at.updated, killWorker, { parallel: 1 }),
  worker("worker killed before it tells a step's texts", at.texts, killWorker),
  worker("worker killed after it told a step's texts", at.told, killWorker),
  worker("worker killed in the first update, before any checkpoint", at.firstUpdate, killWorker),
  worker("worker killed in an evaluation", at.evaluated, killWorker),
  worker("worker killed in the last evaluation", at.evaluatedLast, killWorker),
  worker("worker killed in the evaluation of SFT", at.evaluateSft, killWorker),
  worker("worker killed before a checkpoint's first file", at.save, killWorker),
  worker("worker killed in the middle of a checkpoint's file", at.saveHalf, killWorker, {
    short: true,
  }),
  worker("worker killed between a checkpoint's files", at.saveNext, killWorker),
  worker("worker killed after a checkpoint, before its answer", at.saved, killWorker),
  worker("worker killed after SFT's checkpoint", at.savedSft, killWorker),
  worker("worker killed while the SFT model is exported", at.exportSft, killWorker),
  worker("worker killed while an RL model is exported", at.exportRl, killWorker),
  {
    ...worker("worker killed in an update, the next one while it restores", at.update, killWorker),
    faults: [
      { ...at.update, ...killWorker },
      { ...at.restore, ...killWorker },
      { ...at.restored, ...killWorker },
    ],
  },
  {
    name: "worker killed more often than it may be restarted",
    experiment: "fake",
    parallel: 1,
    restarts: 1,
    faults: [
      { ...at.update, ...killWorker },
      { ...at.restored, ...killWorker },
    ],
    ends: [3, 0],
    journals: "trial_failed",
  },
  worker("worker terminated in SFT", at.sft, endWorker),
  worker("worker terminated inside an update", at.inUpdate, endWorker),
  worker("worker terminated while it writes a checkpoint", at.saveHalf, endWorker),
  worker("worker stopped while sampling", at.sample, stopWorker),
  worker("worker stopped inside an update", at.inUpdate, stopWorker),
  worker("worker stopped while it writes a checkpoint", at.saveNext, stopWorker),

  // ── the controller, at a place in the worker ────────────────────────────────────────────────
  resumed("controller killed in SFT", at.sft, killController, "SIGKILL"),
  resumed("controller killed while sampling", at.sample, killController, "SIGKILL"),
  resumed("controller killed inside an update", at.inUpdate, killController, "SIGKILL", {
    short: true,
  }),
  resumed("controller killed in an evaluation", at.evaluate, killController, "SIGKILL"),
  resumed(
    "controller killed while a checkpoint is written",
    at.saveHalf,
    killController,
    "SIGKILL",
  ),
  resumed("controller killed during an export", at.exportRl, killController, "SIGKILL"),
  resumed("controller stopped, then killed, while scoring", at.reward, stopController, "SIGKILL"),
  resumed("controller stopped, then killed, in a save", at.saveNext, stopController, "SIGKILL"),
  resumed(
    "all stopped inside an update, then the controller killed",
    at.inUpdate,
    stopAll,
    "SIGKILL",
  ),
  {
    name: "controller stopped inside an update and continued",
    experiment: "fake",
    faults: [
      {
        ...at.inUpdate,
        signals: [
          ["SIGSTOP", "controller"],
          ["SIGCONT", "controller"],
        ],
        pause: 1,
      },
    ],
    ends: [0],
  },
  resumed("controller asked to stop (SIGTERM) in load", at.loadRl, askController("SIGTERM"), 130),
  resumed("controller asked to stop (SIGTERM) in SFT", at.sft, askController("SIGTERM"), 130),
  resumed(
    "controller asked to stop (SIGTERM) in a rollout",
    at.sample,
    askController("SIGTERM"),
    130,
    {
      short: true,
    },
  ),
  resumed(
    "controller asked to stop (SIGINT) inside an update",
    at.inUpdate,
    askController("SIGINT"),
    130,
  ),
  resumed(
    "controller asked to stop (SIGTERM) in an evaluation",
    at.evaluate,
    askController("SIGTERM"),
    130,
  ),
  resumed(
    "controller asked to stop (SIGTERM) in a save",
    at.saveHalf,
    askController("SIGTERM"),
    130,
  ),
  resumed(
    "controller asked to stop (SIGTERM) in an export",
    at.exportSft,
    askController("SIGTERM"),
    130,
  ),
  {
    name: "controller told to stop now (SIGINT twice) inside an update",
    experiment: "fake",
    faults: [
      {
        ...at.inUpdate,
        signals: [
          ["SIGINT", "controller"],
          ["SIGINT", "controller"],
        ],
        pause: 0.5,
        wait: true,
      },
    ],
    ends: [130, 0],
    journals: "run_resumed",
  },

  // ── everything at once ──────────────────────────────────────────────────────────────────────
  resumed("power cut in load", at.load, cutPower, "SIGKILL"),
  resumed("power cut in SFT", at.sft, cutPower, "SIGKILL"),
  resumed("power cut while sampling", at.sample, cutPower, "SIGKILL"),
  resumed("power cut while scoring", at.reward, cutPower, "SIGKILL", { short: true }),
  resumed("power cut inside an update", at.inUpdate, cutPower, "SIGKILL"),
  resumed("power cut after an update, before its answer", at.updated, cutPower, "SIGKILL"),
  resumed("power cut in an evaluation", at.evaluated, cutPower, "SIGKILL"),
  resumed("power cut in the middle of a checkpoint's file", at.saveHalf, cutPower, "SIGKILL"),
  resumed("power cut after a checkpoint, before its answer", at.saved, cutPower, "SIGKILL"),
  resumed("power cut during an export", at.exportRl, cutPower, "SIGKILL"),

  // ── the controller, at a place in the controller ────────────────────────────────────────────
  atCall("controller killed in the middle of a step's line", line("step", "half", 3), {
    short: true,
  }),
  atCall("controller killed after a step's line, before it is on disk", line("step", "after", 4)),
  atCall(
    "controller killed in the middle of a checkpoint's line",
    line("checkpoint_saved", "half", 1),
  ),
  atCall("controller killed after a checkpoint's line", line("checkpoint_saved", "after", 1)),
  atCall("controller killed in the middle of an evaluation's line", line("evaluated", "half", 2)),
  atCall("controller killed after the end of a trial", line("trial_finished", "after")),
  atCall("controller killed in the middle of the first line", line("run_started", "half"), {
    journals: "run_started",
  }),
  atCall("controller killed before a step's texts are renamed", {
    call: "renameSync",
    path: "texts/step-\\d+\\.jsonl\\.tmp$",
    when: "before",
    nth: 4,
  }),
  atCall("controller killed between a step's texts and its line", {
    call: "renameSync",
    path: "texts/step-\\d+\\.jsonl\\.tmp$",
    when: "after",
    nth: 3,
  }),
  atCall("controller killed before the controller's part of a checkpoint", {
    call: "writeFileSync",
    path: "controller\\.json",
    when: "before",
    nth: 1,
  }),
  atCall("controller killed before a checkpoint's digests", {
    call: "writeFileSync",
    path: `${checkpointFolder}\\.partial/digests\\.json`,
    when: "before",
    nth: 1,
  }),
  atCall("controller killed before a checkpoint is renamed", {
    call: "renameSync",
    path: `${checkpointFolder}\\.partial$`,
    when: "before",
    nth: 1,
  }),
  atCall(
    "controller killed between a checkpoint's rename and its line",
    { call: "renameSync", path: `${checkpointFolder}\\.partial$`, when: "after", nth: 1 },
    { short: true },
  ),
  atCall(
    "controller killed before an old checkpoint is dropped",
    line("checkpoint_dropped", "before"),
  ),
  atCall(
    "controller killed after the line that drops a checkpoint",
    line("checkpoint_dropped", "after"),
  ),
  atCall("controller killed with an old checkpoint half dropped", {
    call: "rmSync",
    path: `${checkpointFolder}\\.removed$`,
    when: "before",
    nth: 1,
  }),
  atCall("controller killed before a model is renamed", {
    call: "renameSync",
    path: "model\\.partial$",
    when: "before",
    nth: 1,
  }),
  atCall("controller killed between a model's rename and its line", {
    call: "renameSync",
    path: "model\\.partial$",
    when: "after",
  }),
  atCall("controller killed before the manifest is renamed", {
    call: "renameSync",
    path: "manifest\\.json\\.tmp$",
    when: "before",
    nth: 1,
  }),
  atCall("controller killed after the manifest is renamed", {
    call: "renameSync",
    path: "manifest\\.json\\.tmp$",
    when: "after",
    nth: 1,
  }),
  atCall(
    "controller killed after the line of a worker that is ready",
    line("worker_ready", "after"),
  ),
  atCall("controller killed after a model's line", line("model_exported", "after", 1)),
  atCall("controller killed after the last evaluation's line", {
    ...line("evaluated", "after"),
    content: '"type":"evaluated","step":6,"final":true',
  }),
  atCall("controller killed before evaluation.json is there", {
    call: "renameSync",
    path: "evaluation\\.json\\.tmp$",
    when: "before",
  }),
  atCall(
    "controller killed between evaluation.json and the end's line",
    line("run_finished", "before"),
  ),
  atCall("controller killed in the middle of the end's line", line("run_finished", "half")),
  atCall(
    "controller killed between the end's line and the manifest",
    line("run_finished", "after"),
    {
      journals: "run_finished",
    },
  ),
  {
    ...atCall("controller killed in a step's line, and again while it cuts that off", {}),
    killAt: [line("step", "half", 3), { call: "ftruncateSync", path: "journal", when: "before" }],
    ends: ["SIGKILL", "SIGKILL", 0],
  },
  {
    ...atCall("controller killed in a step's line, and again in the line that resumes", {}),
    killAt: [line("step", "half", 3), line("run_resumed", "half")],
    ends: ["SIGKILL", "SIGKILL", 0],
  },
  {
    ...atCall("controller killed in a save, and again while it tidies up", {}),
    faults: [{ ...at.saveHalf, ...cutPower }],
    killAt: [null, { call: "rmSync", path: `${checkpointFolder}\\.partial$`, when: "before" }],
    ends: ["SIGKILL", "SIGKILL", 0],
  },
  {
    ...atCall("controller killed in an update, and again when it has the lock", {}),
    faults: [{ ...at.inUpdate, ...cutPower }],
    killAt: [null, { call: "linkSync", path: "lock/", when: "after" }],
    ends: ["SIGKILL", "SIGKILL", 0],
  },

  // ── models that are trained before the run, and kept beside it ──────────────────────────────
  worker("worker killed before a stage", stageAt.start, killWorker, staged),
  worker("worker killed inside a stage", stageAt.inStage, killWorker, { ...staged, short: true }),
  worker("worker killed in the middle of a stage's file", stageAt.half, killWorker, staged),
  worker("worker killed after a stage's file", stageAt.written, killWorker, staged),
  worker("worker killed after a stage, before its answer", stageAt.trained, killWorker, staged),
  worker(
    "worker killed inside a stage that starts from another",
    stageAt.second,
    killWorker,
    staged,
  ),
  worker("worker killed after it described a stage", stageAt.described, killWorker, staged),
  worker("worker terminated inside a stage", stageAt.inStage, endWorker, staged),
  worker("worker stopped inside a stage", stageAt.inStage, stopWorker, staged),
  resumed("controller killed inside a stage", stageAt.inStage, killController, "SIGKILL", staged),
  resumed(
    "controller killed in the middle of a stage's file",
    stageAt.half,
    killController,
    "SIGKILL",
    staged,
  ),
  resumed(
    "controller stopped, then killed, inside a stage",
    stageAt.second,
    stopController,
    "SIGKILL",
    staged,
  ),
  resumed(
    "controller asked to stop (SIGTERM) inside a stage",
    stageAt.inStage,
    askController("SIGTERM"),
    130,
    staged,
  ),
  resumed("power cut inside a stage", stageAt.inStage, cutPower, "SIGKILL", staged),
  resumed("power cut in the middle of a stage's file", stageAt.half, cutPower, "SIGKILL", staged),
  resumed(
    "power cut after a stage, before its answer",
    stageAt.secondTrained,
    cutPower,
    "SIGKILL",
    staged,
  ),
  atCall(
    "controller killed before an artifact's facts",
    { call: "writeFileSync", path: "artifact\\.json", when: "before" },
    staged,
  ),
  atCall(
    "controller killed before an artifact is renamed",
    { call: "renameSync", path: `${artifactFolder}\\.partial$`, when: "before" },
    staged,
  ),
  atCall(
    "controller killed between an artifact's rename and its line",
    { call: "renameSync", path: `${artifactFolder}\\.partial$`, when: "after" },
    { ...staged, short: true },
  ),
  atCall(
    "controller killed before the second artifact is renamed",
    { call: "renameSync", path: `${artifactFolder}\\.partial$`, when: "before", nth: 1 },
    staged,
  ),
  atCall(
    "controller killed when it has an artifact's lock",
    { call: "linkSync", path: "artifacts/locks/", when: "after" },
    staged,
  ),
  atCall(
    "controller killed in the middle of the line of a stage that begins",
    line("stage_started", "half"),
    staged,
  ),
  atCall(
    "controller killed in the middle of a stage's line",
    line("stage_ready", "half", 1),
    staged,
  ),
  atCall("controller killed after a stage's line", line("stage_ready", "after"), staged),
  {
    ...atCall("power cut inside a stage, and again while it is made anew", {}, staged),
    faults: [
      { ...stageAt.inStage, ...cutPower },
      { ...stageAt.half, ...cutPower },
    ],
    killAt: [],
    ends: ["SIGKILL", "SIGKILL", 0],
  },

  // ── a sweep that drops points after each seed ───────────────────────────────────────────────
  worker("worker killed in a point of a sweep", at.update0, killWorker, swept),
  resumed("controller killed in a point of a sweep", at.update0, killController, "SIGKILL", swept),
  resumed("power cut in a point of a sweep", at.update0, cutPower, "SIGKILL", swept),
  resumed(
    "controller asked to stop (SIGTERM) in a point of a sweep",
    at.update0,
    askController("SIGTERM"),
    130,
    swept,
  ),
  atCall("controller killed before points are dropped", line("points_dropped", "before"), {
    ...swept,
    short: true,
  }),
  atCall(
    "controller killed in the middle of the line that drops points",
    line("points_dropped", "half"),
    swept,
  ),
  atCall("controller killed after points are dropped", line("points_dropped", "after"), swept),
  atCall(
    "controller killed before points are dropped again",
    line("points_dropped", "before", 1),
    swept,
  ),
  atCall(
    "controller killed after points are dropped again",
    line("points_dropped", "after", 1),
    swept,
  ),
  atCall(
    "controller killed before a sweep's evaluation.json is there",
    { call: "renameSync", path: "evaluation\\.json\\.tmp$", when: "before" },
    swept,
  ),
  {
    ...atCall("controller killed before points are dropped, and after", {}, swept),
    killAt: [line("points_dropped", "before"), line("points_dropped", "after")],
    ends: ["SIGKILL", "SIGKILL", 0],
  },

  // ── PyTorch ─────────────────────────────────────────────────────────────────────────────────
  worker("worker killed in load", torchAt.load, killWorker, { experiment: "torch" }),
  worker("worker killed in a gradient step of SFT", torchAt.sftStep, killWorker, {
    experiment: "torch-sft",
  }),
  worker("worker killed while sampling", torchAt.sample, killWorker, { experiment: "torch" }),
  worker("worker killed in a gradient step", torchAt.step, killWorker, {
    experiment: "torch",
    short: true,
  }),
  worker("worker stopped after a gradient step", torchAt.stepped, stopWorker, {
    experiment: "torch",
  }),
  worker("worker killed in the middle of a checkpoint's file", torchAt.saveHalf, killWorker, {
    experiment: "torch",
  }),
  worker("worker terminated between a checkpoint's files", torchAt.saveNext, endWorker, {
    experiment: "torch",
  }),
  worker(
    "worker killed after an update, the next one after it has restored",
    torchAt.updated,
    killWorker,
    {
      experiment: "torch",
      faults: [
        { ...torchAt.updated, ...killWorker },
        { ...torchAt.restored, ...killWorker },
      ],
    },
  ),
  resumed("controller killed in a gradient step", torchAt.step, killController, "SIGKILL", {
    experiment: "torch",
  }),
  resumed(
    "controller asked to stop (SIGTERM) after a gradient step",
    torchAt.stepped,
    askController("SIGTERM"),
    130,
    {
      experiment: "torch",
    },
  ),
  resumed("power cut in a gradient step of SFT", torchAt.sftStep, cutPower, "SIGKILL", {
    experiment: "torch-sft",
  }),
  resumed(
    "power cut after SFT's checkpoint, before its answer",
    torchAt.savedSft,
    cutPower,
    "SIGKILL",
    {
      experiment: "torch-sft",
    },
  ),
  resumed("power cut while scoring", torchAt.reward, cutPower, "SIGKILL", { experiment: "torch" }),
  resumed("power cut after a gradient step", torchAt.stepped, cutPower, "SIGKILL", {
    experiment: "torch",
  }),
  resumed("power cut in an evaluation", torchAt.evaluate, cutPower, "SIGKILL", {
    experiment: "torch",
  }),
  atCall(
    "controller killed between a checkpoint's rename and its line",
    { call: "renameSync", path: `${checkpointFolder}\\.partial$`, when: "after", nth: 1 },
    { experiment: "torch" },
  ),
  ...ofSeveral("distributed"),
  ...ofSeveral("fsdp"),
];
