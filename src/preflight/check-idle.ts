/** Settings of risk and of sampling that were given, and that no arm goes by. */
import type { GivenValues } from "../config/given-values.js";
import { type KeyPath, valueAtKey } from "../config/key-path.js";
import type { ArmConfig, Experiment } from "../config/schema/experiment.js";
import { isInForce } from "../config/sweep/in-force.js";
import { riskMeasures } from "../risk/measures/registry.js";
import { type Concern, type Findings, nothingFound } from "./findings.js";

/**
 * Told, not refused: arms of one experiment share a section, and the arms that a run leaves out may
 * read it. A section is looked at where some arm goes by it, α never: figures are taken at α.
 */
export function checkIdle({ arms }: Experiment, given: GivenValues): Findings {
  const trained = Object.entries(arms).filter(([, { stage }]) => stage === "rl");
  const warnings = sections.flatMap((section) => {
    const using = trained.filter(([, arm]) => section.isUsed(arm));
    return [
      ...shared(section, using, given),
      ...using.flatMap((one) => ofArm(section, one, given)),
    ];
  });
  return { ...nothingFound, warnings };
}

type NamedArm = readonly [name: string, arm: ArmConfig];

interface Section {
  readonly name: "risk" | "sampling";
  /** Its choice, which the others are settings of. */
  readonly choice: "measure" | "strategy";
  readonly isUsed: (arm: ArmConfig) => boolean;
}

const sections: readonly Section[] = [
  {
    name: "risk",
    choice: "measure",
    isUsed: ({ risk }) => riskMeasures[risk.measure].role !== "neutral",
  },
  { name: "sampling", choice: "strategy", isUsed: () => true },
];

/** Of the experiment's own section: what none of the arms reads. */
function shared(section: Section, arms: readonly NamedArm[], given: GivenValues): Concern[] {
  const [first] = arms;
  if (first === undefined) return [];
  return keysOf(section, first[1]).flatMap((path) =>
    isGiven(path, given) && !arms.some(([, arm]) => isInForce(arm, path))
      ? [told(null, section, path, arms)]
      : [],
  );
}

/** Of an arm's own section. */
function ofArm(section: Section, own: NamedArm, given: GivenValues): Concern[] {
  const [name, arm] = own;
  return keysOf(section, arm).flatMap((path) =>
    isGiven(["arms", name, ...path], given) && !isInForce(arm, path)
      ? [told(name, section, path, [own])]
      : [],
  );
}

function isGiven(path: KeyPath, given: GivenValues): boolean {
  return given.origin(path) !== "default";
}

function keysOf({ name }: Section, arm: ArmConfig): KeyPath[] {
  return Object.keys(arm[name])
    .filter((key) => key !== "alpha")
    .map((key) => [name, key]);
}

function told(
  arm: string | null,
  { name, choice }: Section,
  path: KeyPath,
  arms: readonly NamedArm[],
): Concern {
  const key = path.join(".");
  const values = arms.map(([, own]) => valueAtKey(own, path));
  const chosen = new Set(arms.map(([, own]) => valueAtKey(own, [name, choice])));
  return {
    arm,
    keys: [key],
    found: `${words(values[0])} with the ${choice} ${[...chosen].join(", ")}`,
    expected: "a setting that some arm goes by: this one changes nothing here",
    remedy: `Leave it out; \`averse config explain ${key}\` says what reads it.`,
  };
}

function words(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
