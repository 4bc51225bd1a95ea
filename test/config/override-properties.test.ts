import { dirname } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { leaves, merged, type Tree, valueAtKey, withValueAt } from "../../src/config/key-path.js";
import { loadExperiment } from "../../src/config/load.js";
import { ConfigError } from "../../src/config/problems.js";
import { keyReferences } from "../../src/config/reference.js";
import { scratchFile } from "./scratch-files.js";

const key = fc.constantFrom(
  ...keyReferences.map((entry) => entry.key).filter((name) => name !== "arms"),
);
const value = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.string(),
  fc.array(fc.integer({ min: -1, max: 5 }), { maxLength: 3 }),
);
const flow = (data: unknown): string =>
  stringify(data, { collectionStyle: "flow", lineWidth: 0 }).trim();

test("an override is in force as the file's own value would be, or refused as that would be", () => {
  const plain = scratchFile("name: tiny\n", "plain.yaml");
  fc.assert(
    fc.property(key, value, (name, data) => {
      const path = name.split(".");
      const tree = withValueAt({ name: "tiny" }, path, data);
      // A relative path counts from the file, one of an override from the working directory.
      const file = scratchFile(stringify(tree), "w.yaml");
      const written = outcome(() => loadExperiment(file, [], dirname(file)));
      const set = [`${name}=${flow(data)}`];
      const override = outcome(() => loadExperiment(plain, set, dirname(file)));
      const kind = keyReferences.find((entry) => entry.key === name)!.kind;
      // What a shell or a short hand takes away is given back, so overrides may be kinder.
      if (written !== null || !["text", "list"].includes(kind)) expect(override).toEqual(written);
      if (override !== null && kind !== "text" && kind !== "list") {
        expect(valueAtKey(override, path)).toEqual(data);
      }
    }),
    { numRuns: 100 },
  );
});

test("no text after --set does anything but load or be refused", () => {
  const plain = scratchFile("name: tiny\n", "plain.yaml");
  const part = fc.constantFrom(
    "risk",
    "arms",
    "alpha",
    "sft",
    "ra-rlhf",
    "seeds",
    "name",
    "",
    "constructor",
  );
  const text = fc
    .tuple(fc.array(part, { minLength: 1, maxLength: 5 }), fc.string())
    .map(([parts, tail]) => `${parts.join(".")}=${tail}`);
  fc.assert(
    fc.property(fc.oneof(text, fc.string()), (set) => {
      outcome(() => loadExperiment(plain, [set]));
    }),
    { numRuns: 200 },
  );
});

/** The experiment, or null where it was refused in the proper way. */
function outcome(run: () => { experiment: unknown }): unknown {
  try {
    return run().experiment;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).problems.length).toBeGreaterThan(0);
    return null;
  }
}

const tree = fc.letrec((tie) => ({
  tree: fc.dictionary(
    fc.constantFrom("a", "b", "c"),
    fc.oneof({ maxDepth: 3 }, fc.integer(), tie("tree")),
  ),
})).tree as fc.Arbitrary<Tree>;

test("merging keeps what only one has and prefers the upper where both have a leaf", () => {
  fc.assert(
    fc.property(tree, tree, (under, over) => {
      const both = merged(under, over);
      expect(merged(under, {})).toEqual(under);
      expect(merged({}, over)).toEqual(over);
      for (const [path, leaf] of leaves(over)) {
        // An empty map changes nothing in a map under it.
        if (typeof leaf === "number") expect(valueAtKey(both, path)).toBe(leaf);
      }
    }),
  );
});

test("a value that is set is there, and the rest is as it was", () => {
  fc.assert(
    fc.property(
      tree,
      fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 4 }),
      (before, path) => {
        const after = withValueAt(before, path, 42);
        expect(valueAtKey(after, path)).toBe(42);
        for (const [other, leaf] of leaves(before)) {
          const touched = path.every(
            (part, index) => index >= other.length || part === other[index],
          );
          if (!touched) expect(valueAtKey(after, other)).toEqual(leaf);
        }
      },
    ),
  );
});
