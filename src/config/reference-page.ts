/** docs/configuration.md: every key with its type, range, default and meaning. */
import { armPresets } from "./arms.js";
import {
  type KeyReference,
  keyReferences,
  mapLists,
  nestedMaps,
  sectionNames,
} from "./reference.js";
import { armSections } from "./schema/experiment.js";

const introduction = `<!-- Generated from src/config/schema/ by \`npm run generate\`: do not edit. -->
# Configuration reference

An experiment is one YAML file, checked strictly: an unknown key, a wrong type or a value out of
range is an error that names file, line and key. Files in \`configs/experiments/\` can be run by
name. Every key but \`name\` has a default; most defaults are the paper's (arXiv 2501.06911).

\`\`\`
averse run quickstart --set training.iterations=80 --set seeds=0,1,2
averse config validate my.yaml           # checks without running
averse config explain my.yaml risk       # values in force, and who set them
averse config explain risk.alpha         # one key of this page
\`\`\`

Begin a file with \`# yaml-language-server: $schema=../experiment.schema.json\` and an editor with
a YAML language server completes and checks keys while you type.

## Models, data and other paths

A relative path in the file is looked up beside the file, then in the working directory; one of
\`--set\` in the working directory alone. The run records it as an absolute path, so that
\`averse resume\` and \`averse reproduce\` work from any folder. A path that is not there is an error
before anything is loaded, with the places looked at and the nearest name.

A model may also be a hub id. Where a folder of the same name is in one of these places, the folder is
meant; to have the model of the hub, run from another folder or rename yours. Write \`./name\` for a
folder that must be there: a bare \`name\` or \`owner/name\` that is nowhere is taken for a hub id.
`;

const arms = `## Arms

\`arms\` is a list of known arms, or a map from arm to the keys it changes. An arm trains with the
experiment's sections, changed by what is known of its name, changed by its own keys. It may
change keys of ${Object.keys(armSections)
  .map((name) => `\`${name}\``)
  .join(", ")}.

| known arm | meaning |
|---|---|
${Object.entries(armPresets)
  .map(([name, preset]) => `| \`${name}\` | ${preset.description} |`)
  .join("\n")}

\`\`\`yaml
arms:
  sft:                        # known arms need no keys
  rlhf:
  rlhf-kl:                    # an arm of your own
    risk: {measure: mean}
    kl: {beta: 0.05}
\`\`\`

\`--set arms=sft,rlhf\` selects among the file's arms and the known ones;
\`--set arms.rlhf-kl.kl.beta=0.1\` changes one arm.
`;

/** What a table does not say of a section that may be a list. */
const listNotes: Readonly<Partial<Record<string, string>>> = {
  reward: `One component, or a list of components with these keys each; [docs/rewards.md](rewards.md) explains
them with examples. Keys of one kind of scorer are refused with another. In a list, keys are named by
place: \`--set reward.0.weight=2\`. An arm changes the keys of a single component; a list, or a component
of another \`kind\`, takes the place of the experiment's reward.`,
  trackers: `Names, or maps with these keys: \`trackers: [tensorboard, {name: wandb, project: tails}]\`. The
default is no tracker. [docs/trackers.md](trackers.md) explains them.`,
  "evaluation.judges": `Keys of each judge in the list, as in \`--set evaluation.judges.0.label=toxic\`.`,
};

export function referencePage(): string {
  const top = keyReferences.filter(({ key }) => !key.includes("."));
  const sections = [...sectionNames, ...mapLists, ...nestedMaps].map((parent) =>
    table(
      `\`${parent}\``,
      keyReferences.filter(({ key }) => key.slice(0, key.lastIndexOf(".")) === parent),
      listNotes[parent],
    ),
  );
  const choices = keyReferences
    .filter(({ key, meanings }) => meanings.length > 0 && key.split(".").length === 2)
    .map(choiceTable);
  return `${[introduction, table("Top level", top), arms, ...sections, ...choices].join("\n")}`;
}

function table(title: string, entries: readonly KeyReference[], note?: string): string {
  const rows = entries.map(
    ({ key, kind, nullable, range, description, default: fallback }) =>
      `| \`${key}\` | ${kind}${nullable ? " or null" : ""} | ${cell(range)} | ${defaultText(fallback)} | ${cell(description)} |`,
  );
  const head = "| key | type | range | default | meaning |\n|---|---|---|---|---|";
  const above = note === undefined ? "" : `${note}\n\n`;
  return `## ${title}\n\n${above}${head}\n${rows.join("\n")}\n`;
}

function choiceTable({ key, choices, meanings }: KeyReference): string {
  const rows = choices.map((choice, at) => `| \`${choice}\` | ${cell(meanings[at]!)} |`);
  return `## Choices of \`${key}\`\n\n| choice | meaning |\n|---|---|\n${rows.join("\n")}\n`;
}

function defaultText(value: unknown): string {
  if (value === undefined) return "(required)";
  if (value === "") return "(empty)";
  if (Array.isArray(value)) return `\`[${value.join(", ")}]\``;
  return `\`${typeof value === "object" ? JSON.stringify(value) : String(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
