/** The reward's components and the judges, each with its name; and which keys belong to a kind. */
import type { z } from "zod";
import type { rewardSchema } from "../schema/reward.js";
import type { judgeSchema, scorerKinds } from "../schema/scorer.js";

export type ScorerKind = (typeof scorerKinds)[number];
export type RewardConfig = z.infer<typeof rewardSchema>;
type WrittenComponent = Exclude<RewardConfig, readonly unknown[]>;

/** One part of the reward, with its name. */
export type RewardComponent = WrittenComponent & { readonly name: string };
/** A scorer as the file has it. */
export type JudgeConfig = z.infer<typeof judgeSchema>;
/** What scores evaluations only, with its name. */
export type Judge = JudgeConfig & { readonly name: string };
/** What a component and a judge have in common. */
export type ScorerConfig = JudgeConfig;

/** The components of a reward, one or several. */
export function rewardComponents(reward: RewardConfig): readonly RewardComponent[] {
  return named(Array.isArray(reward) ? reward : [reward], "reward");
}

/** @param judges `evaluation.judges` as resolved */
export function namedJudges(judges: readonly JudgeConfig[] | null): readonly Judge[] {
  return named(judges ?? [], "judge");
}

function named<Own extends { readonly name: string | null; readonly kind: ScorerKind }>(
  all: readonly Own[],
  alone: string,
): (Own & { readonly name: string })[] {
  return all.map((one) => ({ ...one, name: one.name ?? (all.length === 1 ? alone : one.kind) }));
}

/** Path of a component's key: `reward.label`, or `reward.1.label` where there are several. */
export function componentKey(reward: RewardConfig, place: number, key: string): string {
  return Array.isArray(reward) ? `reward.${place}.${key}` : `reward.${key}`;
}

export function judgeKey(place: number, key: string): string {
  return `evaluation.judges.${place}.${key}`;
}

/** Under which a journal has the digests of a component's, or a judge's, files. */
export function digestRole(role: "reward" | "judge", name: string, count: number): string {
  return count === 1 ? role : `${role} ${name}`;
}

/** Whether it is the model that ships with the worker. */
export function isBuiltin({ kind, model }: Pick<ScorerConfig, "kind" | "model">): boolean {
  return kind === "classifier" && model === "builtin";
}

/** Keys that only some kinds have; all others are every kind's. */
export const kindsOfKey: Readonly<Partial<Record<keyof ScorerConfig, readonly ScorerKind[]>>> = {
  model: ["classifier", "preference"],
  revision: ["classifier", "preference"],
  trust_remote_code: ["classifier", "preference"],
  label: ["classifier"],
  output: ["classifier"],
  function: ["python"],
  url: ["http"],
  token_env: ["http"],
  retries: ["http"],
  allow_insecure: ["http"],
  format: ["http"],
  words: ["lexicon"],
  unit: ["length"],
  target: ["length"],
};

/** What a component scores by, for people: its model, function, server or kind. */
export function scorerSource(scorer: ScorerConfig): string {
  switch (scorer.kind) {
    case "classifier":
    case "preference":
      return scorer.model;
    case "python":
      return scorer.function ?? "";
    case "http":
      return scorer.url ?? "";
    case "lexicon":
      return typeof scorer.words === "string"
        ? scorer.words
        : `lexicon of ${scorer.words?.length ?? 0} words`;
    case "length":
      return `length in ${scorer.unit}`;
  }
}
