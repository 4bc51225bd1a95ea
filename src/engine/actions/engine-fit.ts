/**
 * What a worker's engine cannot do of an experiment, by what the engine itself tells: capabilities, the
 * schema of its options, and its limits. Asked before a run by what the package's own worker says, and of
 * every worker by its hello, before anything is loaded.
 */
import { z } from "zod";
import { valueAtKey } from "../../config/key-path.js";
import type { Violation } from "../../config/problems.js";
import type { Experiment } from "../../config/schema/experiment.js";
import type { Trial } from "../../config/trials.js";
import { hello, type Limit } from "../../protocol/messages.js";
import { hasCritic, learningTerms } from "../../risk/algorithms.js";
import { sampledCondition } from "./conditions.js";

/** Of a hello, which has more. */
export const engineFacts = z.object(
  hello.pick({ engine: true, capabilities: true, engine_options: true, limits: true }).shape,
);
export type EngineFacts = z.infer<typeof engineFacts>;

/** Everything that the engine refuses of a trial; empty: nothing that can be known without loading. */
export function engineViolations(
  experiment: Experiment,
  trial: Trial,
  facts: EngineFacts,
): Violation[] {
  return [
    ...capabilityViolations(experiment, trial, facts),
    ...optionViolations(experiment, facts),
    ...facts.limits.flatMap((limit) => limitViolations(limit, experiment, trial, facts)),
  ];
}

function capabilityViolations(
  experiment: Experiment,
  trial: Trial,
  { engine, capabilities: has }: EngineFacts,
): Violation[] {
  const { training } = trial.config;
  const trains = trial.iterations > 0;
  const lacking = [
    [trial.fineTunes && !has.sft, "sft.steps", "supervised fine-tuning"],
    [experiment.policy.lora_rank > 0 && !has.lora, "policy.lora_rank", "LoRA"],
    [trial.fineTunes && (experiment.sft.lora_rank ?? 0) > 0 && !has.lora, "sft.lora_rank", "LoRA"],
    [
      training.prefix_baseline && !has.prefix_baseline,
      "training.prefix_baseline",
      "prefix baseline",
    ],
    [training.ema_decay > 0 && !has.ema, "training.ema_decay", "EMA weights"],
    [
      trains && hasCritic(training.algorithm) && !has.critic,
      "training.algorithm",
      "critic, which ppo needs",
    ],
    [
      trains && training.completions > 1 && !has.completions,
      "training.completions",
      "several completions per prompt",
    ],
    [trains && learningTerms(trial.config).klForm === "loss" && !has.kl_loss, "kl.form", "KL loss"],
    [
      trains && sampledCondition(trial.config) !== null && !has.kl_loss,
      "training.algorithm",
      "way to learn under conditions, which quark needs",
    ],
  ] as const;
  return [
    ...lacking.flatMap(([lacks, key, what]) =>
      lacks ? [refusal([key], `the engine ${engine}, which has no ${what}`, `Change ${key}`)] : [],
    ),
    ...(experiment.evaluation.capability !== null && !has.harness
      ? [
          refusal(
            ["evaluation.capability"],
            "no lm-evaluation-harness in the worker's Python",
            'Install it there (python -m pip install "lm-eval[hf]>=0.4.9"; it is the extra ' +
              "`capability` of averse-worker), set evaluation.capability to null",
          ),
        ]
      : []),
  ];
}

/** Against the JSON Schema of the engine's options. */
function optionViolations({ backend }: Experiment, facts: EngineFacts): Violation[] {
  const options = z.fromJSONSchema(facts.engine_options).safeParse(backend.engine_options);
  if (options.success) return [];
  const { properties = {} } = facts.engine_options;
  const wrong = options.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ path: [...issue.path, key], message: "no such option" }))
      : [{ path: issue.path, message: issue.message }],
  );
  return wrong.map(({ path, message }) => {
    const key = ["backend.engine_options", ...path].map(String).join(".");
    const value = valueAtKey(backend.engine_options, path.map(String));
    return {
      keys: [key, workerKey],
      found: `${JSON.stringify(value)} (${message})`,
      expected: `options of the engine ${facts.engine}: ${JSON.stringify(properties)}`,
      remedy: `Correct ${key}.`,
    };
  });
}

function limitViolations(
  limit: Limit,
  experiment: Experiment,
  trial: Trial,
  facts: EngineFacts,
): Violation[] {
  const { key, when, why } = limit;
  if (limit.trains && trial.iterations === 0) return [];
  const inForce = (name: string) => settingInForce(name, experiment, trial, facts);
  const value = inForce(key) ?? null;
  const holds = Object.entries(when).every(([name, asked]) => inForce(name) === asked);
  if (value === null || !holds || isWithin(limit, value)) return [];
  const others = Object.keys(when).map((name) => `, change ${name}`);
  return [
    {
      keys: [key, ...Object.keys(when), workerKey],
      found: `${key} ${String(value)}`,
      expected: `${expectedOf(limit)}: ${why}`,
      remedy: `${remedyOf(limit)}${others.join("")}, or use another backend.`,
    },
  ];
}

/** As the worker gets it: what is left out has its default. */
function settingInForce(
  key: string,
  experiment: Experiment,
  { config }: Trial,
  { engine_options: { properties } }: EngineFacts,
): unknown {
  const training = {
    ...config.training,
    loss_aggregation: learningTerms(config).lossAggregation,
  };
  const path = key.split(".");
  const given = valueAtKey({ ...experiment, ...config, training }, path);
  if (given !== undefined || !key.startsWith("backend.engine_options.")) return given;
  return valueAtKey(properties, [...path.slice(2), "default"]);
}

function isWithin({ allowed, minimum, maximum, pattern }: Limit, value: unknown): boolean {
  return (
    (allowed === null || allowed.includes(value as string)) &&
    (minimum === null || (value as number) >= minimum) &&
    (maximum === null || (value as number) <= maximum) &&
    (pattern === null || new RegExp(pattern).test(String(value)))
  );
}

function expectedOf({ allowed, minimum, maximum }: Limit): string {
  if (allowed !== null) return allowed.length === 0 ? "none" : allowed.join(" or ");
  if (minimum !== null && maximum !== null) return `${minimum} to ${maximum}`;
  if (minimum !== null) return `${minimum} or more`;
  if (maximum !== null) return maximum === 0 ? "0" : `${maximum} or less`;
  return "another";
}

function remedyOf(limit: Limit): string {
  const { key, allowed, pattern } = limit;
  if (allowed?.length === 0) return `Leave ${key} out`;
  return pattern === null ? `Set ${key} to ${expectedOf(limit)}` : `Change ${key}`;
}

function refusal(keys: readonly string[], found: string, remedy: string): Violation {
  return {
    keys: [...keys, workerKey],
    found,
    expected: `a backend for ${keys[0]}`,
    remedy: `${remedy}, or use another backend.`,
  };
}

const workerKey = "backend.worker";
