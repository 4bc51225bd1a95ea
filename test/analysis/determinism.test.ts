import { expect, test } from "vitest";
import { determinismOf } from "../../src/analysis/determinism.js";

test("bitwise is claimed once a worker has loaded and no worker gives anything up", () => {
  expect(determinismOf([])).toMatchObject({ level: "statistical", given_up: [] });
  expect(determinismOf([[], []])).toMatchObject({ level: "bitwise", given_up: [] });
  expect(determinismOf([[], ["cumsum on cuda"], ["cumsum on cuda"]])).toMatchObject({
    level: "statistical",
    given_up: ["cumsum on cuda"],
  });
});
