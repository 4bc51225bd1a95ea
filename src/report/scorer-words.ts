/** What scores texts, in words. */
import {
  isBuiltin,
  type Judge,
  type RewardComponent,
  scorerSource,
} from "../config/rewards/components.js";

/** `toxicity: classifier /models/tox, of the completion` */
export function scorerWords(scorer: RewardComponent | Judge): string {
  const { name, kind, text } = scorer;
  const of = text === "completion" ? ", of the completion alone" : ", of prompt and completion";
  const what = isBuiltin(scorer) ? "built in" : `${kind} ${scorerSource(scorer)}`;
  return `${["reward", "judge"].includes(name) ? "" : `${name}: `}${what}${of}`;
}

/**
 * `the logit of toxic of the classifier unitary/toxic-bert, negated, given the completion alone`
 *
 * @param role what the built-in model is there for
 */
export function scorerSentence(
  scorer: RewardComponent | Judge,
  role: "reward model" | "judge",
): string {
  const { kind, text, label, output, sign } = scorer;
  const labels = label === null ? "" : ` of ${[label].flat().join(", ")}`;
  const figure = kind === "classifier" ? `the ${output}${labels} of ` : "the score of ";
  const what = isBuiltin(scorer)
    ? `the built-in ${role}`
    : kind === "length"
      ? "its length"
      : `the ${kindWords[kind]} ${scorerSource(scorer)}`;
  const of = text === "completion" ? "the completion alone" : "prompt and completion in one";
  return `${figure}${what}${sign === -1 ? ", negated" : ""}, given ${of}`;
}

const kindWords: Readonly<Record<RewardComponent["kind"], string>> = {
  classifier: "classifier",
  preference: "preference model",
  python: "function",
  http: "server",
  lexicon: "word list",
  length: "length",
};
