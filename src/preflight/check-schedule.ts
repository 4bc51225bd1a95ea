/** Whether the schedule of the kept episodes gets where it is meant to. */
import type { ArmConfig, Experiment } from "../config/schema/experiment.js";
import { annealingEnd, keptEpisodes, validateSchedule } from "../risk/annealing/schedule.js";
import { usesAlpha } from "../risk/measures/registry.js";
import { tailCount } from "../risk/tail.js";
import { formatFraction } from "../text/numbers.js";
import { type Findings, joined, nothingFound } from "./findings.js";

export function checkSchedules({ arms }: Experiment): Findings {
  return joined(
    Object.entries(arms)
      .filter(([, arm]) => arm.stage === "rl" && usesAlpha(arm.risk.measure))
      .map(([name, arm]) => checkSchedule(name, arm)),
  );
}

function checkSchedule(name: string, { risk, training }: ArmConfig): Findings {
  const { iterations, batch } = training;
  const schedule = { ...risk, kind: risk.schedule };
  if (validateSchedule(schedule, iterations).length > 0) return nothingFound;
  const tail = tailCount(batch, risk.alpha);
  const last = keptEpisodes(schedule, iterations - 1, iterations, batch);
  const end = annealingEnd(risk, iterations);
  const soft = risk.schedule === "soft";
  const found = soft
    ? `${batch} episodes kept for ${Math.min(risk.warmup + 1, iterations)} iterations, then fewer, ${last} in the last of ${iterations}`
    : `${tail} of ${batch} episodes kept in each of ${iterations} iterations`;
  const late = Math.max(0, iterations - end);
  const warnings =
    last > tail
      ? [
          {
            arm: name,
            keys: ["training.iterations", "risk.rho", "risk.warmup"],
            found: `a schedule that comes down to ${last} of ${batch} episodes (${formatFraction(last / batch)}) in the last iteration`,
            expected: `${tail} (α = ${risk.alpha}), which the schedule reaches at iteration ${end + 1} of ${iterations}`,
            remedy: "Lower risk.rho or raise training.iterations.",
          },
        ]
      : [];
  return {
    checked: [
      {
        what: `schedule of ${name}`,
        found: soft && late > 0 ? `${found} (α in force for ${late})` : found,
      },
    ],
    warnings,
    problems: [],
  };
}
