/** `averse reproduce`: a run's very configuration once more, and whether it gave the same. */
import { environmentDifferences, runDifferences } from "../record/environment-differences.js";
import { readManifest } from "../record/manifest.js";
import { pythonPath } from "../worker/python-path.js";
import type { WorkerSpec } from "../worker/spec.js";
import { probePython } from "./environment-probe.js";
import { executeNewRun, type NewRunOptions, usableSpec } from "./execute-run.js";
import { type ExitCode, exitCode } from "./exit-code.js";
import { hardware } from "./hardware.js";
import { judge, type OriginalRun, originalRun } from "./original-run.js";
import { packageRoot } from "./package-root.js";
import { provenance } from "./provenance.js";
import { environmentText, verdictText } from "./reproduction-text.js";
import type { Terminal } from "./terminal.js";

/** @param name a run, or the path of a manifest */
export async function reproduce(
  name: string,
  options: Omit<NewRunOptions, "detachment">,
  terminal: Terminal,
): Promise<ExitCode> {
  const original = await originalRun(name, options.runs);
  const { experiment, manifest } = original;
  const tell = options.json ? terminal.err : terminal.out;
  tell(environmentText(await knownDifferences(original, options.argv)));
  const here = { ...options, detachment: null };
  const run = await executeNewRun(experiment, manifest.origins, here, terminal);
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
  const spec = usableSpec(experiment);
  const here = provenance({}, hardware(), argv, spec.environment);
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
