/** What was run, on what. */
import type { ArmConfig } from "../../config/schema/experiment.js";
import { formatCount, formatDuration, formatShare } from "../../text/numbers.js";
import { type Block, type Cell, cells } from "../blocks.js";
import type { ReportData } from "../report-data.js";

export function setUpSection(data: ReportData): Block[] {
  const { run } = data;
  const { experiment } = run;
  return [
    { kind: "heading", text: "Set-up" },
    { kind: "table", head: ["", ""], rows: facts(data), wordColumns: 2 },
    {
      kind: "table",
      head: ["arm", "stage", "risk measure", "α", "n", "ρ", "prompts", "reward", "β₀", "KL target"],
      rows: Object.entries(experiment.arms).map(([name, arm]) => armRow(name, arm)),
      wordColumns: 3,
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
  const { policy, reward, training, rollout, evaluation, sft } = experiment;
  const worker = data.trials.find((trial) => trial.worker !== null)?.worker ?? null;
  const named = (record: Readonly<Record<string, string | number>>): string =>
    Object.entries(record)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
  return [
    cells(
      "policy",
      worker === null
        ? policy.model
        : `${policy.model}, ${formatCount(worker.parameters)} parameters`,
    ),
    cells("reward model", `${reward.model}, judged by ${evaluation.judge ?? "nobody"}`),
    cells("data", experiment.data.path),
    cells("SFT", `${sft.steps} steps of ${sft.batch} texts`),
    cells(
      "training",
      `${training.iterations} iterations of ${training.batch} episodes, ${training.epochs} passes, ` +
        `${rollout.prompt_tokens} + ${rollout.new_tokens} tokens, learning rate ${training.learning_rate.toExponential()}`,
    ),
    cells("seeds", experiment.seeds.join(", ")),
    cells(
      "device",
      worker === null
        ? experiment.backend.device
        : `${worker.device} (${worker.device_name}), ${worker.dtype}, ${worker.threads} thread${worker.threads === 1 ? "" : "s"} a worker`,
    ),
    cells("hardware", named(hardware)),
    cells("versions", named(versions)),
    cells("time", formatDuration(data.finished?.seconds ?? null)),
  ];
}

function armRow(name: string, { stage, risk, sampling, reward, kl }: ArmConfig): Cell[] {
  if (stage !== "rl") {
    return cells(name, stage, ...Array.from({ length: 8 }, () => "–"));
  }
  const averse = risk.measure !== "mean";
  const scheduled = averse && risk.schedule === "soft";
  return cells(
    name,
    stage,
    averse ? `${risk.measure} of ${risk.statistic}` : "mean (risk-neutral)",
    averse ? `${risk.alpha}` : "–",
    scheduled ? `${risk.warmup}` : "–",
    scheduled ? `${risk.rho}` : "–",
    sampling.strategy === "stratified"
      ? `${formatShare(sampling.hard_share)} hard`
      : sampling.strategy,
    reward.transform,
    `${kl.beta}`,
    kl.k_beta === 0 ? "β fixed" : `${kl.target}`,
  );
}
