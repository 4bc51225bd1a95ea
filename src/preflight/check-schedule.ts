/** Whether the schedules of the kept episodes and of β get where they are meant to. */
import type { ArmConfig, Experiment } from "../config/schema/experiment.js";
import { type Forecast, forecast } from "../risk/annealing/forecast.js";
import { alphaFrom, validateSchedule } from "../risk/annealing/schedule.js";
import { riskMeasures, usesAlpha } from "../risk/measures/registry.js";
import { tailEpisodes } from "../risk/populations.js";
import { populationInForce } from "../risk/terms.js";
import { klStageWords } from "../text/kl-stages.js";
import { formatFraction } from "../text/numbers.js";
import { type Concern, type Findings, joined, nothingFound } from "./findings.js";

export function checkSchedules({ arms }: Experiment): Findings {
  return joined(
    Object.entries(arms)
      .filter(([, arm]) => arm.stage === "rl")
      .flatMap(([name, arm]) => [
        ...(usesAlpha(arm.risk.measure) ? [checkSchedule(name, arm)] : []),
        checkStages(name, arm),
      ]),
  );
}

function checkSchedule(name: string, { risk, training }: ArmConfig): Findings {
  const { iterations, batch } = training;
  if (validateSchedule(risk, iterations).length > 0) return nothingFound;
  const ahead = forecast(risk, iterations, (alpha) =>
    tailEpisodes(alpha, populationInForce(risk), training),
  );
  const from = alphaFrom(risk, iterations);
  const { episodes } = riskMeasures[risk.measure].trainsOn(risk, populationInForce(risk));
  const what = episodes === "all" ? "in the tail" : "kept";
  const words = scheduleWords(what, ahead, iterations, batch, from);
  const found = episodes === "all" ? `${words}; all ${batch} train` : words;
  return {
    checked: [{ what: `schedule of ${name}`, found }],
    warnings: ahead.last > ahead.tail ? [notReached(name, risk, ahead, iterations, batch)] : [],
    problems: [],
  };
}

function scheduleWords(
  what: "in the tail" | "kept",
  { isBound, first, last, fewerFrom }: Forecast,
  iterations: number,
  batch: number,
  from: number | null,
): string {
  if (fewerFrom === null) {
    return `${first} of ${batch} episodes ${what} in each of ${iterations} iterations`;
  }
  const kept = first === batch ? `${batch} episodes` : `${first} of ${batch} episodes`;
  const late = from === null ? 0 : Math.max(0, iterations - from);
  const inForce = late > 0 ? ` (α in force for ${isBound ? "at most " : ""}${late})` : "";
  return (
    `${kept} ${what} for ${isBound ? "at least " : ""}${fewerFrom} iterations, then fewer, ` +
    `${isBound ? "not under " : ""}${last} in the last of ${iterations}${inForce}`
  );
}

function notReached(
  arm: string,
  risk: ArmConfig["risk"],
  { last, tail, isBound }: Forecast,
  iterations: number,
  batch: number,
): Concern {
  const came = `${last} of ${batch} episodes (${formatFraction(last / batch)})`;
  const end = alphaFrom(risk, iterations);
  const target = `${tail} (α = ${risk.alpha})`;
  if (risk.annealing === "steps") {
    const never = `${target}, which its table ${end === null ? "never comes to" : `has from iteration ${end + 1} on`}`;
    return {
      arm,
      keys: ["risk.annealing_steps", "risk.alpha", "training.iterations"],
      found: `a schedule that comes down to ${came} in the last of ${iterations} iterations`,
      expected: never,
      remedy:
        end === null
          ? `Add an entry [iteration, ${risk.alpha}], if α is to be reached.`
          : "Raise training.iterations, or begin the last entry earlier.",
    };
  }
  return {
    arm,
    keys: isBound
      ? ["risk.adaptive.rate", "training.iterations", "risk.warmup"]
      : ["training.iterations", "risk.rho", "risk.warmup"],
    found: `a schedule that comes down to ${came} in the last iteration${isBound ? " at best" : ""}`,
    expected: `${target}, which the schedule reaches at iteration ${end! + 1} of ${iterations}`,
    remedy: isBound
      ? "Raise risk.adaptive.rate or training.iterations."
      : "Lower risk.rho or raise training.iterations.",
  };
}

/** β's stages, and those that the run ends before. */
function checkStages(arm: string, { kl, training }: ArmConfig): Findings {
  const { iterations } = training;
  if (kl.schedule.length === 0) return nothingFound;
  const words = kl.schedule.map(klStageWords);
  const late = kl.schedule.find(({ from }) => from >= iterations);
  return {
    checked: [{ what: `stages of β of ${arm}`, found: words.join("; ") }],
    warnings:
      late === undefined
        ? []
        : [
            {
              arm,
              keys: ["kl.schedule", "training.iterations"],
              found: `a stage from ${late.from} in a run of ${iterations} iterations`,
              expected: `stages from at most ${iterations - 1}: this one never begins`,
              remedy: "Begin it earlier, leave it out, or raise training.iterations.",
            },
          ],
    problems: [],
  };
}
