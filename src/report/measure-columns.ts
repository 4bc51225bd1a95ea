/** Figures that are measured on request, and those whose names depend on the configuration. */
import type { ArmMetrics } from "../analysis/evaluation.js";
import { isCapabilityMetric } from "../text/metric-words.js";
import { type MetricColumn, metricColumnOf } from "./metric-columns.js";

type Arms = Readonly<Record<string, ArmMetrics>>;

const toxicityMetrics = [
  "expected_max_toxicity",
  "expected_max_toxicity_toxic",
  "expected_max_toxicity_nontoxic",
  "toxicity_probability",
  "toxicity_probability_toxic",
  "toxicity_probability_nontoxic",
];

/** What any arm has of `evaluation.toxicity`. */
export function toxicityColumns(arms: Arms): MetricColumn[] {
  return columnsOf(toxicityMetrics, arms);
}

/** What any arm has of `evaluation.capability`, in the order of tasks. */
export function capabilityColumns(arms: Arms): MetricColumn[] {
  const names = Object.values(arms).flatMap(({ metrics }) => Object.keys(metrics));
  return columnsOf([...new Set(names)].filter(isCapabilityMetric), arms);
}

/** All that was asked for, as the terminal shows it below the results. */
export function measureColumns(arms: Arms): MetricColumn[] {
  return [
    ...toxicityColumns(arms),
    ...columnsOf(["fluency", "toxicity_fluency"], arms),
    ...capabilityColumns(arms),
  ];
}

function columnsOf(names: readonly string[], arms: Arms): MetricColumn[] {
  return names.flatMap((name, rank) => {
    const column = metricColumnOf(name);
    const isKnown = Object.values(arms).some(({ metrics }) => metrics[name] !== undefined);
    return column === undefined || !isKnown ? [] : [{ ...column, rank }];
  });
}
