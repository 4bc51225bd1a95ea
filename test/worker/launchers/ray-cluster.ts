/** A real Ray cluster of two nodes on this machine: a head, and one that a test can kill. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";

/** A Python with the package ray; the worker's own need not have it. */
const python = process.env.AVERSE_TEST_RAY_PYTHON ?? null;

/** Why there is none; null: it can be started. */
export const noRay =
  python === null || spawnSync(python, ["-c", "import ray"]).status !== 0
    ? "no ray (pip install ray, and AVERSE_TEST_RAY_PYTHON names its Python)"
    : null;

const SCRIPT = `
import sys
from ray.cluster_utils import Cluster
small = {"object_store_memory": 80 * 2**20}
head = {"num_cpus": 1, "num_gpus": 0, "include_dashboard": False, **small}
cluster = Cluster(initialize_head=True, head_node_args=head)
node = cluster.add_node(num_cpus=2, num_gpus=0, resources={"spot": 1}, **small)
cluster.wait_for_nodes()
print(cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(node, allow_graceful=False)
    node = cluster.add_node(num_cpus=2, num_gpus=0, resources={"spot": 1}, **small)
    cluster.wait_for_nodes()
    print("killed", flush=True)
cluster.shutdown()
`;

export interface RayCluster {
  readonly python: string;
  readonly address: string;
  /** Kills the node that has the resource \`spot\`; resolves once another has taken its place. */
  killNode(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRay(): Promise<RayCluster> {
  const child = spawn(python!, ["-c", SCRIPT], { stdio: ["pipe", "pipe", "pipe"] });
  const lines = linesOf(child);
  const address = await lines();
  return {
    python: python!,
    address,
    killNode: async () => {
      child.stdin!.write("kill\n");
      await lines();
    },
    stop: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.stdin!.end();
      await ended;
    },
  };
}

/** Each call waits for the next line of its output that is not empty, or for its end, which is an error. */
function linesOf(child: ChildProcess): () => Promise<string> {
  const waiting: ((line: string) => void)[] = [];
  const said: string[] = [];
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    errors = `${errors}${text}`.slice(-2000);
  });
  const ended = new Promise<never>((_, reject) => {
    child.once("close", (code) =>
      reject(new Error(`the Ray cluster's program ended with ${code}: ${errors.trim()}`)),
    );
  });
  ended.catch(() => {});
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    for (const line of text.split("\n").filter((one) => one !== "")) {
      const next = waiting.shift();
      if (next === undefined) said.push(line);
      else next(line);
    }
  });
  return () => {
    const line = said.shift();
    if (line !== undefined) return Promise.resolve(line);
    return Promise.race([new Promise<string>((resolve) => waiting.push(resolve)), ended]);
  };
}
