import fc from "fast-check";
import { expect, test } from "vitest";
import { isAtLeast, parseVersion } from "../../src/bootstrap/versions.mjs";

test.each([
  ["v20.19.0", [20, 19, 0]],
  ["Python 3.11.7", [3, 11, 7]],
  ["3.13", [3, 13, 0]],
  ["3.14.0rc1", [3, 14, 0]],
  ["nothing", null],
])("%j is %j", (text, version) => {
  expect(parseVersion(text)).toEqual(version);
});

test("a version is at least itself, less than any that is later, and nothing when it is none", () => {
  const part = fc.integer({ min: 0, max: 99 });
  fc.assert(
    fc.property(fc.tuple(part, part, part), fc.tuple(part, part, part), (a, b) => {
      expect(isAtLeast(a.join("."), a)).toBe(true);
      const order = a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
      expect(isAtLeast(a.join("."), b)).toBe(order >= 0);
    }),
  );
  expect(isAtLeast("nothing", [0])).toBe(false);
});
