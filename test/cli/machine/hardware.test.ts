import { expect, test } from "vitest";
import { gpusOf } from "../../../src/cli/machine/hardware.js";

test("GPUs are read line by line", () => {
  expect(gpusOf("550.54.15, NVIDIA A100, 80GB\n550.54.15, NVIDIA L4\n")).toEqual([
    { driver: "550.54.15", model: "NVIDIA A100, 80GB" },
    { driver: "550.54.15", model: "NVIDIA L4" },
  ]);
  expect(gpusOf("No devices were found\n")).toEqual([]);
});
