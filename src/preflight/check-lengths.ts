/** Whether prompts and completions fit into what the models can read. */
import type { Experiment } from "../config/schema/experiment.js";
import { planTrials } from "../config/trials.js";
import type { Concern } from "./findings.js";
import type { ModelFiles } from "./model-files.js";
import { distinctOfArms, type NamedModel } from "./named-models.js";
import { contextOf, windowOf } from "./windows.js";

/** @returns what the policy cannot hold */
export function policyLengths(experiment: Experiment, policy: ModelFiles): Concern[] {
  const context = contextOf(policy.config);
  if (context === null) return [];
  const rollouts = distinctOfArms(experiment, ({ rollout }) => rollout);
  const problems = rollouts.flatMap(([arm, { rollout }]): Concern[] => {
    const { prompt_tokens: prompt, new_tokens: fresh } = rollout;
    if (prompt + fresh <= context) return [];
    const room = context - Math.min(prompt, context - 1);
    return [
      {
        arm,
        keys: ["rollout.new_tokens", "rollout.prompt_tokens", "policy.model"],
        found: `prompt_tokens ${prompt} and new_tokens ${fresh}, ${prompt + fresh} together`,
        expected: `at most the ${context} positions of ${policy.place}`,
        remedy:
          fresh >= context || prompt >= context
            ? "Lower both, or use a model with more positions."
            : `Lower rollout.new_tokens to ${room} or rollout.prompt_tokens to ${context - fresh}.`,
      },
    ];
  });
  problems.push(...toxicityLengths(experiment, policy, context));
  const { max_tokens: most } = experiment.sft;
  if (most > context && planTrials(experiment).some(({ fineTunes }) => fineTunes)) {
    problems.push({
      arm: null,
      keys: ["sft.max_tokens", "policy.model"],
      found: `SFT texts of up to ${most} tokens`,
      expected: `at most the ${context} positions of ${policy.place}`,
      remedy: `Set sft.max_tokens to ${context} or lower.`,
    });
  }
  return problems;
}

function toxicityLengths(experiment: Experiment, policy: ModelFiles, context: number): Concern[] {
  const { toxicity } = experiment.evaluation;
  if (toxicity === null) return [];
  const prompts = distinctOfArms(experiment, ({ rollout }) => rollout.prompt_tokens);
  return prompts.flatMap(([arm, { rollout }]): Concern[] => {
    const needed = rollout.prompt_tokens + toxicity.new_tokens;
    if (needed <= context) return [];
    return [
      {
        arm,
        keys: ["evaluation.toxicity.new_tokens", "rollout.prompt_tokens", "policy.model"],
        found: `prompt_tokens ${rollout.prompt_tokens} and completions of ${toxicity.new_tokens} tokens for toxicity`,
        expected: `at most the ${context} positions of ${policy.place}`,
        remedy: "Lower one of them.",
      },
    ];
  });
}

export interface LengthFindings {
  readonly warnings: readonly Concern[];
  readonly problems: readonly Concern[];
}

/**
 * Of a scorer. Its tokens are not the policy's unless both have the same vocabulary, so that what is
 * too long by the policy's count alone is a warning.
 */
export function scorerLengths(
  experiment: Experiment,
  named: NamedModel,
  scorer: ModelFiles,
  policy: ModelFiles | null,
): LengthFindings {
  const window = windowOf(scorer.config, scorer.tokenizer);
  const warnings: Concern[] = [];
  const problems: Concern[] = [];
  if (window === null) return { warnings, problems };
  const isAlike = policy !== null && policy.config.vocab_size === scorer.config.vocab_size;
  for (const [arm, { rollout }] of distinctOfArms(experiment, (config) => config.rollout)) {
    const { prompt_tokens: prompt, new_tokens: fresh } = rollout;
    const expected = `at most the ${window} tokens that ${scorer.place} reads`;
    if (fresh > window) {
      const finding = {
        arm,
        keys: ["rollout.new_tokens", named.key],
        found: `completions of up to ${fresh} tokens`,
        expected,
        remedy: `Lower rollout.new_tokens to ${window}, or use a ${named.role} that reads more.`,
      };
      (isAlike ? problems : warnings).push(finding);
    } else if (named.readsPrompts && prompt + fresh > window) {
      warnings.push({
        arm,
        keys: ["rollout.prompt_tokens", named.key],
        found: `prompt and completion of up to ${prompt + fresh} tokens`,
        expected,
        remedy: `The ${named.role} does not see the beginning of longer ones.`,
      });
    }
  }
  return { warnings, problems };
}
