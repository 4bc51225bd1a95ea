/** Trackers that a run is sent to while it runs, by a process of its own. */
import { z } from "zod";
import { trackerNames } from "../tracker-names.js";
import { positive } from "./fields.js";

const text = z.string().min(1).max(200);

const trackerSchema = z.strictObject({
  name: z
    .enum(trackerNames)
    .describe(
      "its library is installed apart: pip install tensorboard, wandb, mlflow-skinny or trackio",
    ),
  project: text
    .nullable()
    .default(null)
    .describe("project, or MLflow's experiment; null: the experiment's name"),
  run_name: text
    .nullable()
    .default(null)
    .describe("group of the trials, and the beginning of their names; null: the run folder's name"),
  tags: z.array(text).default([]).describe("of each of its runs"),
  offline: z
    .boolean()
    .default(false)
    .describe("nothing is sent over the network: wandb writes a folder, mlflow a local database"),
  dir: text
    .nullable()
    .default(null)
    .describe(
      "folder of its files; null: in the run folder; trackio: where the library keeps them",
    ),
  uri: text
    .nullable()
    .default(null)
    .describe(
      "of an MLflow server or database; null: MLFLOW_TRACKING_URI, else a database in the run folder",
    ),
  show_text: z
    .boolean()
    .default(false)
    .describe("prompts and completions stand in its tables; they may be offensive"),
  timeout: positive
    .max(3600)
    .default(120)
    .describe("seconds without an answer after which it is given up; the run continues"),
});

export const trackersSchema = z.union([trackerSchema, z.array(trackerSchema)]).default([]);

export type TrackerConfig = z.infer<typeof trackerSchema>;

/** One that nothing but its name is said of. */
export function trackerNamed(name: TrackerConfig["name"]): TrackerConfig {
  return trackerSchema.parse({ name });
}

/** As a list, however they are written. */
export function trackersOf({
  trackers,
}: {
  readonly trackers: z.infer<typeof trackersSchema>;
}): readonly TrackerConfig[] {
  return Array.isArray(trackers) ? trackers : [trackers];
}
