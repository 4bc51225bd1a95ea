import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError } from "../../src/config/problems.js";
import { filled, readWorkerSpec, strategyOf } from "../../src/worker/spec.js";
import { timeoutOf, timeoutsSchema } from "../../src/worker/timeouts.js";
import { workerFiles } from "../../src/worker/worker-files.js";

const packageRoot = fileURLToPath(new URL("../..", import.meta.url));

describe("worker specs", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "averse-spec-"));
    mkdirSync(join(root, "configs", "workers"), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function write(text: string, name = "mine.yaml"): string {
    const file = join(root, "configs", "workers", name);
    writeFileSync(file, text);
    return file;
  }
  function errorOf(worker: string): string {
    try {
      readWorkerSpec(worker, root, root);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return (error as ConfigError).message;
    }
    return expect.unreachable("the spec should have been refused");
  }

  test.each(
    readdirSync(join(packageRoot, "configs", "workers")).map((file) => file.replace(".yaml", "")),
  )("the shipped spec %s is whole, and named as its file", (name) => {
    const spec = readWorkerSpec(name, packageRoot);
    expect(spec.name).toBe(name);
    const handed = spec.launcher === "attach" ? ["{keys}"] : ["{endpoint}", "{session}"];
    expect(spec.argv).toEqual(expect.arrayContaining(handed));
  });

  test.each([
    ["local", null],
    ["distributed", "data-parallel"],
    ["fsdp", "fsdp"],
    ["deepspeed", "deepspeed"],
  ])("the processes of %s divide their work by %s", (name, strategy) => {
    expect(strategyOf(readWorkerSpec(name, packageRoot))).toBe(strategy);
  });

  test("defaults are filled in", () => {
    write("name: mine\nargv: [worker]\n");
    expect(readWorkerSpec("mine", root)).toEqual({
      name: "mine",
      processes: 1,
      purpose: "",
      launcher: "command",
      argv: ["worker"],
      environment: {},
      start_seconds: 60,
      stop_seconds: 5,
      timeout_seconds: { load: 600, other: 300, control: 15 },
      models: "transformers",
      connection: { transport: "ipc", host: "127.0.0.1", port: 0, advertise: null },
    });
  });

  test("a path is as good as a name", () => {
    const file = write("name: mine\nargv: [worker]\ntimeout_seconds: { load: 9 }\n");
    expect(readWorkerSpec(file, "/nowhere").timeout_seconds).toEqual({
      load: 9,
      other: 300,
      control: 15,
    });
  });

  test("the working directory's file comes before the package's of the same name", () => {
    write("name: own\nargv: [own]\n", "local.yaml");
    expect(readWorkerSpec("local", packageRoot, root).argv).toEqual(["own"]);
    expect(readWorkerSpec("fake", packageRoot, root).name).toBe("fake");
    const files = workerFiles(packageRoot, root).map(({ name, file }) => [name, file]);
    expect(files).toContainEqual(["local", join(root, "configs", "workers", "local.yaml")]);
    expect(files).toContainEqual(["fake", join(packageRoot, "configs", "workers", "fake.yaml")]);
    const names = files.map(([name]) => name);
    expect(names).toEqual([...new Set(names)].sort());
  });

  test.each(["::1", "[::1]"])("an IPv6 address may be written %s", (host) => {
    const connection = JSON.stringify({ transport: "tcp", host, advertise: host });
    const file = write(`name: mine\nargv: [a, '{keys}']\nconnection: ${connection}\n`);
    expect(readWorkerSpec(file, root).connection).toMatchObject({ host: "::1", advertise: "::1" });
  });

  test("an unknown name is answered with the known ones", () => {
    write("name: a\nargv: [a]\n", "near.yaml");
    write("name: b\nargv: [b]\n", "far.yaml");
    const message = errorOf("nearr");
    expect(message).toContain('no worker named "nearr"');
    expect(message).toContain("far, near");
  });

  test.each([
    ["a missing key", "name: mine\n", /mine\.yaml:1:1: argv: found nothing/],
    [
      "an unknown key",
      "name: mine\nargv: [a]\ntimeout: 3\n",
      /mine\.yaml:3:1: timeout: found an unknown key/,
    ],
    [
      "a key with another name now",
      "name: mine\nargv: [a]\nsilence_seconds: { load: 3 }\n",
      /mine\.yaml:3:1: silence_seconds: found a renamed key, expected timeout_seconds/,
    ],
    [
      "an unknown nested key",
      "name: mine\nargv: [a]\ntimeout_seconds:\n  laod: 3\n",
      /mine\.yaml:4:3: timeout_seconds\.laod/,
    ],
    [
      "an unknown key of the connection",
      "name: mine\nargv: [a]\nconnection: { prot: 1 }\n",
      /mine\.yaml:3:15: connection\.prot: .* one of transport, host, port, advertise/,
    ],
    [
      "processes that nothing starts",
      "name: mine\nargv: [a]\nprocesses: 2\n",
      /mine\.yaml:2:7: argv: .*expected \{processes\} among the arguments/,
    ],
    [
      "no process",
      "name: mine\nargv: [a, '{processes}']\nprocesses: 0\n",
      /mine\.yaml:3:12: processes: found 0/,
    ],
    [
      "tcp without keys",
      "name: mine\nargv: [a]\nconnection: { transport: tcp }\n",
      /mine\.yaml:2:7: argv: .*\{keys\}.*over tcp the worker needs keys/,
    ],
    [
      "keys without tcp",
      "name: mine\nargv: [a, '{keys}']\n",
      /mine\.yaml:2:7: argv: .*there are none over ipc/,
    ],
    [
      "an IPv6 address with a zone",
      "name: mine\nargv: [a, '{keys}']\nconnection: { transport: tcp, host: 'fe80::1%eth0' }\n",
      /connection\.host: found "fe80::1%eth0", expected an IPv4 or IPv6 address or a name/,
    ],
    [
      "a name in brackets",
      "name: mine\nargv: [a, '{keys}']\nconnection: { transport: tcp, advertise: '[box]' }\n",
      /connection\.advertise: found "\[box\]", expected an IPv4 or IPv6 address or a name/,
    ],
    [
      "a host that is more than one",
      "name: mine\nargv: [a, '{keys}']\nconnection: { transport: tcp, host: 'x; rm' }\n",
      /mine\.yaml:3:37: connection\.host: found "x; rm", expected an IPv4 or IPv6 address or a name/,
    ],
    [
      "a launcher without its section",
      "name: mine\nlauncher: ssh\nargv: [a]\n",
      /mine\.yaml:1:1: ssh: found nothing, expected a section ssh: launcher: ssh needs it/,
    ],
    [
      "a section without its launcher",
      "name: mine\nargv: [a]\ncontainer: { image: i }\n",
      /mine\.yaml:3:12: container: .*no section container without launcher: container/,
    ],
    [
      "a cluster's launcher without tcp",
      "name: mine\nargv: [a]\nlauncher: slurm\nslurm: {}\n",
      /connection\.transport: .*expected tcp: launcher: slurm starts it on another machine/,
    ],
    [
      "a launcher with a connection of its own",
      "name: mine\nargv: [a, '{keys}']\nlauncher: ssh\nssh: { host: h, folder: f }\nconnection: { transport: tcp }\n",
      /mine\.yaml:5:26: connection\.transport: .*launcher: ssh brings the worker's socket along/,
    ],
    [
      "an unknown launcher",
      "name: mine\nargv: [a]\nlauncher: shs\n",
      /mine\.yaml:3:11: launcher: found "shs", expected one of "command"\|"ssh"\|"container"/,
    ],
    [
      "an unknown key of ssh",
      "name: mine\nargv: [a]\nlauncher: ssh\nssh: { host: h, folder: f, prot: 1 }\n",
      /mine\.yaml:4:28: ssh\.prot: .* one of host, user, port, identity, folder, python, options/,
    ],
    [
      "a mount that is none",
      "name: mine\nargv: [a]\nlauncher: container\ncontainer: { image: i, mounts: [x] }\n",
      /mine\.yaml:4:33: container\.mounts\.0: found "x", expected \/folder, /,
    ],
    ["a wrong type", "name: mine\nargv: worker\n", /mine\.yaml:2:7: argv: found "worker"/],
    [
      "no program",
      "name: mine\nargv: []\n",
      /mine\.yaml:2:7: argv\.0: found nothing, expected string\./,
    ],
    [
      "a range",
      "name: mine\nargv: [a]\nstart_seconds: 0\n",
      /mine\.yaml:3:16: start_seconds: found 0/,
    ],
    [
      "a placeholder",
      "name: mine\nargv:\n  - a\n  - '{pyton}'\n",
      /mine\.yaml:4:5: argv\.1: .*\{pyton\}/,
    ],
    [
      "a number in the environment",
      "name: mine\nargv: [a]\nenvironment:\n  OMP: 1\n",
      /mine\.yaml:4:8: environment\.OMP: found 1/,
    ],
    [
      "a bad variable",
      "name: mine\nargv: [a]\nenvironment:\n  1X: a\n",
      /mine\.yaml:4:3: environment\.1X: found the name "1X"/,
    ],
    ["no YAML", "name: [\n", /mine\.yaml:.*malformed YAML/],
  ])("%s is told with file, line and key", (_, text, expected) => {
    write(text);
    expect(errorOf("mine")).toMatch(expected);
  });
});

test("placeholders are filled wherever they stand, and in values only once", () => {
  const values = {
    python: "/p{endpoint}",
    endpoint: "ipc:///e",
    session: "s",
    root: "/r",
    keys: "",
    processes: "2",
  };
  expect(filled("{root}/python:{root} {python}", values)).toBe("/r/python:/r /p{endpoint}");
  expect(filled("--format={}", values)).toBe("--format={}");
});

describe("how long a worker may be silent", () => {
  const limits = timeoutsSchema.parse({ load: 1, other: 2, control: 3, judge: 4, evaluate: 5 });
  const progress = (phase: string) => ({ phase, done: 1, total: 3, unit: "steps", loss: null });

  test.each([
    ["evaluate", "judge", 4, "judge"],
    ["evaluate", null, 5, "evaluate"],
    ["evaluate", "perplexity", 5, "perplexity"],
    ["load", null, 1, "load"],
    ["load", "import", 1, "import"],
    ["rollout", null, 2, "rollout"],
    ["rollout", "sample", 2, "sample"],
    ["update", "a phase of its own", 2, "update"],
    ["update", "control", 2, "update"],
    ["ping", null, 3, "control"],
  ] as const)("%s in phase %s", (command, phase, seconds, key) => {
    const call = { command, progress: phase === null ? null : progress(phase) };
    expect(timeoutOf(limits, call)).toEqual({ seconds, key });
  });
});
