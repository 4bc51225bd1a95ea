/** src/risk/measures/all.ts lists every measure of its folder; `npm run generate` writes it anew. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../../src/risk/measures/", import.meta.url));
/** What is no measure. */
const others = ["all", "registry", "risk-measure"];

/** `cvar-gradient` is the measure's name, its file's, and, as `cvarGradient`, its object's. */
function listText(names: readonly string[]): string {
  const objectOf = (name: string): string =>
    name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const imports = names.map((name) => `import { ${objectOf(name)} } from "./${name}.js";`);
  const entries = names.map((name) =>
    name === objectOf(name) ? `  ${name},` : `  "${name}": ${objectOf(name)},`,
  );
  return `// Generated from the names of this folder's files by \`npm run generate\`: do not edit.
${imports.join("\n")}

export const allMeasures = {
${entries.join("\n")}
};
`;
}

test("lists every measure of the folder", async () => {
  const names = readdirSync(folder)
    .map((file) => file.replace(/\.ts$/, ""))
    .filter((name) => !others.includes(name))
    .sort();
  expect(names.length).toBeGreaterThan(1);
  await expect(listText(names)).toMatchFileSnapshot(`${folder}all.ts`);
});
