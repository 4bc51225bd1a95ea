import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { builtinLoad } from "../../../src/worker/conformance/payloads.js";
import { WorkerLost } from "../../../src/worker/contract.js";
import {
  type ContainerSettings,
  containerPlan,
  containerSchema,
  mountOf,
} from "../../../src/worker/launchers/container.js";
import type { LaunchPlace } from "../../../src/worker/launchers/launch-plan.js";
import { pythonPath } from "../../../src/worker/python-path.js";
import { openSession } from "../../../src/worker/session.js";
import { readWorkerSpec, type WorkerSpec } from "../../../src/worker/spec.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

const place: LaunchPlace = {
  root: "/here",
  endpoint: "ipc:///tmp/own/worker.sock",
  session: "1234",
  keys: null,
  temporary: "/tmp/own/tmp",
  shared: ["/data/runs/a,b", "/data/artifacts"],
};

function planOf(settings: Partial<ContainerSettings>) {
  const whole = containerSchema.parse({ image: "image", ...settings });
  return containerPlan(whole, place, ({ python, root: inside, endpoint }) => ({
    argv: [python(), "-m", "averse_worker", endpoint],
    environment: { PYTHONPATH: `${inside}/python`, WITH: "a comma, and more" },
  }));
}

describe("the argument list of a runtime", () => {
  test("docker: socket, worker, run and artifacts are mounted where they are here", () => {
    const { argv, environment } = planOf({ gpus: [0, 2], options: ["--shm-size", "8g"] });
    expect(environment).toEqual({});
    expect(argv.slice(0, 4)).toEqual(["docker", "run", "--rm", "--init"]);
    expect(argv).toContain("--pull=never");
    expect(valuesOf(argv, "--user")).toEqual([`${process.getuid!()}:${process.getgid!()}`]);
    expect(valuesOf(argv, "--gpus")).toEqual(['"device=0,2"']);
    expect(valuesOf(argv, "--mount")).toEqual([
      "type=bind,source=/here/python,target=/here/python,readonly",
      "type=bind,source=/tmp/own,target=/tmp/own",
      'type=bind,"source=/data/runs/a,b","target=/data/runs/a,b"',
      "type=bind,source=/data/artifacts,target=/data/artifacts",
    ]);
    expect(valuesOf(argv, "--env")).toEqual([
      "HOME=/tmp/own/tmp",
      "TMPDIR=/tmp/own/tmp",
      "USER=averse",
      "PYTHONPATH=/here/python",
      "WITH=a comma, and more",
    ]);
    expect(argv.slice(-7)).toEqual([
      ...["--shm-size", "8g", "image", "python3", "-m", "averse_worker"],
      "ipc:///tmp/own/worker.sock",
    ]);
  });

  test("podman: the user keeps their id, and GPUs are devices", () => {
    const { argv } = planOf({ runtime: "podman", gpus: "all" });
    expect(argv.slice(0, 2)).toEqual(["podman", "run"]);
    expect(valuesOf(argv, "--userns")).toEqual(["keep-id"]);
    expect(valuesOf(argv, "--device")).toEqual(["nvidia.com/gpu=all"]);
    expect(argv).not.toContain("--user");
  });

  test("apptainer: binds and --nv, the environment in its own variables", () => {
    const { argv, environment } = planOf({ runtime: "apptainer", gpus: [1], mounts: ["/m:/n:ro"] });
    expect(argv.slice(0, 3)).toEqual(["apptainer", "exec", "--cleanenv"]);
    expect(argv).toContain("--nv");
    expect(valuesOf(argv, "--home")).toEqual(["/tmp/own/tmp"]);
    expect(valuesOf(argv, "--bind")).toEqual([
      "/here/python:/here/python:ro",
      "/tmp/own:/tmp/own",
      "/data/runs/a,b:/data/runs/a,b",
      "/data/artifacts:/data/artifacts",
      "/m:/n:ro",
    ]);
    expect(environment).toEqual({
      APPTAINERENV_CUDA_VISIBLE_DEVICES: "1",
      APPTAINERENV_TMPDIR: "/tmp/own/tmp",
      APPTAINERENV_USER: "averse",
      APPTAINERENV_PYTHONPATH: "/here/python",
      APPTAINERENV_WITH: "a comma, and more",
    });
  });

  test("no GPU is asked for where none is wanted", () => {
    for (const runtime of ["docker", "podman", "apptainer"] as const) {
      expect(planOf({ runtime }).argv.join(" ")).not.toMatch(/--gpus|nvidia|--nv/);
    }
  });
});

describe("a mount", () => {
  const path = fc.stringMatching(/^\/[A-Za-z0-9 ._/-]{0,20}$/);

  test("has the same path inside where it names no other", () => {
    fc.assert(
      fc.property(path, fc.constantFrom("", ":ro", ":rw"), (from, mode) => {
        expect(mountOf(from + mode)).toEqual({ from, to: from, readOnly: mode === ":ro" });
      }),
    );
  });

  test("has the path inside that it names", () => {
    fc.assert(
      fc.property(path, path, fc.constantFrom("", ":ro"), (from, to, mode) => {
        expect(mountOf(`${from}:${to}${mode}`)).toEqual({ from, to, readOnly: mode === ":ro" });
      }),
    );
  });

  test("may begin at home", () => {
    expect(mountOf("~/models:/m", "/home/me")).toEqual({
      ...{ from: "/home/me/models", to: "/m", readOnly: false },
    });
  });

  test.each(["models", "/a:b", "/a:/b:xx", ""])("%j is refused", (mount) => {
    expect(containerSchema.safeParse({ image: "i", mounts: [mount] }).success).toBe(false);
  });
});

describe("a worker in a container", { timeout: 30_000 }, () => {
  let folder: string;
  let spec: WorkerSpec;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "averse-docker-"));
    const shipped = readWorkerSpec("container", root);
    spec = {
      ...shipped,
      argv: shipped.argv.map((part) => (part === "torch" ? "fake" : part)) as WorkerSpec["argv"],
      container: { ...shipped.container!, python: pythonPath(root) },
    };
    vi.stubEnv("PATH", `${folder}${delimiter}${process.env.PATH}`);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  function docker(script: string): void {
    writeFileSync(join(folder, "docker"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, "docker"), 0o755);
  }

  test("is started by docker, serves, and ends with it", async () => {
    // What docker does with its arguments, less the container.
    docker(`printf '%s\\n' "$@" > ${folder}/arguments
      while [ "$1" != averse-worker ]; do
        [ "$1" = --env ] && export "$2"
        shift
      done
      shift; exec "$@"`);
    const shared = join(folder, "runs");
    const worker = await openSession(spec, { root, shared: [shared] });
    expect((await worker.call("load", builtinLoad)).device).toBe("cpu");
    await worker.close();
    const told = readFileSync(join(folder, "arguments"), "utf8");
    expect(told).toContain(`type=bind,source=${shared},target=${shared}\n`);
    expect(() => process.kill(worker.hello.pid, 0)).toThrow("ESRCH");
  });

  test.each([
    [
      "the image is missing",
      125,
      "docker: Error response from daemon: No such image: averse-worker:latest.\\n\\nRun 'docker run --help' for more information",
      /: docker: Error response from daemon: No such image: averse-worker:latest\.$/,
    ],
    [
      "the daemon is not running",
      125,
      "docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\\n\\nRun 'docker run --help' for more information",
      /: docker: Cannot connect to the Docker daemon at unix:.*running\?$/,
    ],
    [
      "there is no such Python in it",
      127,
      'docker: Error response from daemon: exec: "python9": executable file not found in $PATH.',
      /: docker: .* executable file not found in \$PATH\.$/,
    ],
  ])("%s: told in one sentence with docker's own words", async (_, code, words, expected) => {
    docker(`printf '${words}\\n' >&2; exit ${code}`);
    const error = await openSession(spec, { root }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkerLost);
    const { message, passing } = error as WorkerLost;
    expect(passing).toBe(false);
    expect(message).toMatch(
      /^the worker "container" cannot be started in the container averse-worker: /,
    );
    expect(message).toMatch(expected);
  });

  test.each([
    [
      "the container is killed",
      "exit 137",
      /^the worker exited with code 137 \(SIGKILL\) before its hello; the system does this when memory/,
    ],
    [
      "the daemon goes away",
      "echo 'docker: error waiting for container: unexpected EOF' >&2; exit 125",
      /^the worker "container" in the container averse-worker was lost while it was starting: docker: error waiting/,
    ],
  ])("%s while the worker starts: another one may fare better", async (_, script, words) => {
    docker(script);
    const error = await openSession(spec, { root }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkerLost);
    expect(error).toMatchObject({ passing: true, message: expect.stringMatching(words) });
  });

  test("what the worker itself says is told as of any worker", async () => {
    docker("echo 'No module named torch' >&2; exit 1");
    const error = await openSession(spec, { root }).catch((reason: unknown) => reason);
    expect((error as WorkerLost).message).toMatch(
      /exited with code 1 before its hello; its last output: No module named torch$/,
    );
  });
});

/** What follows an option, each time that it is there. */
function valuesOf(argv: readonly string[], option: string): string[] {
  return argv.flatMap((word, at) => (word === option ? [argv[at + 1]!] : []));
}
