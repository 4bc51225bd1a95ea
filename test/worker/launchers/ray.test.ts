import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { builtinLoad } from "../../../src/worker/conformance/payloads.js";
import { WorkerLost } from "../../../src/worker/contract.js";
import type { LaunchPlace } from "../../../src/worker/launchers/launch-plan.js";
import { type RaySettings, rayPlan, raySchema } from "../../../src/worker/launchers/ray.js";
import { openSession } from "../../../src/worker/session.js";
import { readWorkerSpec, type WorkerSpec } from "../../../src/worker/spec.js";
import { eventually } from "../../eventually.js";
import { workerContract } from "../contract.js";
import { processesWith } from "../processes.js";
import { noRay, type RayCluster, startRay } from "./ray-cluster.js";
import { writeStandInRay } from "./stand-in-ray.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

const place: LaunchPlace = {
  root: "/here",
  endpoint: "tcp://head:4000",
  session: "1234",
  keys: "/tmp/own/keys.json",
  temporary: null,
  shared: ["/data/runs"],
};

function planOf(settings: Partial<RaySettings> = {}) {
  return rayPlan(
    raySchema.parse(settings),
    place,
    ({ python, endpoint, keys }) => ({
      argv: [python(), "-m", "averse_worker", endpoint, keys!],
      environment: { PYTHONPATH: "/here/python", TOKEN: "secret" },
    }),
    () => "/here/.venv/bin/python",
  );
}

const shipped = readWorkerSpec("ray", root);
const spec: WorkerSpec = {
  ...shipped,
  argv: shipped.argv.map((part) => (part === "torch" ? "fake" : part)) as WorkerSpec["argv"],
  connection: { ...shipped.connection, host: "127.0.0.1" },
};

describe("what the driver is asked for", () => {
  test("the resources, the worker's command, and variables by their names alone", () => {
    const { argv, environment } = planOf({
      ...{ address: "head:6379", num_gpus: 1, num_cpus: 8, resources: { a100: 1 } },
      client_python: "/opt/ray/bin/python",
    });
    expect(argv.slice(4, 6)).toEqual([
      "/opt/ray/bin/python",
      "/here/python/averse_worker/platform/ray_task.py",
    ]);
    const { script, ...request } = JSON.parse(argv.at(-1)!);
    expect(request).toEqual({
      ...{ address: "head:6379", num_gpus: 1, num_cpus: 8, resources: { a100: 1 } },
      ...{ variables: ["PYTHONPATH", "TOKEN"], keys: "/tmp/own/keys.json" },
    });
    expect(script).toMatch(/^rm \/data\/runs\/\.averse-probe-1234 /);
    expect(script).toMatch(
      /; exec \/here\/\.venv\/bin\/python -m averse_worker tcp:\/\/head:4000 -$/,
    );
    expect(argv.join(" ")).not.toContain("secret");
    expect(environment.TOKEN).toBe("secret");
  });

  test.each([
    [{ num_gpus: -1 }, "num_gpus"],
    [{ address: "" }, "address"],
    [{ resources: { a100: "one" } }, "resources"],
  ])("%j is refused", (settings, key) => {
    expect(raySchema.safeParse(settings).error!.issues[0]!.path[0]).toBe(key);
  });

  test("its own words are told from the worker's", () => {
    const { refusal, queue } = planOf();
    const words = "averse: no Ray cluster at auto: ConnectionError: x";
    expect(refusal(96, ["words", words])).toEqual({ words, passing: false });
    expect(refusal(1, ["averse: started by Ray on n1", "No module named torch"])).toBeNull();
    expect(queue!.turn("averse: queued by Ray: waiting until a node has 1 GPU free")).toBe("waits");
    expect(queue!.turn("averse: started by Ray on n1")).toBe("runs");
  });
});

describe("a stand-in for the package ray", { timeout: 60_000 }, () => {
  let folder: string;
  let standing: WorkerSpec;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "averse-ray-"));
    writeStandInRay(folder);
    const PYTHONPATH = `{root}/python:${folder}`;
    standing = { ...spec, environment: { ...spec.environment, PYTHONPATH } };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  workerContract(() => openSession(standing, { root }));

  test("a task that waits is told, with what no node has", async () => {
    const environment = { ...standing.environment, RAY_IS_FULL: "1" };
    const told: string[] = [];
    const onWaiting = (state: string) => void told.push(state);
    for (const num_gpus of [0, 1]) {
      const ray = { ...spec.ray!, num_gpus };
      const worker = await openSession({ ...standing, ray, environment }, { root, onWaiting });
      await worker.close();
    }
    expect(told).toEqual([
      "averse: queued by Ray: waiting until a node has 1 CPU free",
      "averse: queued by Ray: no node of the cluster has 1 CPU, 1 GPU; waiting for one that does",
    ]);
  });

  test("a node that dies under a worker that starts is no refusal: another may be there", async () => {
    const environment = { ...standing.environment, RAY_NODE_DIED: join(folder, "died") };
    const error = await lossOf(() => openSession({ ...standing, environment }, { root }));
    expect(error).toMatchObject({
      passing: true,
      message:
        'the worker "ray" under Ray was lost while it was starting: averse: RayError: The node of the task died',
    });
    await (await openSession({ ...standing, environment }, { root })).close();
  });

  test("a cluster that goes away while a task waits is no refusal either", async () => {
    const environment = { ...standing.environment, RAY_IS_FULL: "1", RAY_HEAD_DIED: "1" };
    const error = await lossOf(() => openSession({ ...standing, environment }, { root }));
    expect(error).toMatchObject({
      passing: true,
      message: expect.stringMatching(
        /lost while it was starting: averse: RuntimeError: RPC error$/,
      ),
    });
  });

  test("a cluster that does not answer is told in one sentence", async () => {
    const ray = { ...spec.ray!, address: "head:6379" };
    const error = await lossOf(() => openSession({ ...standing, ray }, { root }));
    expect(error.passing).toBe(false);
    expect(error.message).toBe(
      'the worker "ray" cannot be started under Ray: averse: no Ray cluster at head:6379: ' +
        "ConnectionError: head:6379 does not answer",
    );
  });

  test("a shared folder that the node does not have is refused", async () => {
    const shared = mkdtempSync(join(tmpdir(), "averse-unshared-"));
    onTestFinished(() => rmSync(shared, { recursive: true }));
    const away = join(folder, "sitecustomize.py");
    writeFileSync(
      away,
      `import glob, os\nfor one in glob.glob("${shared}/.averse-probe-*"): os.remove(one)\n`,
    );
    onTestFinished(() => rmSync(away));
    const error = await lossOf(() => openSession(standing, { root, shared: [shared] }));
    expect(error.message).toMatch(/averse: \S+ is not shared with the node that Ray chose; choose/);
    expect(readdirSync(shared)).toEqual([]);
  });

  test("without the package, its Python is named", async () => {
    const error = await lossOf(() => openSession(spec, { root }));
    expect(error.message).toMatch(/averse: No module named 'ray'; install ray into \S+python/);
  });
});

describe.skipIf(noRay !== null)(`a real Ray cluster ${noRay ?? ""}`, { timeout: 240_000 }, () => {
  let cluster: RayCluster | undefined;
  let real: WorkerSpec;
  beforeAll(async () => {
    cluster = await startRay();
    const { address, python } = cluster;
    real = {
      ...spec,
      ray: { ...spec.ray!, address, client_python: python, resources: { spot: 0.1 } },
    };
  }, 240_000);
  afterAll(() => cluster?.stop(), 60_000);

  workerContract(() => openSession(real, { root }));

  test("a node that dies is a lost worker, and the next one has another node", async () => {
    const worker = await openSession(real, { root });
    onTestFinished(() => worker.close());
    await worker.call("load", builtinLoad);
    await cluster!.killNode();
    const error = await lossOf(async () => {
      for (;;) await worker.call("ping", {});
    });
    expect(error.message).toMatch(/^the worker "ray" under Ray was lost .*|cannot be reached/);
    await eventually(() => expect(processesWith(worker.hello.session)).toEqual([]));
    const next = await openSession(real, { root });
    await next.close();
  });

  test("a task that no node can take waits, and goes with its controller", async () => {
    const giveUp = new AbortController();
    const told: string[] = [];
    const opening = openSession(
      { ...real, ray: { ...real.ray!, num_gpus: 8 } },
      {
        root,
        signal: giveUp.signal,
        onWaiting: (state) => {
          told.push(state);
          giveUp.abort(new Error("enough"));
        },
      },
    );
    await expect(opening).rejects.toThrow("enough");
    expect(told).toEqual([
      expect.stringMatching(/no node of the cluster has 1 CPU, 8 GPU, 0\.1 spot; waiting for one/),
    ]);
  });
});

async function lossOf(action: () => Promise<unknown>): Promise<WorkerLost> {
  const error = await action().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(WorkerLost);
  return error as WorkerLost;
}
