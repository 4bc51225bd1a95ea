/**
 * A process of its own that wants an artifact. Arguments: the folder of artifacts, the digest. Says
 * "waiting", "making" and at the end what it got; makes the files once a line comes on stdin.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { ArtifactStore } from "../../src/artifacts/artifact-store.js";
import { sha256Of } from "../../src/system/sha256.js";

const [directory, digest] = process.argv.slice(2) as [string, string];
const lines = createInterface(process.stdin);
const told = new Promise<string>((resolve) => lines.once("line", resolve));
const store = new ArtifactStore(directory, {
  fresh: false,
  now: () => new Date(),
  wait: (seconds) => setTimeout(10 * seconds),
});
let waiting = false;
const { artifact, reused } = await store.obtain(
  { digest, kind: "classifier", name: "toxicity", inputs: {} },
  async (folder) => {
    writeFileSync(join(folder, "half.bin"), "half of it");
    console.log("making");
    const text = await told;
    writeFileSync(join(folder, "half.bin"), text);
    const files = { "half.bin": sha256Of(text) };
    return { files, bytes: text.length, seconds: 1, result: { maker: process.pid } };
  },
  {
    waiting: (holder) => {
      if (!waiting) console.log(`waiting for ${holder}`);
      waiting = true;
    },
    damaged: (message) => console.log(`damaged: ${message}`),
    abandoned: new AbortController().signal,
  },
);
console.log(JSON.stringify({ reused, maker: artifact.result.maker }));
lines.close();
