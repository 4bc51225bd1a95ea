/** `averse reproduce`: a run's very configuration once more, and whether it gave the same. */
import type { EqualityTest, FirstDifference, Reproduction } from "../../analysis/reproduction.js";
import {
  environmentDifferences,
  runDifferences,
} from "../../store/manifest/environment-differences.js";
import { readManifest } from "../../store/manifest/manifest.js";
import type { EnvironmentDifference } from "../../store/manifest/schema.js";
import { gridLines } from "../../text/grid.js";
import { iterationName } from "../../text/iterations.js";
import { safeText } from "../../text/safe-text.js";
import { pythonPath } from "../../worker/python-path.js";
import type { WorkerSpec } from "../../worker/spec.js";
import { type ExitCode, exitCode } from "../failure-text.js";
import { probePython } from "../machine/environment-probe.js";
import { hardware } from "../machine/hardware.js";
import { packageRoot } from "../machine/package.js";
import { provenance } from "../machine/provenance.js";
import { executeNewRun, type NewRunOptions, usableSpec } from "../run/execute-run.js";
import { judge, type OriginalRun, originalRun } from "../run/original-run.js";
import type { Terminal } from "../terminal.js";

/** @param name a run, or the path of a manifest */
export async function reproduce(
  name: string,
  options: Omit<NewRunOptions, "detachment" | "fresh">,
  terminal: Terminal,
): Promise<ExitCode> {
  const original = await originalRun(name, options.runs);
  const { experiment, manifest } = original;
  const tell = options.json ? terminal.err : terminal.out;
  tell(environmentText(await knownDifferences(original, options.argv)));
  // What was kept of the first run is what is to be reproduced.
  const here = { ...options, detachment: null, fresh: true };
  const run = await executeNewRun(experiment, manifest, here, terminal);
  if (run.outcome !== "done") {
    return run.exit;
  }
  const reproduction = await judge(original, run.folder);
  if (options.json) {
    const environment = runDifferences(manifest, readManifest(run.folder));
    const { verdict, first_difference, test } = reproduction;
    terminal.out(
      JSON.stringify({
        type: "reproduce",
        verdict,
        first_difference,
        environment,
        test,
        run: run.folder,
      }),
    );
  } else {
    terminal.out(`\n${verdictText(reproduction, original.place)}`);
  }
  return reproduction.verdict === "diverged" ? exitCode.verification : run.exit;
}

/** Before anything runs: what a worker alone can tell, its model files say, is not known yet. */
async function knownDifferences({ experiment, manifest }: OriginalRun, argv: readonly string[]) {
  const spec = await usableSpec(experiment);
  const here = provenance({ origins: {}, written_paths: {} }, hardware(), argv, spec.environment);
  const known = Object.keys(manifest.versions);
  const packages = Object.entries(
    manifest.versions.torch === null ? {} : await pythonVersions(spec),
  ).filter(([name]) => known.includes(name));
  const versions = { ...here.versions, ...Object.fromEntries(packages) };
  return environmentDifferences(manifest, { ...here, versions });
}

/** Empty where the worker brings its own Python, or it cannot be asked: the run will tell. */
async function pythonVersions(spec: WorkerSpec): Promise<Record<string, string | null>> {
  if (!spec.argv.some((part) => part.includes("{python}"))) {
    return {};
  }
  const facts = await probePython(pythonPath(packageRoot));
  return typeof facts === "string"
    ? {}
    : { python: facts.version, ...facts.packages, cuda: facts.torch?.cuda_build ?? null };
}

/** @param differences known before anything runs */
function environmentText(differences: readonly EnvironmentDifference[]): string {
  if (differences.length === 0) {
    return "Environment: no difference from the first run is known.";
  }
  const rows = differences.map(({ field, was, is }) => [
    `  ${safeText(field)}`,
    valueText(was),
    "→",
    valueText(is),
  ]);
  return ["Environment, then → now:", ...gridLines(rows, ["left", "left", "left", "left"])].join(
    "\n",
  );
}

export function verdictText(
  { verdict, first_difference: first, test }: Reproduction,
  original: string,
): string {
  const head =
    first === null
      ? `bitwise: all figures and models are those of ${original}.`
      : verdict === "diverged"
        ? `diverged ${placeText(first)}: ${differenceText(first)}.`
        : `statistically equal: first different ${placeText(first)} (${differenceText(first)}), but ` +
          "no trial's final rewards differ by more than chance.";
  return test === null ? head : `${head}\n\n${testText(test)}`;
}

function placeText({ trial, step, event, in: where }: FirstDifference): string {
  const what =
    event === "step" && step !== null
      ? `at ${iterationName(step)}`
      : event === "evaluation"
        ? `at the evaluation after ${step} iterations`
        : `at the ${event}`;
  return `${what} of ${trial}${where === "manifest" ? " (manifest)" : ""}`;
}

function differenceText({ field, was, is }: FirstDifference): string {
  return field === ""
    ? was === null
      ? "the first run has none"
      : "the second run has none"
    : `${safeText(field)} was ${valueText(was)}, is ${valueText(is)}`;
}

function testText({ name, level, trials }: EqualityTest): string {
  const rows = trials.map(({ trial, n, difference, interval, p, equal }) => [
    trial,
    `${n}`,
    difference.toPrecision(3),
    interval === null ? "–" : `[${interval.map((end) => end.toPrecision(3)).join(", ")}]`,
    p === null ? "–" : p.toPrecision(2),
    equal ? "" : "differs",
  ]);
  const width = Number((100 * (1 - level)).toPrecision(4));
  const title = ["trial", "prompts", "now − then", `${width} % interval`, "p", ""];
  const grid = gridLines([title, ...rows], ["left", "right", "right", "left", "right", "left"]);
  return [`${name}:`, ...grid].join("\n");
}

function valueText(value: unknown): string {
  return value === null
    ? "none"
    : typeof value === "string"
      ? safeText(value)
      : JSON.stringify(value);
}
