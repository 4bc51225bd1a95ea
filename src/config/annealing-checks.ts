/** The keys of α's annealing and of β's stages that must fit together. */
import { isDeepStrictEqual } from "node:util";
import type { AnnealingStep } from "../risk/annealing/annealing.js";
import { annealingEnd } from "../risk/annealing/ramp.js";
import { annealings } from "../risk/annealing/registry.js";
import { klControllerAt } from "../risk/kl-stages.js";
import { usesAlpha } from "../risk/measures/registry.js";
import type { Violation } from "./problems.js";
import type { ArmConfig } from "./schema/experiment.js";
import { riskSchema } from "./schema/risk.js";

const fallback = riskSchema.parse({});

/** Of an arm whose measure goes by α. */
export function annealingViolations(arm: ArmConfig): Violation[] {
  return [...rampViolations(arm), ...tableViolations(arm), ...idleViolations(arm)];
}

function rampViolations({ risk, training }: ArmConfig): Violation[] {
  const { iterations } = training;
  const reads = annealings[risk.annealing].reads(risk);
  if (!reads.includes("warmup") || !reads.includes("rho")) return [];
  const end = annealingEnd(risk, iterations);
  if (risk.warmup < end) return [];
  return [
    {
      keys: ["risk.warmup", "risk.rho", "training.iterations"],
      found: `warmup ${risk.warmup} with ${iterations} iterations and rho ${risk.rho}`,
      expected: `warmup under ⌈ρM⌉ = ${end}, the iteration at which α is reached`,
      remedy:
        end > 1
          ? `Set risk.warmup to at most ${end - 1} (${Math.floor(end / 6)} keeps the paper's proportion) or raise training.iterations.`
          : "Raise training.iterations, or set risk.annealing to constant.",
    },
  ];
}

function tableViolations({ risk }: ArmConfig): Violation[] {
  const { annealing, annealing_steps: table, alpha } = risk;
  if (annealing !== "steps") return [];
  if (table === null) {
    return [
      {
        keys: ["risk.annealing", "risk.annealing_steps"],
        found: "the annealing steps without its table",
        expected: "risk.annealing_steps, a list of [iteration, fraction]",
        remedy: `Write for example annealing_steps: [[30, ${(1 + alpha) / 2}], [100, ${alpha}]].`,
      },
    ];
  }
  return table.flatMap((entry, at) => {
    const fault = entryFault(entry, table[at - 1] ?? null, alpha);
    const key = `risk.annealing_steps.${at}`;
    return fault === null ? [] : [{ keys: [key, "risk.annealing_steps", "risk.alpha"], ...fault }];
  });
}

function entryFault(
  entry: AnnealingStep,
  before: AnnealingStep | null,
  alpha: number,
): Omit<Violation, "keys"> | null {
  const [from, kept] = entry;
  const found = `[${from}, ${kept}]${before === null ? "" : ` after [${before.join(", ")}]`}`;
  if (before !== null && from <= before[0]) {
    return {
      found,
      expected: "a later iteration than in the entry before",
      remedy: "Order the entries by iteration, one for each.",
    };
  }
  if (before !== null && kept > before[1]) {
    return {
      found,
      expected: "a fraction of at most the one before: α' never rises",
      remedy: `Lower it to at most ${before[1]}.`,
    };
  }
  if (kept < alpha) {
    return {
      found: `[${from}, ${kept}] with alpha ${alpha}`,
      expected: `a fraction of at least alpha: α is where α' ends`,
      remedy: `Raise it to ${alpha}, or lower risk.alpha.`,
    };
  }
  return null;
}

/** Keys of one kind of annealing with another. */
function idleViolations({ risk }: ArmConfig): Violation[] {
  const { annealing } = risk;
  const idle: Violation[] = [];
  if (annealing !== "steps" && risk.annealing_steps !== null) {
    idle.push({
      keys: ["risk.annealing_steps", "risk.annealing"],
      found: `a table of steps with the annealing ${annealing}, which has none`,
      expected: "annealing_steps with the annealing steps alone",
      remedy: "Leave risk.annealing_steps out, or set risk.annealing to steps.",
    });
  }
  if (annealing !== "adaptive") {
    const given = Object.entries(risk.adaptive).find(
      ([key, value]) =>
        !isDeepStrictEqual(value, fallback.adaptive[key as keyof typeof fallback.adaptive]),
    );
    if (given !== undefined) {
      idle.push({
        keys: [`risk.adaptive.${given[0]}`, "risk.annealing"],
        found: `${given[0]} ${given[1]} with the annealing ${annealing}, which follows no signals`,
        expected: "keys of adaptive with the annealing adaptive alone",
        remedy: "Leave risk.adaptive out, or set risk.annealing to adaptive.",
      });
    }
  }
  return idle;
}

export function klStageViolations({ kl, risk }: ArmConfig): Violation[] {
  const stages = kl.schedule;
  const holdsAlpha =
    usesAlpha(risk.measure) && risk.annealing === "adaptive" && risk.adaptive.kl !== null;
  return stages.flatMap((stage, at) => {
    const key = `kl.schedule.${at}`;
    const before = stages[at - 1] ?? null;
    if (before !== null && stage.from <= before.from) {
      return [
        {
          keys: [`${key}.from`, "kl.schedule"],
          found: `a stage from ${stage.from} after one from ${before.from}`,
          expected: "stages in order, each from a later iteration than the one before",
          remedy: `Order the stages by from; a stage ends where the next one begins.`,
        },
      ];
    }
    const { beta, target, k_beta } = stage;
    if (beta === null && target === null && k_beta === null) {
      return [
        {
          keys: [key, "kl.schedule"],
          found: "a stage that changes nothing",
          expected: "beta, target or k_beta",
          remedy: "Give what the stage changes, or leave it out.",
        },
      ];
    }
    const isIdle = target !== null && klControllerAt(kl, stage.from).k_beta === 0 && !holdsAlpha;
    return isIdle
      ? [
          {
            keys: [`${key}.target`, "kl.k_beta"],
            found: `the target ${target} with a gain of 0: β is fixed and looks at no target`,
            expected: "a target where β is adapted",
            remedy: "Leave the stage's target out, or give it a k_beta over 0.",
          },
        ]
      : [];
  });
}
