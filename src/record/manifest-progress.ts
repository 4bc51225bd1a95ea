/** What a manifest learns while its run goes on. Pure: each answers a new manifest. */
import { determinismOf } from "../experiment/determinism.js";
import type { JournalEvent } from "../experiment/events.js";
import { environmentDifferences } from "./environment-differences.js";
import { isModelKey, loadedModels } from "./loaded-models.js";
import { experimentOf } from "./manifest-experiment.js";
import type { Manifest, Provenance } from "./manifest-schema.js";
import { withUser } from "./shared-entries.js";

type EventOf<T extends JournalEvent["type"]> = Extract<JournalEvent, { type: T }>;

/** The manifest with what an event adds; the same object where that is nothing. */
export function manifestAfter(manifest: Manifest, event: JournalEvent): Manifest {
  const { trial } = event;
  if (trial === null) {
    return manifest;
  }
  switch (event.type) {
    case "worker_ready":
      return withLoaded(manifest, event, trial);
    case "model_exported":
      return withResult(manifest, trial, { model: event.files });
    case "evaluated":
      return event.final ? withResult(manifest, trial, { metrics: event.metrics }) : manifest;
    default:
      return manifest;
  }
}

/** Another controller has taken the run up. */
export function resumedManifest(manifest: Manifest, provenance: Provenance, time: Date): Manifest {
  const { command, process } = provenance;
  const differences = environmentDifferences(manifest, provenance);
  return {
    ...manifest,
    finished: null,
    outcome: null,
    message: null,
    process,
    resumed: [...manifest.resumed, { time: time.toISOString(), command, differences }],
    results: { ...manifest.results, journal: null, evaluation_sha256: null },
  };
}

/**
 * The run is over.
 *
 * @param journal number of its events, and the checksum of the last
 * @param evaluation sha256 of evaluation.json; null: there is none
 */
export function completedManifest(
  manifest: Manifest,
  { time, outcome, message }: EventOf<"run_finished">,
  journal: NonNullable<Manifest["results"]["journal"]>,
  evaluation: string | null,
): Manifest {
  const results = { ...manifest.results, journal, evaluation_sha256: evaluation };
  return { ...manifest, finished: time, outcome, message, results };
}

function withLoaded(manifest: Manifest, event: EventOf<"worker_ready">, trial: string): Manifest {
  const { versions, models, data } = manifest;
  const { data: files = {}, prompts } = event.digests;
  const devices = withDevice(manifest.devices, event, trial);
  return {
    ...manifest,
    versions: withVersions(versions, event.versions),
    devices,
    determinism: determinismOf(devices.map(({ nondeterminism }) => nondeterminism)),
    models: loadedModels(models, experimentOf(manifest), event, trial),
    data: {
      ...data,
      files: { ...files, ...data.files },
      prompts: {
        train: data.prompts.train ?? prompts?.train ?? null,
        test: data.prompts.test ?? prompts?.test ?? null,
      },
    },
  };
}

/** What is known stays: the controller's own, and those of the first worker. */
function withVersions(
  known: Manifest["versions"],
  told: Readonly<Record<string, string>>,
): Manifest["versions"] {
  const added = Object.entries(told).filter(
    ([name]) => (known[name] ?? null) === null && !isModelKey(name),
  );
  return { ...known, ...Object.fromEntries(added) };
}

function withDevice(
  devices: Manifest["devices"],
  { device, device_name: name, dtype, threads, nondeterminism }: EventOf<"worker_ready">,
  trial: string,
): Manifest["devices"] {
  const facts = { device, name, dtype, threads, nondeterminism };
  return withUser(devices, { ...facts, trials: [trial] });
}

function withResult(
  manifest: Manifest,
  trial: string,
  result: Partial<Manifest["results"]["trials"][string]>,
): Manifest {
  const { results } = manifest;
  const before = results.trials[trial] ?? { metrics: null, model: null };
  const trials = { ...results.trials, [trial]: { ...before, ...result } };
  return { ...manifest, results: { ...results, trials } };
}
