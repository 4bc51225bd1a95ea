/** What was run, on what. */

import { algorithmWords, riskWords } from "../../analysis/arm-risk.js";
import { dataName } from "../../config/data-sources.js";
import {
  namedJudges,
  type RewardComponent,
  rewardComponents,
} from "../../config/rewards/components.js";
import type { ArmConfig, Experiment } from "../../config/schema/experiment.js";
import { learningTerms } from "../../risk/algorithms.js";
import { weighsImportance } from "../../risk/samplers/registry.js";
import { riskTerms } from "../../risk/terms.js";
import { klStageWords } from "../../text/kl-stages.js";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatFraction,
  formatNumber,
} from "../../text/numbers.js";
import { scorePreviewText } from "../../text/score-preview.js";
import { type Block, type Cell, cells } from "../blocks.js";
import type { ReportData } from "../report-data.js";
import { scorerWords } from "../scorer-words.js";

export function setUpSection(data: ReportData): Block[] {
  const { run } = data;
  const { experiment } = run;
  return [
    { kind: "heading", text: "Set-up" },
    { kind: "table", head: ["", ""], rows: facts(data), wordColumns: 2 },
    {
      kind: "table",
      head: [
        "arm",
        "risk",
        "algorithm",
        "ranked by",
        "α, fraction kept",
        "n, iterations before α′ falls",
        "ρ, part of the iterations until α′ = α",
        "prompts",
        "transform of the reward",
        "β₀, per nat",
        "KL target, nats per episode",
      ],
      rows: Object.entries(experiment.arms).map(([name, arm]) => armRow(name, arm)),
      wordColumns: 4,
      records: true,
    },
    {
      kind: "details",
      summary: "The whole configuration",
      blocks: [{ kind: "code", text: JSON.stringify(experiment, null, 2) }],
    },
  ];
}

function facts(data: ReportData): Cell[][] {
  const { experiment, hardware, versions } = data.run;
  const { reward, training, rollout, evaluation, sft } = experiment;
  const worker = data.trials.find((trial) => trial.worker !== null)?.worker ?? null;
  const named = (record: Readonly<Record<string, string | number>>): string =>
    Object.entries(record)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
  return [
    cells(
      "policy",
      worker === null
        ? policies(experiment)
        : `${policies(experiment)}, ${formatCount(worker.parameters)} parameters`,
    ),
    cells("reward", rewardComponents(reward).map(componentWords).join("; ")),
    ...previewFacts(data),
    cells("judge", namedJudges(evaluation.judges).map(scorerWords).join("; ") || "none"),
    cells("harm", harmWords(data)),
    cells("data", dataWords(data)),
    ...(data.stages.length === 0 ? [] : [cells("stages", data.stages.map(stageWords).join("; "))]),
    cells(
      "SFT",
      `${sft.epochs === null ? `${sft.steps} steps` : `${sft.epochs} epochs in steps`} of ${sft.batch} texts${reusedWords(data)}`,
    ),
    cells(
      "training",
      `${training.iterations} iterations of ${batchWords(training)}, ${training.epochs} epochs of ` +
        `${stepWords(training)}, prompts of ${rollout.prompt_tokens} and completions of ${rollout.new_tokens} tokens at most, learning rate ${training.learning_rate.toExponential()}`,
    ),
    cells("seeds", experiment.seeds.join(", ")),
    cells(
      "device",
      worker === null
        ? experiment.backend.device
        : `${worker.device} (${worker.device_name}), ${worker.dtype}, ${threadWords(worker)}`,
    ),
    ...backendLimits(data),
    cells("hardware", hardwareWords(hardware)),
    cells("versions", named(versions)),
    cells("time", formatDuration(data.finished?.seconds ?? null)),
  ];
}

/** `linux 6.1 x64, Intel Xeon, 25.3 GB of memory, 2 cores`; names as in the manifest. */
function hardwareWords(hardware: ReportData["run"]["hardware"]): string {
  return Object.entries(hardware)
    .filter(([, value]) => value !== "" && value !== 0)
    .map(([name, value]) => {
      switch (name) {
        case "memory_bytes":
          return `${formatBytes(Number(value))} of memory`;
        case "cores":
        case "gpus":
          return `${value} ${name}`;
        case "platform":
        case "cpu":
        case "gpu":
          return `${value}`;
        default:
          return `${name} ${value}`;
      }
    })
    .join(", ");
}

/** What the workers said that they do not promise; nothing where they promise all. */
function backendLimits({ trials }: ReportData): Cell[][] {
  const workers = trials.flatMap(({ worker }) => worker ?? []);
  // Heads that are read unchecked from an older journal lack this field.
  const lacks = [...new Set(workers.flatMap((worker) => worker.lacks ?? []))];
  const causes = [...new Set(workers.flatMap(({ nondeterminism }) => nondeterminism))];
  const words = [...lacks.map((name) => limits[name] ?? name), ...causes];
  return words.length === 0 ? [] : [cells("the backend does not promise", words.join("; "))];
}

/** A capability that is not declared, in words. */
const limits: Readonly<Record<string, string>> = {
  critic: "a critic",
  completions: "several completions per prompt",
  kl_loss: "a KL loss",
  bitwise: "the same bits when it is repeated",
  common_random_numbers: "the same random numbers for the evaluations of two policies",
  checkpoint: "checkpoints",
  ema: "averaged weights",
  prefix_baseline: "the prefix baseline",
  sft: "supervised fine-tuning",
  stages: "stages",
  lora: "LoRA",
};

/** How many threads in how many processes, and how these divide the work. */
export function threadWords({
  threads,
  processes,
  strategy,
}: {
  readonly threads: number;
  readonly processes: number;
  /** Absent in heads that are read unchecked from an older journal. */
  readonly strategy?: string | null;
}): string {
  const each = `${threads} thread${threads === 1 ? "" : "s"} per`;
  if (processes === 1) return `${each} worker`;
  const how = strategy ? ` (${strategy})` : "";
  return `${each} process, ${processes} processes per worker${how}`;
}

/** The model; or each arm's, where they have their own. */
function policies({ policy, arms }: Experiment): string {
  const own = Object.entries(arms).flatMap(([arm, config]) =>
    config.policy === undefined ? [] : [`${arm}: ${config.policy.model}`],
  );
  return own.length === 0 ? policy.model : own.join("; ");
}

/** How the reward scores some prompts alone, as the first worker of the run told. */
function previewFacts({ trials }: ReportData): Cell[][] {
  const previews = trials.flatMap(({ worker }) => worker?.reward_preview ?? []);
  return previews.map((preview) => cells("scores at the start", scorePreviewText(preview)));
}

function componentWords(component: RewardComponent): string {
  const weight = component.weight === 1 ? "" : `${component.weight} · `;
  return `${weight}${scorerWords(component)}`;
}

/** `toxicity: classifier, reused (artifact 0123456789ab), accuracy 0.912` */
function stageWords(stage: ReportData["stages"][number]): string {
  const { name, kind, reused, digest, seconds, figures } = stage;
  const artifact = `artifact ${digest.slice(0, 12)}`;
  const how = reused
    ? `reused (${artifact})`
    : `trained in ${formatDuration(seconds)} (${artifact})`;
  const measured = Object.entries(figures).map(
    ([figure, value]) => `${figure} ${formatNumber(value, 3)}`,
  );
  return [`${name}: ${kind.replace("_", " ")}, ${how}`, ...measured].join(", ");
}

/** Which fine-tuned models were not trained by this run. */
function reusedWords({ trials }: ReportData): string {
  const tuned = trials.filter(({ sft }) => sft !== null);
  const reused = tuned.filter(({ sft }) => sft?.artifact?.reused === true);
  return reused.length === 0
    ? ""
    : `; ${reused.length} of ${tuned.length} models reused from an earlier run`;
}

/** The episodes of an iteration, and how they are made up. */
function batchWords({ batch, completions }: Experiment["training"]): string {
  return completions === 1
    ? `${batch} episodes`
    : `${batch} episodes (${batch / completions} prompts × ${completions} completions)`;
}

/** `minibatches of 32 episodes`, whose number follows what is kept; or so many steps whatever is. */
function stepWords({ steps, batch, minibatch }: Experiment["training"]): string {
  if (steps === "proportional") {
    return `minibatches of ${minibatch} episodes`;
  }
  const count = Math.ceil(batch / minibatch);
  return `${count} gradient step${count === 1 ? "" : "s"} whatever is kept`;
}

/** The threshold, and what lies under it in each arm's final evaluation. */
function harmWords({ run, evaluation }: ReportData): string {
  const { harm_threshold, harm_component } = run.experiment.evaluation;
  if (harm_threshold === null) {
    return "no threshold is set: there is no harm rate";
  }
  const of = harm_component === null ? "raw reward" : `raw score of ${harm_component}`;
  const rates = Object.entries(evaluation.arms).flatMap(([arm, { metrics }]) =>
    metrics.harm_rate === undefined ? [] : [`${arm} ${formatFraction(metrics.harm_rate.mean)}`],
  );
  const under = rates.length === 0 ? "" : `; completions under it: ${rates.join(", ")}`;
  return `${of} under ${formatNumber(harm_threshold, 2)}${under}`;
}

/** Where the rows came from, what became of them, and whether the splits overlap. */
function dataWords(data: ReportData): string {
  const name = dataName(data.run.experiment.data);
  // Heads that are read unchecked from an older journal lack these fields.
  const worker = data.trials.find(({ worker }) => worker?.prompts)?.worker ?? null;
  const prompts = worker?.prompts ?? null;
  if (prompts === null) {
    return name;
  }
  const { train, test, overlap } = prompts;
  const splits = (["train", "test"] as const).flatMap((split) => {
    const facts = worker?.rows?.[split];
    return facts === undefined ? [] : [`${split} ${rowWords(facts)}`];
  });
  return [
    `${name}: ${train} training and ${test} test prompts`,
    overlap === 0 ? "no test text is a training text" : `${overlap} test texts are training texts`,
    ...splits,
    ...(worker?.template ? [`chat template ${worker.template}`] : []),
  ].join("; ");
}

type SplitRows = NonNullable<NonNullable<TrialWorker["rows"]>["train"]>;
type TrialWorker = NonNullable<ReportData["trials"][number]["worker"]>;

/** `train 5000 rows, 2500 good, 12 duplicates left out, 3 prompts truncated` */
function rowWords(facts: SplitRows): string {
  const lost = (
    [
      [facts.filtered, "filtered out"],
      [facts.duplicates, "duplicates left out"],
      [facts.left_out, "left out by mix, balance or limit"],
      [facts.dropped, "dropped as too long"],
      [facts.truncated, "prompts truncated"],
    ] as const
  ).flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  return [`${facts.rows} rows`, `${facts.good} good`, ...lost].join(", ");
}

/** `50 % hard, weighted back` */
function samplingWords(sampling: ArmConfig["sampling"]): string {
  const { strategy, batch_fraction } = sampling;
  const fraction = formatFraction(batch_fraction);
  const drawn =
    strategy === "stratified"
      ? `${fraction} hard`
      : strategy === "replay"
        ? `${fraction} replayed`
        : strategy;
  return weighsImportance(sampling) ? `${drawn}, weighted back` : drawn;
}

function armRow(name: string, arm: ArmConfig): Cell[] {
  if (arm.stage !== "rl") {
    return cells(name, riskWords(arm), ...Array.from({ length: 9 }, () => "–"));
  }
  const { risk, sampling, reward, kl } = arm;
  const { statistic, alpha, annealing, warmup, rho } = riskTerms(risk);
  const shown = (value: string | number | null): string => (value === null ? "–" : `${value}`);
  return cells(
    name,
    riskWords(arm),
    algorithmWords(arm),
    shown(statistic),
    annealing === null || annealing === "soft" ? shown(alpha) : `${shown(alpha)}, ${annealing}`,
    shown(warmup),
    shown(rho),
    samplingWords(sampling),
    rewardComponents(reward)
      .map(({ transform }) => transform)
      .join(", "),
    learningTerms(arm).klForm === "loss" ? `${kl.beta} in the loss` : `${kl.beta}`,
    [kl.k_beta === 0 ? "β fixed" : `${kl.target}`, ...kl.schedule.map(klStageWords)].join("; "),
  );
}
