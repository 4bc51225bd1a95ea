/** THIRD-PARTY.md: the npm packages that are installed with Averse, from the lock file, with their licences. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
}

export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** File → text, as the package has it. */
  readonly texts: Readonly<Record<string, string>>;
}

const licenceFile = /^(licen[cs]e|copying|notice)/i;

/** Packages that a user gets; those of developers are left out. */
export function thirdParties(root: string): ThirdParty[] {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, Locked>;
  };
  const found = new Map<string, ThirdParty>();
  for (const [path, { version = "", license, dev, devOptional }] of Object.entries(packages)) {
    if (path === "" || dev === true || devOptional === true) continue;
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    if (license === undefined) throw new Error(`${name} ${version} names no licence`);
    const folder = join(root, path);
    found.set(`${name} ${version}`, { name, version, license, texts: licenceTexts(folder) });
  }
  return [...found.values()].sort(
    (one, other) => compare(one.name, other.name) || compare(one.version, other.version),
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function licenceTexts(folder: string): Record<string, string> {
  // Of another platform, and not installed here.
  if (!existsSync(folder)) return {};
  const files = [folder, join(folder, "licenses")]
    .filter((place) => existsSync(place))
    .flatMap((place) =>
      readdirSync(place, { withFileTypes: true })
        .filter(({ name }) => place !== folder || licenceFile.test(name))
        .filter((entry) => entry.isFile())
        .map(({ name }) => join(place, name)),
    )
    .sort();
  return Object.fromEntries(
    files.map((file) => [
      file.slice(folder.length + 1),
      readFileSync(file, "utf8").replaceAll("\r\n", "\n").trim(),
    ]),
  );
}

export function thirdPartyPage(parties: readonly ThirdParty[]): string {
  const rows = parties.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`);
  // Many packages have one text to the letter: it is printed once.
  const owners = new Map<string, string[]>();
  for (const { name, version, texts } of parties) {
    for (const [file, text] of Object.entries(texts)) {
      const own = `${name} ${version}, ${file}`;
      owners.set(text, [...(owners.get(text) ?? []), own]);
    }
  }
  const sections = [...owners].map(([text, names]) => {
    const fence = text.includes("```") ? "~~~~" : "```";
    return `## ${names.join(" · ")}\n\n${fence}\n${text}\n${fence}`;
  });
  return [
    "# Third-party packages",
    "Written by `npm run generate` from package-lock.json and the packages themselves.",
    "npm installs these packages beside Averse; Averse's own package holds no copy of them. `averse setup` " +
      "installs Python packages (python/constraints.txt lists them) with their licences in their " +
      "`dist-info` folders.",
    ["| package | version | licence |", "|---|---|---|", ...rows].join("\n"),
    ...sections,
    "",
  ]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}
