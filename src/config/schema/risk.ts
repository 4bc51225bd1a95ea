/** Which episodes of a batch count, and how much. Defaults are the paper's. */
import { z } from "zod";
import { annealingNames, annealings } from "../../risk/annealing/registry.js";
import { riskMeasureNames, riskMeasures } from "../../risk/measures/registry.js";
import { distortionNames, type OwnSetting } from "../../risk/measures/risk-measure.js";
import { allComponents } from "../../risk/terms.js";
import { count, fraction, nonNegative, openFraction, positive } from "./fields.js";

/** `mean-cvar: fraction of the CVaR part`: a setting with the measures that read it. */
function readBy(setting: OwnSetting, meaning: string): string {
  const readers = riskMeasureNames.filter((name) => riskMeasures[name].settings.includes(setting));
  return `${readers.join(", ")}: ${meaning}`;
}

/** Numbers that some measures read, each named by the measures themselves. */
const ownSettings = {
  mixture: fraction.default(0.5).describe(readBy("mixture", "fraction of the CVaR part")),
  temperature: positive
    .default(1)
    .describe(readBy("temperature", "T, in the returns' unit; small T sees only the worst")),
  distortion: z
    .enum(distortionNames)
    .default("wang")
    .describe(readBy("distortion", "wang, power, or cumulative prospect weighting (cpw)")),
  distortion_parameter: z
    .number()
    .nullable()
    .default(null)
    .describe(
      readBy("distortion_parameter", "η, how strongly; null: wang 0.75, power 2, cpw 0.71"),
    ),
  threshold: z
    .union([z.enum(["followed", "solved"]), z.number()])
    .default("followed")
    .meta({ expected: "followed, solved, or a number" })
    .describe(
      readBy(
        "threshold",
        "t; followed: it follows the batches; solved: from the first batch, with a constant α and several completions per prompt; or a number, in the trained reward's unit",
      ),
    ),
  tracking_rate: openFraction
    .default(0.05)
    .describe(
      readBy(
        "tracking_rate",
        "how fast what follows the batches moves: thresholds in the reward's unit, means as a fraction of the way",
      ),
    ),
  lower_level: openFraction
    .default(0.2)
    .describe(readBy("lower_level", "p₁, of the lower quantile")),
  upper_level: openFraction
    .default(0.9)
    .describe(readBy("upper_level", "p₂, of the upper quantile")),
  tail_weight: nonNegative
    .default(1.5)
    .describe(readBy("tail_weight", "ω, what the lower tail counts beside the range")),
  quantile: openFraction.default(0.4).describe(readBy("quantile", "p of the baseline")),
  limit: z.number().default(0).describe(readBy("limit", "bound of the cost, which is −component")),
  deviations: nonNegative
    .default(1)
    .describe(readBy("deviations", "κ, standard deviations added to the mean cost")),
  multiplier: nonNegative.default(1).describe(readBy("multiplier", "λ of the cost at the start")),
  multiplier_rate: nonNegative
    .default(0.05)
    .describe(readBy("multiplier_rate", "λ rises by this times what the cost is over its limit")),
} satisfies Record<OwnSetting, z.ZodType>;

const adaptiveSchema = z.strictObject({
  rate: openFraction
    .nullable()
    .default(null)
    .describe("most that α' falls in one iteration; null: twice the slope of soft"),
  episodes: positive
    .default(4)
    .describe("α' is held where fewer effective episodes, (Σw)²/Σw², would be left"),
  kl: positive
    .nullable()
    .default(1.5)
    .describe("α' is held while the KL is over this many times kl.target; null: whatever it is"),
  window: z.int().min(3).default(10).describe("iterations that the trend of CVaR_α is taken over"),
  decline: nonNegative
    .nullable()
    .default(2)
    .describe(
      "α' is held while CVaR_α falls by this many standard errors of its slope; null: whatever it does",
    ),
});

export const riskSchema = z.strictObject({
  measure: z
    .enum(riskMeasureNames)
    .default("cvar")
    .meta({
      description:
        "rule that turns a batch into one number per episode: a weight, an advantage or a reward",
      enumDescriptions: riskMeasureNames.map((name) => riskMeasures[name].words.description),
    }),
  alpha: openFraction.default(0.4).describe("α: the worst fraction of episodes that counts"),
  annealing: z
    .enum(annealingNames)
    .default("soft")
    .meta({
      description: "how the fraction in force, α', comes down from 1 to α",
      enumDescriptions: annealingNames.map((name) => annealings[name].words.description),
    }),
  warmup: count.default(30).describe("n: iterations 0 to n keep every episode"),
  rho: openFraction.default(0.95).describe("ρ: fraction of the iterations at which α is reached"),
  annealing_steps: z
    .array(z.tuple([count, openFraction]))
    .min(1)
    .nullable()
    .default(null)
    .meta({ expected: "a list of [iteration, fraction], as in [[30, 0.6], [100, 0.4]]" })
    .describe("annealing steps: iteration, from 0, and the α' from there on; before the first 1"),
  adaptive: adaptiveSchema.prefault({}).describe("annealing adaptive: what holds α'"),
  statistic: z
    .enum(["return", "lambda-return", "reward", "prompt-score"])
    .default("return")
    .describe("what the episodes are ranked by, lowest first"),
  ties: z
    .enum(["exact", "kept"])
    .default("exact")
    .describe(
      "episodes that tie at the quantile; exact: ⌈α'B⌉ are kept, by place in the batch; kept: all of them stay, as in the reference code",
    ),
  population: z
    .enum(["batch", "prompt", "components", "window"])
    .nullable()
    .default(null)
    .describe(
      "what the tail is taken over: the batch, a prompt's completions, an episode's reward components, or a window of past batches, by what follows them; null: the measure's own",
    ),
  component: z
    .string()
    .min(1)
    .default(allComponents)
    .describe(
      "reward component that the measure acts on while the others enter by their mean; combined: on all together",
    ),
  component_weight: nonNegative
    .default(1)
    .describe("λ, what that component counts beside the others"),
  ...ownSettings,
});
