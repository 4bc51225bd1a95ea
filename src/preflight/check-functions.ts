/** Whether the files of Python rewards and judges define the functions that are named. */
import { existsSync, readFileSync } from "node:fs";
import {
  componentKey,
  judgeKey,
  namedJudges,
  rewardComponents,
  type ScorerConfig,
} from "../config/rewards/components.js";
import type { Experiment } from "../config/schema/experiment.js";
import { nearestName } from "../text/nearest-name.js";
import type { Checked, Concern, Findings } from "./findings.js";
import { distinctOfArms } from "./named-models.js";

export function checkFunctions(experiment: Experiment): Findings {
  const scorers = [
    ...distinctOfArms(experiment, ({ reward }) => reward).flatMap(([arm, { reward }]) =>
      rewardComponents(reward).map((scorer, place) => ({
        arm,
        scorer,
        key: componentKey(reward, place, "function"),
      })),
    ),
    ...namedJudges(experiment.evaluation.judges).map((scorer, place) => ({
      arm: null,
      scorer,
      key: judgeKey(place, "function"),
    })),
  ];
  const checked: Checked[] = [];
  const problems: Concern[] = [];
  for (const { arm, scorer, key } of scorers) {
    const [file, name] = fileAndName(scorer);
    if (file === null || !existsSync(file)) continue;
    const known = namesIn(readFileSync(file, "utf8"));
    checked.push({ what: scorer.name, found: `${name} in ${file}` });
    if (known.includes(name)) continue;
    const meant = nearestName(name, known);
    problems.push({
      arm,
      keys: [key],
      found: `${name}, which ${file} does not define`,
      expected: known.length === 0 ? "a function in it" : `one of ${known.join(", ")}`,
      remedy:
        meant === null ? "Name a function at the top level of the file." : `Did you mean ${meant}?`,
    });
  }
  return { checked, warnings: [], problems };
}

/** Null: a module, which only Python can find. */
function fileAndName({ kind, function: given }: ScorerConfig): [file: string | null, name: string] {
  if (kind !== "python" || given === null) return [null, ""];
  const at = given.lastIndexOf(":");
  const file = given.slice(0, at);
  return [file.endsWith(".py") ? file : null, given.slice(at + 1)];
}

/** What is defined, assigned or imported at the top level: a text search, as nothing is run here. */
function namesIn(source: string): string[] {
  const defined = source.matchAll(/^(?:async\s+)?(?:def|class)\s+(\w+)/gm);
  const assigned = source.matchAll(/^(\w+)\s*(?::[^=\n]+)?=(?!=)/gm);
  const imported = source.matchAll(/^from\s+\S+\s+import\s+\(?([^)#\n]*(?:\n[^)#\n]+)*?)\)?$/gm);
  const names = [...imported].flatMap(([, list = ""]) =>
    list.split(",").map(
      (one) =>
        one
          .trim()
          .split(/\s+as\s+/)
          .at(-1) ?? "",
    ),
  );
  return [...new Set([...defined, ...assigned].map(([, name = ""]) => name).concat(names))].filter(
    (name) => /^\w+$/.test(name),
  );
}
