/** What dropping points early needs of the experiment. */
import type { GivenValues } from "../given-values.js";
import type { KeyPath } from "../key-path.js";
import type { ConfigProblem } from "../problems.js";
import type { ExperimentFile } from "../schema/experiment.js";
import type { SweepPoint } from "../schema/sweep.js";

export function halvingProblems(
  { sweep, seeds, evaluation }: ExperimentFile,
  points: readonly SweepPoint[],
  given: GivenValues,
): ConfigProblem[] {
  const problem = (key: KeyPath, found: string, expected: string, remedy: string) => ({
    place: given.of(key),
    key: key.join("."),
    found,
    expected,
    remedy,
  });
  const { halving } = sweep;
  if (points.length === 0) return [];
  if (halving === null) {
    if (given.origin(["sweep", "keep"]) === "default") return [];
    return [
      problem(
        ["sweep", "keep"],
        `${sweep.keep} without sweep.halving`,
        "sweep.halving, the figure that points are kept by",
        "Set it, as in --halving tail_reward, or remove sweep.keep.",
      ),
    ];
  }
  const problems: ConfigProblem[] = [];
  const path = ["sweep", "halving"];
  if (seeds.length < 2) {
    problems.push(
      problem(
        path,
        "halving with one seed",
        "two seeds or more: points are dropped after a seed",
        "Add seeds, as in --seeds 3, or leave sweep.halving out.",
      ),
    );
  }
  if (halving === "harm_rate" && evaluation.harm_threshold === null) {
    problems.push(
      problem(
        path,
        "harm_rate, which is not measured: evaluation.harm_threshold is null",
        "a figure of the final evaluations",
        "Set evaluation.harm_threshold, or name another figure.",
      ),
    );
  }
  if (halving.startsWith("judge_") && evaluation.judges?.length === 0) {
    problems.push(
      problem(
        path,
        `${halving}, but there is no judge`,
        "a figure of the final evaluations",
        "Add evaluation.judges, or name another figure.",
      ),
    );
  }
  return problems;
}
