/** Whether the variables are set that hold the tokens of reward servers. */
import {
  componentKey,
  judgeKey,
  namedJudges,
  rewardComponents,
} from "../config/rewards/components.js";
import type { Experiment } from "../config/schema/experiment.js";
import type { Concern, Findings } from "./findings.js";
import { distinctOfArms } from "./named-models.js";

/** @param isSet whether the worker will have a variable, with something in it */
export function checkTokens(
  experiment: Experiment,
  isSet: (variable: string) => boolean,
): Findings {
  const named = [
    ...distinctOfArms(experiment, ({ reward }) => reward).flatMap(([arm, { reward }]) =>
      rewardComponents(reward).map(({ token_env }, place) => ({
        arm,
        variable: token_env,
        key: componentKey(reward, place, "token_env"),
      })),
    ),
    ...namedJudges(experiment.evaluation.judges).map(({ token_env }, place) => ({
      arm: null,
      variable: token_env,
      key: judgeKey(place, "token_env"),
    })),
  ];
  const problems = named.flatMap(({ arm, variable, key }): Concern[] => {
    if (variable === null || isSet(variable)) return [];
    return [
      {
        arm,
        keys: [key],
        found: `${variable}, which no variable of the environment is called, or an empty one`,
        expected: "a variable that holds the server's token",
        remedy: `Set it before the run: export ${variable}=….`,
      },
    ];
  });
  return { checked: [], warnings: [], problems };
}
