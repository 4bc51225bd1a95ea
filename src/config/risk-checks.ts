/** What a risk measure needs of the reward, the algorithm and the batch. */
import { hasCritic } from "../risk/algorithms.js";
import { distortions } from "../risk/distortions.js";
import {
  ranksEpisodes,
  riskMeasureNames,
  riskMeasures,
  usesAlpha,
} from "../risk/measures/registry.js";
import type { OwnSetting, Population } from "../risk/measures/risk-measure.js";
import { weighsImportance } from "../risk/samplers/registry.js";
import { allComponents, keepsTies, populationInForce } from "../risk/terms.js";
import { nearestName } from "../text/nearest-name.js";
import type { Violation } from "./problems.js";
import { rewardComponents } from "./rewards/components.js";
import type { ArmConfig } from "./schema/experiment.js";

/** Of an arm that is trained by RL. */
export function riskViolations(arm: ArmConfig): Violation[] {
  return [
    ...signedViolations(arm),
    ...ownSignalViolations(arm),
    ...rewardViolationsOf(arm),
    ...componentViolations(arm),
    ...populationViolations(arm),
    ...tieViolations(arm),
    ...settingViolations(arm),
  ];
}

/** Only where the lowest of a batch get a weight, and each counts as one, do ties at the end matter. */
function tieViolations({ risk, sampling }: ArmConfig): Violation[] {
  if (risk.ties === "exact") return [];
  if (weighsImportance(sampling)) {
    return [
      {
        keys: ["risk.ties", "sampling.importance"],
        found: "ties kept with importance weights, where the tail ends within an episode",
        expected: "exact, where episodes are weighted back to the data's own mix",
        remedy: "Leave risk.ties out, or set sampling.importance to off.",
      },
    ];
  }
  if (keepsTies(risk)) return [];
  return [
    {
      keys: ["risk.ties", "risk.measure"],
      found: `ties kept with the measure ${risk.measure}, population ${populationInForce(risk)}`,
      expected: "a measure that weighs the lowest of a batch, as cvar does",
      remedy: "Leave risk.ties out, or set risk.measure to cvar.",
    },
  ];
}

/** A critic gives one advantage per token; nothing can take their place. */
function signedViolations({ risk, training }: ArmConfig): Violation[] {
  if (riskMeasures[risk.measure].answers !== "advantages" || !hasCritic(training.algorithm)) {
    return [];
  }
  const { completions } = training;
  return [
    {
      keys: ["risk.measure", "training.algorithm"],
      found: `the measure ${risk.measure}, one signed advantage per episode, with the algorithm ${training.algorithm}, whose critic gives one per token`,
      expected: "an algorithm without a critic: reinforce, rloo or grpo",
      remedy: `Set training.algorithm to ${completions > 1 ? "rloo" : "reinforce"}, or risk.measure to ${weighing(risk.measure)}.`,
    },
  ];
}

/** raft chooses the best completions, quark learns all of them by their quantile: both by the return. */
function ownSignalViolations({ risk, training }: ArmConfig): Violation[] {
  const { measure } = risk;
  const { algorithm } = training;
  const { answers } = riskMeasures[measure];
  const loses =
    (algorithm === "raft" && answers === "advantages") ||
    (algorithm === "quark" && answers !== "weights");
  if (!loses) return [];
  const why =
    answers === "advantages"
      ? "whose signed advantages would take the place of what it learns from"
      : "whose rewards it does not look at";
  return [
    {
      keys: ["risk.measure", "training.algorithm"],
      found: `the measure ${measure} with the algorithm ${algorithm}, ${why}`,
      expected: "a measure that weighs episodes, or another algorithm",
      remedy: "Set risk.measure to mean or cvar, or training.algorithm to rloo or grpo.",
    },
  ];
}

/** What comes nearest to a signed measure and weighs. */
function weighing(measure: string): string {
  const near = measure.replace(/-policy-gradient$/, "");
  const weighs = riskMeasureNames.some(
    (name) => name === near && riskMeasures[name].answers === "weights",
  );
  return weighs ? near : "cvar or hinge";
}

/** A prefix baseline is on the scale of the reward that the measure replaces. */
function rewardViolationsOf({ risk, training }: ArmConfig): Violation[] {
  if (riskMeasures[risk.measure].answers !== "rewards" || !training.prefix_baseline) return [];
  return [
    {
      keys: ["training.prefix_baseline", "risk.measure"],
      found: `prefix_baseline with the measure ${risk.measure}, which replaces the reward`,
      expected: "a critic of its own: the score of a prefix is no part of that reward",
      remedy: "Set training.prefix_baseline to false.",
    },
  ];
}

function componentViolations(arm: ArmConfig): Violation[] {
  const { risk, reward, training } = arm;
  const { measure, component } = risk;
  const names = rewardComponents(reward).map(({ name }) => name);
  const own = riskMeasures[measure];
  const one = (found: string, expected: string, remedy: string): Violation[] => [
    { keys: ["risk.component", "risk.measure"], found, expected, remedy },
  ];
  if (measure === "soft-minimum" && names.length < 2) {
    return [
      {
        keys: ["risk.measure", "reward"],
        found: "the measure soft-minimum with a reward of one component",
        expected: "at least two components, whose worst it takes",
        remedy: "Write `reward` as a list of components, or choose another measure.",
      },
    ];
  }
  if (component === allComponents) {
    if (own.component !== "required") return [];
    return one(
      `the component ${allComponents} with the measure ${measure}, which takes one component as a cost`,
      `one of ${names.join(", ")}`,
      names.length > 1
        ? `Set risk.component to the one that is to be bounded, ${names.at(-1)}, say.`
        : "Write `reward` as a list of the cost and what is to be gained, and set risk.component to the cost.",
    );
  }
  if (!names.includes(component)) {
    const near = nearestName(component, [...names, allComponents]);
    return one(
      `the component ${component}`,
      `one of ${[...names, allComponents].join(", ")}`,
      `Set risk.component to ${near ?? allComponents}.`,
    );
  }
  if (names.length === 1) {
    return one(
      `the component ${component}, which is the whole reward`,
      `${allComponents}, or a reward of several components`,
      `Set risk.component to ${allComponents}, or write \`reward\` as a list.`,
    );
  }
  if (own.component === "none") {
    return one(
      `the component ${component} with the measure ${measure}, which takes all components apart`,
      allComponents,
      `Set risk.component to ${allComponents}, or choose another measure.`,
    );
  }
  if (hasCritic(training.algorithm) && own.answers !== "rewards" && measure !== "mean") {
    return one(
      `the component ${component} with the measure ${measure} and the algorithm ${training.algorithm}, whose critic gives one advantage for all components together`,
      "a measure that changes the reward (hinge), or an algorithm without a critic",
      "Set risk.measure to hinge, or training.algorithm to reinforce, rloo or grpo.",
    );
  }
  if (ranksEpisodes(measure) && risk.statistic !== "return") {
    return [
      {
        keys: ["risk.statistic", "risk.component"],
        found: `the statistic ${risk.statistic} with the component ${component}`,
        expected: "no statistic: one component is ranked by what it adds to the trained reward",
        remedy: `Leave risk.statistic out, or set risk.component to ${allComponents}.`,
      },
    ];
  }
  return [];
}

function populationViolations({ risk, training }: ArmConfig): Violation[] {
  const { measure, alpha } = risk;
  const own = riskMeasures[measure];
  const population = populationInForce(risk);
  const { completions } = training;
  if (!own.populations.includes(population)) {
    const others = riskMeasureNames.filter((name) =>
      (riskMeasures[name].populations as readonly Population[]).includes(population),
    );
    return [
      {
        keys: ["risk.population", "risk.measure"],
        found: `the population ${population} with the measure ${measure}: ${reasons[population]}`,
        expected: either(own.populations),
        remedy: `Leave risk.population out, or set risk.measure to ${either(others)}.`,
      },
    ];
  }
  if (population !== "prompt") return [];
  if (completions < 2) {
    return [
      {
        keys: ["training.completions", "risk.population", "risk.measure"],
        found: `${completions} completion per prompt with the measure ${measure} over the completions of a prompt`,
        expected: "at least 2 completions per prompt",
        remedy:
          own.populations.length > 1
            ? "Set training.completions to 8, say, or risk.population to batch."
            : "Set training.completions to 8, say, or choose another measure.",
      },
    ];
  }
  if (usesAlpha(measure) && alpha * completions < 1 - 1e-12) {
    return [
      {
        keys: ["training.completions", "risk.alpha", "risk.population"],
        found: `a tail of α·n = ${alpha} · ${completions} of a prompt's completions, less than one`,
        expected: "α·n of at least 1: the worst completion alone is a larger tail than α",
        remedy: `Raise training.completions to ${Math.ceil(1 / alpha - 1e-12)} or risk.alpha to ${1 / completions}.`,
      },
    ];
  }
  return [];
}

/** Why not every measure can be taken over it. */
const reasons: Readonly<Record<Population, string>> = {
  batch: "it compares an episode with the completions of its own prompt, or with past batches",
  prompt:
    "its threshold, or its cost, is one for all prompts, and a prompt has too few completions for it",
  components: "the components of an episode are no draws of one distribution, which have a tail",
  window: "it follows nothing from batch to batch",
};

function settingViolations(arm: ArmConfig): Violation[] {
  const { risk } = arm;
  const reads = (setting: OwnSetting) =>
    (riskMeasures[risk.measure].settings as readonly OwnSetting[]).includes(setting);
  return [
    ...(reads("threshold") && risk.threshold === "solved" ? solvedViolations(arm) : []),
    ...(reads("lower_level") && risk.lower_level >= risk.upper_level
      ? [
          {
            keys: ["risk.lower_level", "risk.upper_level"],
            found: `lower_level ${risk.lower_level} with upper_level ${risk.upper_level}`,
            expected: "lower_level under upper_level",
            remedy: "Set risk.lower_level to 0.2 and risk.upper_level to 0.9, say.",
          },
        ]
      : []),
    ...(reads("distortion") ? distortionViolations(arm) : []),
  ];
}

function distortionViolations({ risk }: ArmConfig): Violation[] {
  const { distortion, distortion_parameter: own } = risk;
  const { accepts, parameter } = distortions[distortion];
  if (own === null || accepts(own)) return [];
  return [
    {
      keys: ["risk.distortion_parameter", "risk.distortion"],
      found: `distortion_parameter ${own} with the distortion ${distortion}`,
      expected: parameter.range,
      remedy: `Leave risk.distortion_parameter out: it is ${parameter.standard} then.`,
    },
  ];
}

/** One threshold for one α, from samples of the reference policy, several per prompt. */
function solvedViolations({ risk, training, kl }: ArmConfig): Violation[] {
  const remedy = "or set risk.threshold to followed.";
  const violation = (keys: string[], found: string, expected: string, first: string) => ({
    keys: [...keys, "risk.threshold"],
    found,
    expected,
    remedy: `${first}, ${remedy}`,
  });
  return [
    ...(training.completions < 2
      ? [
          violation(
            ["training.completions"],
            "a threshold to be solved from one completion per prompt",
            "at least 2: what the policy can reach differs from prompt to prompt",
            "Set training.completions to 4, say",
          ),
        ]
      : []),
    ...(kl.beta === 0
      ? [
          violation(
            ["kl.beta"],
            "a threshold to be solved without a KL penalty",
            "kl.beta over 0: the threshold is that of the KL-regularised optimum",
            "Raise kl.beta",
          ),
        ]
      : []),
    ...(risk.alpha < 1 && risk.annealing !== "constant"
      ? [
          violation(
            ["risk.annealing"],
            `a threshold to be solved for one α, with the annealing ${risk.annealing}`,
            "the annealing constant",
            "Set risk.annealing to constant",
          ),
        ]
      : []),
  ];
}

function either(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
