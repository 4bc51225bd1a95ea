/** What a backend cannot do of an experiment, told by the package's own worker: nothing is started, and torch not imported. */
import type { Experiment } from "../../config/schema/experiment.js";
import { planTrials } from "../../config/trials.js";
import { engineFacts, engineViolations } from "../../engine/actions/engine-fit.js";
import type { Concern } from "../../preflight/findings.js";
import { runsHere, type WorkerSpec, workerArguments } from "../../worker/spec.js";
import { pythonAnswer } from "./python-answer.js";

/** Of half a second's work, on a machine that is busy. */
const timeoutMs = 60_000;

/** As argparse begins the line that says why. */
const refused = "averse_worker: error: ";

/**
 * @returns what stands in the way; in words, why nobody could be asked; null: the command starts another
 *   program, or a worker that this package does not know, which tells in its hello
 */
export async function backendConcerns(
  experiment: Experiment,
  spec: WorkerSpec,
): Promise<readonly Concern[] | string | null> {
  const args = workerArguments(spec);
  if (args === null) return null;
  const module = "averse_worker";
  const found = await pythonAnswer(module, [...args, "--hello"], "", spec.environment, timeoutMs);
  if (typeof found === "string") {
    if (!found.startsWith(refused)) return found;
    return [
      {
        arm: null,
        keys: ["backend.worker"],
        found: `the command of the backend ${spec.name} is refused: ${found.slice(refused.length)}`,
        expected: "",
        remedy: "Correct argv in its file, or use another backend.",
      },
    ];
  }
  const facts = engineFacts.parse(found.json);
  const { capabilities } = facts;
  // What is installed in another Python is not known here.
  const isOwnPython = runsHere(spec) && spec.argv[0] === "{python}";
  const known = {
    ...facts,
    capabilities: { ...capabilities, harness: capabilities.harness || !isOwnPython },
  };
  // The same for every seed.
  return planTrials({ ...experiment, seeds: experiment.seeds.slice(0, 1) }).flatMap((trial) =>
    engineViolations(experiment, trial, known).map((violation) => ({
      ...violation,
      arm: Object.hasOwn(experiment.arms, trial.arm) ? trial.arm : null,
    })),
  );
}
