import type { Experiment } from "../../config/schema/experiment.js";
import { withStagesReplaced } from "../../config/stages/references.js";
import type { Payload, Stage } from "../../protocol/messages.js";
import { dataSourceOf } from "./data-source.js";

/**
 * What a worker trains for a stage.
 *
 * @param folder absolute path of the model of a stage that this one goes on from
 * @param device null: the configured one
 */
export function stagePayloadFor(
  experiment: Experiment,
  name: string,
  folder: (name: string) => string,
  device: string | null,
): Payload<"describe_stage"> {
  const { kind, base, data, seed: _, threads, dtype, ...options } = experiment.stages[name]!;
  const { learning_rate_schedule: learning_rate_decay, ...rest } = options;
  const { worker: _worker, engine_options: _options, ...numbers } = experiment.backend;
  return {
    stage: withStagesReplaced(
      {
        name,
        kind,
        base: baseOf(base),
        data: dataSourceOf(data),
        options: { ...rest, learning_rate_decay },
      },
      folder,
    ),
    backend: {
      ...numbers,
      threads: threads ?? numbers.threads,
      dtype: dtype ?? numbers.dtype,
      device: device ?? numbers.device,
    },
  };
}

function baseOf(base: Experiment["stages"][string]["base"]): Stage["base"] {
  if ("model" in base) {
    return { kind: "model", ...base };
  }
  const { architecture: family, ...shape } = base;
  return { kind: "architecture", family, ...shape };
}
