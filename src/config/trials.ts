/**
 * An experiment's trials: one for every arm and seed. The SFT trial of a seed comes first and the
 * RL and decode trials of that seed start from its exported model, so that arms differ in nothing else.
 */

import { fineTunes } from "./fine-tuning.js";
import type { ArmConfig, Experiment } from "./schema/experiment.js";

export interface Trial {
  /** `<arm>-s<seed>`, a folder name. */
  readonly id: string;
  readonly arm: string;
  readonly seed: number;
  readonly stage: ArmConfig["stage"];
  readonly config: ArmConfig;
  /** Trial whose exported model this one starts from; null: `policy.model` as it is. */
  readonly after: string | null;
  /**
   * False for an SFT trial that no arm lists but other trials start from: it trains and exports, and
   * is evaluated only as step 0 of their frontier.
   */
  readonly reported: boolean;
  /** Whether it begins with SFT. */
  readonly fineTunes: boolean;
  /** M; 0 where nothing is trained with RL. */
  readonly iterations: number;
  /** Its policy before any iteration is a frontier point, step 0: its own or its followers'. */
  readonly startsFrontier: boolean;
  /** Iterations between frontier evaluations; 0: none. */
  readonly frontierEvery: number;
}

/** The model that a trial of the arm begins with, where it starts from no other trial. */
export function policySource(
  { policy }: Pick<Experiment, "policy">,
  arm: Pick<ArmConfig, "policy">,
): NonNullable<ArmConfig["policy"]> {
  const { model, revision, trust_remote_code } = arm.policy ?? policy;
  return { model, revision, trust_remote_code };
}

/** Step 0 once for all arms that start there; then every so many iterations, and the last. */
export function isFrontierStep(trial: Trial, step: number): boolean {
  if (step === 0) {
    return trial.startsFrontier;
  }
  const { frontierEvery, iterations } = trial;
  return frontierEvery > 0 && (step === iterations || step % frontierEvery === 0);
}

/** It begins with the model of its seed's SFT trial. */
function startsFromSft({ stage }: Pick<ArmConfig, "stage">): boolean {
  return stage === "rl" || stage === "decode";
}

/** Seed by seed; in a seed base and SFT trials before those that start from SFT, else in the arms' order. */
export function planTrials(experiment: Experiment): Trial[] {
  const arms = armsToRun(experiment);
  const root = arms.find((arm) => arm.config.stage === "sft" && fineTunes(experiment.sft));
  const hasFrontier =
    experiment.evaluation.every > 0 && arms.some((arm) => arm.config.stage === "rl");
  const inOrder = [
    ...arms.filter((arm) => !startsFromSft(arm.config)),
    ...arms.filter((arm) => startsFromSft(arm.config)),
  ];
  return [...new Set(experiment.seeds)].flatMap((seed) =>
    inOrder.map(({ name, config, reported }): Trial => {
      const after = startsFromSft(config) && root !== undefined ? trialId(root.name, seed) : null;
      return {
        id: trialId(name, seed),
        arm: name,
        seed,
        stage: config.stage,
        config,
        after,
        reported,
        fineTunes: config.stage === "sft" && fineTunes(experiment.sft),
        iterations: config.stage === "rl" ? config.training.iterations : 0,
        startsFrontier:
          hasFrontier &&
          (name === root?.name ||
            config.stage === "decode" ||
            (config.stage === "rl" && after === null)),
        frontierEvery: experiment.evaluation.every,
      };
    }),
  );
}

function trialId(arm: string, seed: number): string {
  return `${arm}-s${seed}`;
}

/** Of an id as plans make it. */
export function trialParts(id: string): { readonly arm: string; readonly seed: number } {
  const at = id.lastIndexOf("-s");
  return { arm: id.slice(0, at), seed: Number(id.slice(at + 2)) };
}

interface PlannedArm {
  readonly name: string;
  readonly config: ArmConfig;
  readonly reported: boolean;
}

function armsToRun(experiment: Experiment): PlannedArm[] {
  const listed = Object.entries(experiment.arms).map(([name, config]) => ({
    name,
    config,
    reported: true,
  }));
  const stages = new Set(listed.map((arm) => arm.config.stage));
  const startsThere = listed.some(({ config }) => startsFromSft(config));
  if (!startsThere || stages.has("sft") || !fineTunes(experiment.sft)) {
    return listed;
  }
  const { reward, rollout, training, risk, sampling, kl, decoding } = experiment;
  const sections = { reward, rollout, training, risk, sampling, kl, decoding };
  const config: ArmConfig = { stage: "sft", ...sections };
  const name = "sft" in experiment.arms ? "sft-start" : "sft";
  return [{ name, config, reported: false }, ...listed];
}
