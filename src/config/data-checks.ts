/** Keys of `data` that must fit together. */
import type { Violation } from "./problems.js";
import type { DataConfig } from "./schema/data.js";

/** Columns that only preference data have: prompts have no chosen and no rejected answer. */
const preferenceColumns = ["chosen", "rejected"] as const;

/** The keys of `data` that must fit together, and that prompts can have. */
export function dataViolations(data: DataConfig): Violation[] {
  const pair =
    data.columns === null ? [] : preferenceColumns.filter((role) => data.columns?.[role]);
  return [
    ...placeViolations(data),
    ...pair.slice(0, 1).map((role) => ({
      keys: [`data.columns.${role}`],
      found: `the column ${role}, which preference data have`,
      expected: "text; prompt and completion; or messages; and label",
      remedy: "Name the column with the prompts.",
    })),
  ];
}

/** Where data come from is said once. */
export function placeViolations(data: DataConfig, base = "data"): Violation[] {
  const given = [
    ...(data.path === "builtin" ? [] : ["path"]),
    ...(data.hub === null ? [] : ["hub"]),
    ...(data.sources === null ? [] : ["sources"]),
  ];
  if (given.length > 1) {
    return [
      {
        keys: given.map((key) => `${base}.${key}`),
        found: `${given.join(" and ")} in one`,
        expected: "one of path, hub and sources",
        remedy: `Leave ${base}.${given[0]} out, or make each an entry of ${base}.sources.`,
      },
    ];
  }
  return [
    ...hubKeyViolations(data, base),
    ...columnViolations(data.columns, `${base}.columns`),
    ...(data.sources ?? []).flatMap((source, at) =>
      sourceViolations(source, `${base}.sources.${at}`),
    ),
    ...weightViolations(data, base),
  ];
}

type Source = NonNullable<DataConfig["sources"]>[number];

function sourceViolations(source: Source, base: string): Violation[] {
  if ((source.path === null) === (source.hub === null)) {
    return [
      {
        keys: [base],
        found: source.path === null ? "neither path nor hub" : "path and hub in one",
        expected: "one of path and hub",
        remedy: "Name where this source is.",
      },
    ];
  }
  return [
    ...hubKeyViolations(source, base),
    ...columnViolations(source.columns, `${base}.columns`),
  ];
}

function hubKeyViolations(
  source: Pick<Source, "hub" | "config" | "revision">,
  base: string,
): Violation[] {
  if (source.hub !== null) return [];
  const [key] = (["config", "revision"] as const).filter((one) => source[one] !== null);
  if (key === undefined) return [];
  return [
    {
      keys: [`${base}.${key}`],
      found: `the ${key} ${source[key]} of data that are not from the hub`,
      expected: `a ${key} of a data set on the hub alone`,
      remedy: `Leave ${base}.${key} out, or name the data set in ${base}.hub.`,
    },
  ];
}

function columnViolations(columns: DataConfig["columns"], base: string): Violation[] {
  const forms = (["text", "prompt", "messages", "chosen"] as const).filter(
    (role) => columns?.[role],
  );
  const [form, other] = forms;
  if (other !== undefined && !(form === "prompt" && other === "chosen")) {
    return [
      {
        keys: [`${base}.${form}`, `${base}.${other}`],
        found: `both ${form} and ${other}`,
        expected: "one of text, prompt and messages",
        remedy: `Leave ${base}.${other} out.`,
      },
    ];
  }
  if (columns?.tools !== undefined && form === "text") {
    return [
      {
        keys: [`${base}.text`, `${base}.tools`],
        found: "both text and tools",
        expected: "tools beside messages or prompt",
        remedy: `A chat template writes the tools of conversations; leave ${base}.tools out.`,
      },
    ];
  }
  if (columns?.completion === undefined || form === "prompt") return [];
  return [
    {
      keys: [`${base}.completion`],
      found: `completion without prompt`,
      expected: "the columns prompt and completion, or text",
      remedy: `Name the column with the prompts in ${base}.prompt.`,
    },
  ];
}

function weightViolations({ sources }: DataConfig, base: string): Violation[] {
  const without = (sources ?? []).findIndex(({ weight }) => weight === null);
  if (without < 0 || (sources ?? []).every(({ weight }) => weight === null)) return [];
  return [
    {
      keys: [`${base}.sources.${without}`],
      found: "no weight, where other sources have one",
      expected: "a weight for each source, or for none",
      remedy: "Give it a weight, or leave all out to take every row of each.",
    },
  ];
}
