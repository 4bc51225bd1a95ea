/**
 * Final policies, the points of a frontier over β, and the file that keeps them when their runs are
 * gone: `averse frontier --table`.
 */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

const finite = z.number();
/** By tenth of the test prompts, those that score worst by themselves first; null: not measured there. */
const tenths = z.array(finite.nullable());

const policy = z.strictObject({
  /** Name of the run folder. */
  run: z.string(),
  trial: z.string(),
  /** What its points on other β are joined with: the arm, and its values of other swept keys. */
  curve: z.string(),
  /** Null: it is what the others start from. */
  role: z.enum(["averse", "neutral", "control"]).nullable(),
  seed: z.int(),
  /** Of the KL penalty when training began; null: it was not trained with RL. */
  beta: finite.nullable(),
  /** Of all that made it but seed and β, or a digest of it: policies of one curve have one. */
  settings: z.string(),
  /** By the names of `text/metric-words`; `kl_mean` in nats per episode. */
  metrics: z.record(z.string(), finite),
  by_prompt_score: z.strictObject({
    prompt_score: tenths,
    reward: tenths,
    kl: tenths,
    judge: tenths.nullable(),
  }),
});

const source = z.strictObject({
  run: z.string(),
  experiment: z.string(),
  /** ISO 8601, UTC. */
  started: z.string(),
  averse: z.string(),
  torch: z.string().nullable(),
  processor: z.string(),
  /** sha256 of the resolved configuration. */
  configuration: z.string(),
  /** Checksum of the journal's last event, which stands for all of it; null: the run is not over. */
  journal: z.string().nullable(),
  /** What fixes the scale of its figures. */
  scale: z.record(z.string(), z.unknown()),
});

/** Version of the file's form. */
const tableVersion = 1;

export const policyTableSchema = z.strictObject({
  table: z.literal(tableVersion),
  sources: z.array(source),
  policies: z.array(policy),
});

export type FinalPolicy = z.infer<typeof policy>;
/** What curves are made of. */
export type CurvePolicy = Pick<FinalPolicy, "curve" | "role" | "seed" | "metrics">;
export type PolicySource = z.infer<typeof source>;
export interface PolicyTable {
  readonly sources: readonly PolicySource[];
  readonly policies: readonly FinalPolicy[];
}

export function tableText({ sources, policies }: PolicyTable): string {
  const lines = (values: readonly unknown[]) =>
    values.map((value) => `\n    ${JSON.stringify(value)}`).join(",");
  // A policy per line: a study grows by lines.
  return `{\n  "table": ${tableVersion},\n  "sources": [${lines(sources)}\n  ],\n  "policies": [${lines(policies)}\n  ]\n}\n`;
}

/** Policies that cannot stand in one table. */
export class PolicyConflict extends Error {}

/**
 * Several runs' policies as one table, by curve in their first order, then seed and β, the largest
 * first. A policy that several hold counts once.
 *
 * @throws {PolicyConflict} figures on different scales, one curve with different settings, or one
 *   policy with different figures
 */
export function mergedTables(tables: readonly PolicyTable[]): PolicyTable {
  const sources = new Map<string, PolicySource>();
  for (const one of tables.flatMap((table) => table.sources)) {
    const before = sources.get(one.run);
    // Of a run that went on since, the later state counts.
    if (before === undefined || before.journal === null) sources.set(one.run, one);
  }
  requireOneScale([...sources.values()]);
  const policies = new Map<string, FinalPolicy>();
  const settings = new Map<string, FinalPolicy>();
  for (const one of tables.flatMap((table) => table.policies)) {
    const first = settings.get(one.curve) ?? one;
    settings.set(one.curve, first);
    if (first.settings !== one.settings) {
      throw new PolicyConflict(
        `${one.curve} has other settings in ${one.run} than in ${first.run}, β apart. ` +
          "Name runs whose arms of one name are the same.",
      );
    }
    const key = JSON.stringify([one.curve, one.seed, one.beta]);
    const before = policies.get(key);
    if (before !== undefined && !agree(before.metrics, one.metrics)) {
      throw new PolicyConflict(
        `${one.trial} of ${one.run} and ${before.trial} of ${before.run} are the same arm, β and ` +
          "seed with different figures. Name one of the two runs.",
      );
    }
    // Figures that an earlier version did not have are taken over.
    const metrics = { ...one.metrics, ...before?.metrics };
    policies.set(key, { ...(before ?? one), metrics });
  }
  const curves = [...settings.keys()];
  const ordered = [...policies.values()].sort(
    (a, b) =>
      curves.indexOf(a.curve) - curves.indexOf(b.curve) ||
      a.seed - b.seed ||
      (b.beta ?? 0) - (a.beta ?? 0),
  );
  return tableOfPolicies(ordered, [...sources.values()]);
}

/** The arms of a table's policies, each once, in their first order. */
export function curveNames(policies: readonly CurvePolicy[]): string[] {
  return [...new Set(policies.map(({ curve }) => curve))];
}

/** Policies with those of the sources that they are from. */
export function tableOfPolicies(
  policies: readonly FinalPolicy[],
  sources: readonly PolicySource[],
): PolicyTable {
  const used = new Set(policies.map(({ run }) => run));
  return { sources: sources.filter(({ run }) => used.has(run)), policies };
}

type Figures = Readonly<Record<string, number>>;

/** In all digits of what both have, but for the time that they took, which no second run repeats. */
function agree(one: Figures, other: Figures): boolean {
  return Object.entries(one).every(
    ([name, value]) => name === "seconds" || value === (other[name] ?? value),
  );
}

function requireOneScale(sources: readonly PolicySource[]): void {
  const [first, ...others] = sources;
  for (const other of others) {
    const key = Object.keys(first!.scale).find(
      (name) => name in other.scale && !isDeepStrictEqual(first!.scale[name], other.scale[name]),
    );
    if (key !== undefined) {
      throw new PolicyConflict(
        `${other.run} and ${first!.run} are not comparable: ${key} is ` +
          `${JSON.stringify(other.scale[key])} and ${JSON.stringify(first!.scale[key])}.`,
      );
    }
  }
}
