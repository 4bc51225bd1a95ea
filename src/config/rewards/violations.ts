/** What cannot be right of a reward's components and of judges, whatever files there are. */
import { isDeepStrictEqual } from "node:util";
import type { Violation } from "../problems.js";
import { keyReference } from "../reference.js";
import type { ArmConfig } from "../schema/experiment.js";
import {
  componentKey,
  isBuiltin,
  type Judge,
  judgeKey,
  kindsOfKey,
  namedJudges,
  type RewardComponent,
  type RewardConfig,
  rewardComponents,
  type ScorerConfig,
  scorerSource,
} from "./components.js";

type KeyOf = (key: string) => string;

export function rewardViolations({ reward }: Pick<ArmConfig, "reward">): Violation[] {
  const components = rewardComponents(reward);
  return [
    ...repeatedNames(components, (place) => componentKey(reward, place, "name")),
    ...components.flatMap((component, place) => {
      const keyOf: KeyOf = (key) => componentKey(reward, place, key);
      return [...scorerViolations(component, keyOf), ...shapeViolations(component, keyOf)];
    }),
    ...weightViolations(reward, components),
  ];
}

/** @param arms of the experiment: a judge must not be what one of them is trained on */
export function judgeViolations(
  written: Parameters<typeof namedJudges>[0],
  arms: Readonly<Record<string, ArmConfig>>,
): Violation[] {
  const judges = namedJudges(written);
  const trainedOn = Object.values(arms).flatMap(({ reward }) => rewardComponents(reward));
  return [
    ...repeatedNames(judges, (place) => judgeKey(place, "name")),
    ...judges.flatMap((judge, place) => {
      const keyOf: KeyOf = (key) => judgeKey(place, key);
      return [...scorerViolations(judge, keyOf), ...sameAsReward(judge, keyOf, trainedOn)];
    }),
  ];
}

function repeatedNames(
  all: readonly { readonly name: string }[],
  keyOf: (place: number) => string,
): Violation[] {
  const place = all.findIndex(({ name }, at) => all.findIndex((one) => one.name === name) < at);
  if (place < 0) return [];
  return [
    {
      keys: [keyOf(place)],
      found: `the name ${all[place]!.name} twice`,
      expected: "a name of its own for each",
      remedy: "Set `name`: without one it is the kind's.",
    },
  ];
}

function scorerViolations(scorer: ScorerConfig, keyOf: KeyOf): Violation[] {
  return [
    ...foreignKeys(scorer, keyOf),
    ...missingKeys(scorer, keyOf),
    ...labelViolations(scorer, keyOf),
    ...urlViolations(scorer, keyOf),
    ...builtinViolations(scorer, keyOf),
  ];
}

/** A key that was set and that the kind does not have would be ignored in silence. */
function foreignKeys(scorer: ScorerConfig, keyOf: KeyOf): Violation[] {
  return Object.entries(kindsOfKey).flatMap(([key, kinds]): Violation[] => {
    const value = scorer[key as keyof ScorerConfig];
    const unset = isDeepStrictEqual(value, keyReference(`reward.${key}`)?.default);
    if (kinds.includes(scorer.kind) || unset) return [];
    return [
      {
        keys: [keyOf(key), keyOf("kind")],
        found: `\`${key}\` with the kind ${scorer.kind}`,
        expected: `the kind ${kinds.join(" or ")}, which \`${key}\` belongs to`,
        remedy: `Leave ${keyOf(key)} out, or set ${keyOf("kind")}.`,
      },
    ];
  });
}

function missingKeys(scorer: ScorerConfig, keyOf: KeyOf): Violation[] {
  const needed = { python: "function", http: "url", lexicon: "words" } as const;
  const key = needed[scorer.kind as keyof typeof needed];
  if (key !== undefined && scorer[key] === null) {
    const example = {
      function: "my_reward.py:score",
      url: "http://127.0.0.1:8000/score",
      words: "[bad, worse]",
    }[key];
    return [
      {
        keys: [keyOf(key), keyOf("kind")],
        found: `the kind ${scorer.kind} without \`${key}\``,
        expected: `\`${key}\``,
        remedy: `Add it, for example \`${key}: ${example}\`.`,
      },
    ];
  }
  if (scorer.kind === "preference" && scorer.model === "builtin") {
    return [
      {
        keys: [keyOf("model"), keyOf("kind")],
        found: "the kind preference without a model of its own",
        expected: "a folder or hub id of a reward model with one output",
        remedy: `Set ${keyOf("model")}.`,
      },
    ];
  }
  if (scorer.kind === "python" && !/^[^:]+:[A-Za-z_]\w*$/.test(scorer.function!)) {
    return [
      {
        keys: [keyOf("function")],
        found: `"${scorer.function}"`,
        expected: "file.py:function, or module:function",
        remedy: "Write for example my_reward.py:score.",
      },
    ];
  }
  return [];
}

function labelViolations(scorer: ScorerConfig, keyOf: KeyOf): Violation[] {
  if (scorer.kind !== "classifier") return [];
  const labels = scorer.label === null ? [] : [scorer.label].flat();
  const wanted = {
    logit: { fits: labels.length <= 1, words: "one label" },
    probability: { fits: labels.length <= 1, words: "one label" },
    margin: { fits: labels.length === 2 || labels.length === 0, words: "two labels" },
    max: { fits: true, words: "" },
    logsumexp: { fits: true, words: "" },
  }[scorer.output];
  const repeated = new Set(labels).size < labels.length;
  if (wanted.fits && !repeated) return [];
  return [
    {
      keys: [keyOf("label"), keyOf("output")],
      found: repeated
        ? `the labels ${labels.join(", ")}, one of them twice`
        : `${labels.length} labels with the output ${scorer.output}`,
      expected: repeated ? "different labels" : `${wanted.words} for the output ${scorer.output}`,
      remedy: repeated
        ? "Name each label once."
        : "Several labels go with the outputs margin (two), max and logsumexp.",
    },
  ];
}

function urlViolations(scorer: ScorerConfig, keyOf: KeyOf): Violation[] {
  if (scorer.kind !== "http" || scorer.url === null) return [];
  const problem = (found: string, expected: string, remedy: string): Violation[] => [
    { keys: [keyOf("url")], found, expected, remedy },
  ];
  const url = URL.parse(scorer.url);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    return problem(
      `"${scorer.url}"`,
      "an address that begins with http:// or https://",
      "Write for example http://127.0.0.1:8000/score.",
    );
  }
  if (url.username !== "" || url.password !== "") {
    return problem(
      "an address with a name or password in it",
      "an address without, since a run's record holds it",
      `Put a bearer token into an environment variable and name that in ${keyOf("token_env")}.`,
    );
  }
  if (url.protocol === "http:" && !isThisMachine(url.hostname) && !scorer.allow_insecure) {
    return problem(
      `an unencrypted connection to ${url.host}`,
      "https://, or a server on this machine (127.0.0.1, ::1 or localhost)",
      `Use https, or an ssh tunnel; to allow it all the same set ${keyOf("allow_insecure")} to true.`,
    );
  }
  return [];
}

/** @param hostname as `URL` has it: IPv6 in brackets */
function isThisMachine(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function builtinViolations(scorer: ScorerConfig, keyOf: KeyOf): Violation[] {
  if (!isBuiltin(scorer)) return [];
  if (scorer.revision !== null) {
    return [
      {
        keys: [keyOf("revision"), keyOf("model")],
        found: `the revision ${scorer.revision} of the builtin reward model`,
        expected: "a revision of a model from the Hugging Face hub alone",
        remedy: `Leave ${keyOf("revision")} out, or name a hub id in ${keyOf("model")}.`,
      },
    ];
  }
  if (!["logit", "probability"].includes(scorer.output)) {
    return [
      {
        keys: [keyOf("output"), keyOf("model")],
        found: `the output ${scorer.output} of the builtin reward model, which has one label`,
        expected: "logit or probability",
        remedy: `Leave ${keyOf("output")} out.`,
      },
    ];
  }
  return [];
}

function shapeViolations(component: RewardComponent, keyOf: KeyOf): Violation[] {
  if (component.transform === "hinge" || component.threshold === 0) return [];
  return [
    {
      keys: [keyOf("threshold"), keyOf("transform")],
      found: `a threshold with the transform ${component.transform}`,
      expected: "the transform hinge, which `threshold` belongs to",
      remedy: `Leave ${keyOf("threshold")} out, or set ${keyOf("transform")} to hinge.`,
    },
  ];
}

function weightViolations(
  reward: RewardConfig,
  components: readonly RewardComponent[],
): Violation[] {
  if (components.some(({ weight }) => weight > 0)) return [];
  return [
    {
      keys: [componentKey(reward, 0, "weight")],
      found: "a reward whose weights are all 0",
      expected: "a component with a weight over 0",
      remedy: "Raise the weight of what is to be trained on.",
    },
  ];
}

/** A judge that is what was trained on says nothing that the reward does not say. */
function sameAsReward(
  judge: Judge,
  keyOf: KeyOf,
  trainedOn: readonly RewardComponent[],
): Violation[] {
  const same = trainedOn.find((component) => component.weight > 0 && scoresAlike(judge, component));
  if (same !== undefined) {
    return [
      {
        keys: [keyOf("model"), keyOf("kind")],
        found: `a judge that is the reward component ${same.name} itself (${scorerSource(judge)})`,
        expected: "a scorer that no arm is trained on, whatever its sign, output and text",
        remedy:
          "Name another model, label or function, leave the judge out, or record it as a reward component with the weight 0.",
      },
    ];
  }
  if (isBuiltin(judge) && !trainedOn.every(isBuiltin)) {
    return [
      {
        keys: [keyOf("model"), keyOf("kind")],
        found: "the built-in judge beside a reward that is not built in",
        expected: "a judge made for the same texts as the reward",
        remedy:
          "The built-in judge scores film reviews: name a model of your own, or leave it out.",
      },
    ];
  }
  return [];
}

/**
 * Whether two scorers rank texts by the same model, function or server: another sign, output or part of
 * the text does not make it another. Built in, there are two models.
 */
function scoresAlike(a: ScorerConfig, b: ScorerConfig): boolean {
  if (a.kind !== b.kind || (isBuiltin(a) && isBuiltin(b))) return false;
  const own = Object.entries(kindsOfKey).flatMap(([key, kinds]) =>
    kinds.includes(a.kind) ? [key as keyof ScorerConfig] : [],
  );
  const settings = new Set([
    "output",
    "retries",
    "allow_insecure",
    "token_env",
    "trust_remote_code",
  ]);
  return own.filter((key) => !settings.has(key)).every((key) => isDeepStrictEqual(a[key], b[key]));
}
