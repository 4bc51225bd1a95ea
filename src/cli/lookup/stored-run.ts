/** What commands read of a run folder beside its evaluation: its figures, and on which scale they are. */
import { type Scale, scaleOf } from "../../analysis/comparability.js";
import { type RunFigures, withEvent } from "../../analysis/trial-figures.js";
import type { Experiment } from "../../config/schema/experiment.js";
import { planTrials } from "../../config/trials.js";
import type { EvaluatedEvent } from "../../journal/events.js";
import { JournalIndex } from "../../journal/journal-index.js";
import type { Manifest } from "../../store/manifest/manifest.js";

/** The configuration's keys, and what was loaded under those names: a path may hold other files now. */
export function scaleOfRecord(manifest: Manifest, experiment: Experiment, arm: string): Scale {
  const trials = new Set(planTrials(experiment).flatMap((one) => (one.arm === arm ? one.id : [])));
  const loaded = (role: string): unknown => {
    const all = manifest.models.filter(
      (model) => model.role === role && model.trials.some((id) => trials.has(id)),
    );
    return all.length === 0 ? undefined : all.map(({ files }) => files);
  };
  const digests = {
    "test prompts (sha256)": manifest.data.prompts.test ?? undefined,
    "files of the reward model (sha256)": loaded("reward"),
    "files of the judge (sha256)": loaded("judge"),
  };
  return {
    ...scaleOf(experiment, arm),
    ...Object.fromEntries(Object.entries(digests).filter(([, digest]) => digest !== undefined)),
  };
}

/**
 * Of steps only the figures are read; of final evaluations, their arrays too. The run may go on.
 *
 * @throws {RecordError} the journal cannot be read
 */
export function figuresOfRun(folder: string): RunFigures {
  const index = new JournalIndex(folder);
  let figures: RunFigures = new Map();
  for (const entry of [...index.read()].flat()) {
    const { head } = entry;
    const whole = head.type === "evaluated" && head.final;
    figures = withEvent(figures, whole ? (index.event(entry) as EvaluatedEvent) : head);
  }
  return figures;
}
