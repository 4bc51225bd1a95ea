import { describe, expect, test, vi } from "vitest";
import { ensureBuilt } from "../../src/bootstrap/build.mjs";
import { ensureNodePackages } from "../../src/bootstrap/node-packages.mjs";
import { type StubCheckout, stubCheckout } from "./stub-checkout.js";

const ensure = (checkout: StubCheckout) => ensureNodePackages(checkout.root, () => {});

describe("node_modules", () => {
  test("is installed once", async () => {
    const checkout = stubCheckout();
    await ensure(checkout);
    await ensure(checkout);
    expect(checkout.calls()).toEqual(["npm ci"]);
  });

  test.each([
    [
      "unmarked: interrupted, or somebody else's",
      (checkout: StubCheckout) => checkout.remove("node_modules/.averse-ready"),
    ],
    [
      "older than the lock",
      (checkout: StubCheckout) => checkout.write("package-lock.json", '{"new":1}'),
    ],
    ["cleaned up in part", (checkout: StubCheckout) => checkout.remove("node_modules/zod")],
    ["gone", (checkout: StubCheckout) => checkout.remove("node_modules")],
  ])("%s is installed again", async (_, spoil) => {
    const checkout = stubCheckout();
    await ensure(checkout);
    spoil(checkout);
    await ensure(checkout);
    expect(checkout.calls()).toEqual(["npm ci", "npm ci"]);
  });

  test("that npm could not install is not marked, and the next run tries again", async () => {
    const checkout = stubCheckout();
    vi.stubEnv("STUB_FAIL", "npm");
    await expect(ensure(checkout)).rejects.toThrow("npm ci could not install the node packages");
    expect(checkout.has("node_modules/.averse-ready")).toBe(false);
    vi.stubEnv("STUB_FAIL", undefined);
    await ensure(checkout);
    expect(checkout.calls()).toEqual(["npm ci", "npm ci"]);
  });
});

describe("dist", () => {
  test("is built once, and again when a source changed; what it held before is gone", async () => {
    const checkout = stubCheckout();
    await ensure(checkout);
    await ensureBuilt(checkout.root);
    await ensureBuilt(checkout.root);
    expect(checkout.calls()).toEqual(["npm ci", "tsc"]);
    checkout.write("dist/old.js", "");
    checkout.write("src/new.ts", "export {};\n");
    await ensureBuilt(checkout.root);
    expect(checkout.calls()).toEqual(["tsc"]);
    expect(checkout.has("dist/old.js")).toBe(false);
  });

  test("that does not compile is not marked", async () => {
    const checkout = stubCheckout();
    await ensure(checkout);
    vi.stubEnv("STUB_FAIL", "tsc");
    await expect(ensureBuilt(checkout.root)).rejects.toThrow("The sources do not compile");
    expect(checkout.has("dist/.averse-ready")).toBe(false);
  });
});
