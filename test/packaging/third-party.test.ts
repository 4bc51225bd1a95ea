/** THIRD-PARTY.md is current; `npm run generate` writes it anew. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { thirdParties, thirdPartyPage } from "./third-party-page.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const parties = thirdParties(root);

test("THIRD-PARTY.md is current", async () => {
  await expect(thirdPartyPage(parties)).toMatchFileSnapshot(`${root}THIRD-PARTY.md`);
});

/** Each may be distributed with an Apache-2.0 program; another one is looked at first. */
const accepted = [
  ...["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"],
  // zeromq: libzmq, unchanged, as a library of its own.
  ...["(MIT OR CC0-1.0)", "MIT AND MPL-2.0"],
];

test("every package has a licence that was looked at", () => {
  const other = parties.filter(({ license }) => !accepted.includes(license));
  expect(other.map(({ name, license }) => `${name}: ${license}`)).toEqual([]);
});
